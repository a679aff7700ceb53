-- Grain: one row per party record and identifying value.
-- Meaning: unique values link whatever else differs; strong ones link unless a veto speaks; weak ones link only where
--   the names agree as well. Mobile and landline share the namespace phone: one person's "phone" is another form's
--   "mobile".
-- Caveats: a function's mailbox (info@, a till's, noreply@) is of strength role: it links only where first and last
--   names do not differ. What nobody has, or too many share, stands here too: hub_value says which.
WITH fact AS (
    SELECT
        record_key, 'user_id' AS identifier_type, 'user' AS namespace, external_user_id AS value_norm,
        'unique' AS strength
    FROM party_record
    UNION ALL
    SELECT record_key, 'email', 'email', email_norm, CASE WHEN is_role_mailbox THEN 'role' ELSE 'strong' END
    FROM party_record
    UNION ALL
    SELECT
        record_key, 'email', 'email', secondary_email_norm,
        CASE WHEN is_secondary_role_mailbox THEN 'role' ELSE 'strong' END
    FROM party_record
    UNION ALL
    SELECT record_key, 'phone', 'phone', mobile_e164, 'strong' FROM party_record
    UNION ALL
    SELECT record_key, 'phone', 'phone', phone_e164, CASE WHEN is_phone_landline THEN 'weak' ELSE 'strong' END
    FROM party_record
    UNION ALL
    SELECT record_key, 'phone', 'phone', phone_local, 'weak' FROM party_record
    UNION ALL
    SELECT record_key, 'email_base', 'email', email_base, 'weak' FROM party_record
),
-- One value is of one strength everywhere, the weakest that any record gives it: else records' order would matter.
ranked AS (
    SELECT
        *,
        max(CASE strength WHEN 'weak' THEN 3 WHEN 'role' THEN 2 WHEN 'strong' THEN 1 ELSE 0 END)
            OVER (PARTITION BY identifier_type, namespace, value_norm) AS weakness
    FROM fact
    WHERE value_norm IS NOT NULL AND value_norm <> ''
)
SELECT DISTINCT
    record_key,
    identifier_type,
    namespace,
    value_norm,
    CASE weakness WHEN 3 THEN 'weak' WHEN 2 THEN 'role' WHEN 1 THEN 'strong' ELSE 'unique' END AS strength
FROM ranked
