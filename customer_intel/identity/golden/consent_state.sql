-- Grain: one row per customer, contact point, purpose and channel that somebody has decided on.
-- Meaning: contact_point_type email and phone answer "may we write to this address for this purpose"; type customer
--   (the point is the customer id) answers for uses without an address, such as profiling, by the strictest of the
--   latest choices of the customer's records. What no row grants is not allowed.
-- Caveats: a choice holds for the addresses of the record it was made on, so a merge never widens a grant. A choice
--   for all channels has channel any, counts for every channel, and stands for channels without a row of their own.
--   Opt-out flags on a contact hold as long as they are set. A refusal by anyone who shares an address blocks the
--   address.
WITH today AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
point AS (
    SELECT p.record_key, t.customer_id, 'email' AS point_type, p.email_norm AS point
    FROM party_record AS p
    JOIN today AS t ON t.record_key = p.record_key
    WHERE p.email_norm IS NOT NULL
    UNION
    SELECT p.record_key, t.customer_id, 'email', p.secondary_email_norm
    FROM party_record AS p
    JOIN today AS t ON t.record_key = p.record_key
    WHERE p.secondary_email_norm IS NOT NULL
    UNION
    SELECT p.record_key, t.customer_id, 'phone', p.mobile_e164
    FROM party_record AS p
    JOIN today AS t ON t.record_key = p.record_key
    WHERE p.mobile_e164 IS NOT NULL
    UNION
    SELECT p.record_key, t.customer_id, 'phone', p.phone_e164
    FROM party_record AS p
    JOIN today AS t ON t.record_key = p.record_key
    WHERE p.phone_e164 IS NOT NULL
),
choice AS (
    SELECT
        CASE WHEN subject_id_type IN ('email', 'phone') THEN NULL ELSE record_key END AS record_key,
        CASE
            WHEN subject_id_type = 'email' THEN lower(trim(subject_id))
            WHEN subject_id_type = 'phone' THEN regexp_replace(subject_id, '[^0-9+]', '', 'g')
        END AS point,
        lower(purpose) AS purpose,
        coalesce(lower(channel), 'any') AS channel,
        CASE WHEN lower(status) = 'granted' AND expires_at <= $as_of THEN 'expired' ELSE lower(status) END AS status,
        collected_at,
        expires_at,
        legal_basis,
        'consent' AS consent_basis,
        source_system || ':' || consent_id AS choice_id
    FROM consents
    WHERE collected_at < $as_of
    UNION ALL
    SELECT
        CASE WHEN email IS NULL THEN record_key END,
        lower(trim(email)),
        'marketing',
        coalesce(lower(channel), 'email'),
        'withdrawn',
        occurred_at,
        NULL,
        NULL,
        'unsubscribed',
        source_system || ':' || touch_id
    FROM marketing_touches
    WHERE event IN ('unsubscribed', 'complained') AND occurred_at < $as_of
    UNION ALL
    SELECT record_key, NULL, 'marketing', 'email', 'denied', updated_at, NULL, NULL, 'opt_out_flag', record_key
    FROM contacts
    WHERE email_opt_out
    UNION ALL
    SELECT record_key, NULL, 'marketing', 'phone', 'denied', updated_at, NULL, NULL, 'opt_out_flag', record_key
    FROM contacts
    WHERE do_not_call
),
ranked AS (
    SELECT
        *,
        coalesce(record_key, point) AS subject,
        CASE status WHEN 'granted' THEN 0 WHEN 'expired' THEN 1 WHEN 'withdrawn' THEN 2 ELSE 3 END AS strictness,
        CASE WHEN consent_basis = 'opt_out_flag' THEN 1 ELSE 0 END AS is_standing
    FROM choice
    WHERE coalesce(record_key, point) IS NOT NULL
),
-- What each choice speaks for: the addresses of its record that its channel reaches, or the address wherever held.
spoken AS (
    SELECT p.customer_id, p.point_type, p.point, c.purpose, c.channel, c.status, c.collected_at, c.expires_at,
        c.legal_basis, c.consent_basis, c.choice_id, c.strictness, c.is_standing, c.subject
    FROM ranked AS c
    JOIN point AS p ON p.record_key = c.record_key
    WHERE c.channel = 'any'
        OR (p.point_type = 'email' AND c.channel = 'email')
        OR (p.point_type = 'phone' AND c.channel IN ('phone', 'sms', 'call', 'voice', 'whatsapp', 'mobile'))
    UNION ALL
    SELECT p.customer_id, p.point_type, p.point, c.purpose, c.channel, c.status, c.collected_at, c.expires_at,
        c.legal_basis, c.consent_basis, c.choice_id, c.strictness, c.is_standing, c.subject
    FROM ranked AS c
    JOIN (SELECT DISTINCT customer_id, point_type, point FROM point) AS p ON p.point = c.point
    WHERE c.record_key IS NULL
    UNION ALL
    SELECT t.customer_id, 'customer', t.customer_id, c.purpose, c.channel, c.status, c.collected_at, c.expires_at,
        c.legal_basis, c.consent_basis, c.choice_id, c.strictness, c.is_standing, c.subject
    FROM ranked AS c
    JOIN today AS t ON t.record_key = c.record_key
    UNION ALL
    SELECT p.customer_id, 'customer', p.customer_id, c.purpose, c.channel, c.status, c.collected_at, c.expires_at,
        c.legal_basis, c.consent_basis, c.choice_id, c.strictness, c.is_standing, c.subject
    FROM ranked AS c
    JOIN (SELECT DISTINCT customer_id, point FROM point) AS p ON p.point = c.point
    WHERE c.record_key IS NULL
),
asked AS (
    SELECT DISTINCT customer_id, point_type, point, purpose, channel FROM spoken
),
-- The latest choice of each subject (record or address) on what is asked.
latest AS (
    SELECT
        a.customer_id, a.point_type, a.point, a.purpose, a.channel,
        s.status, s.collected_at, s.expires_at, s.legal_basis, s.consent_basis, s.choice_id, s.strictness,
        s.is_standing,
        row_number() OVER (
            PARTITION BY a.customer_id, a.point_type, a.point, a.purpose, a.channel, s.subject
            ORDER BY s.is_standing DESC, s.collected_at DESC, s.strictness DESC, s.choice_id
        ) AS place
    FROM asked AS a
    JOIN spoken AS s
        ON s.customer_id = a.customer_id AND s.point_type = a.point_type AND s.point = a.point AND s.purpose = a.purpose
        AND (s.channel = a.channel OR s.channel = 'any')
),
-- On an address the latest of them counts, on the customer as a whole the strictest.
settled AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY customer_id, point_type, point, purpose, channel
            ORDER BY
                CASE WHEN point_type = 'customer' THEN strictness ELSE is_standing END DESC,
                collected_at DESC,
                strictness DESC,
                choice_id
        ) AS final_place
    FROM latest
    WHERE place = 1
)
SELECT
    customer_id,
    point_type AS contact_point_type,
    point AS contact_point,
    purpose,
    channel,
    status,
    max(strictness) OVER (PARTITION BY point_type, point, purpose, channel) = 0 AS is_exportable,
    collected_at,
    expires_at,
    legal_basis,
    consent_basis
FROM settled
WHERE final_place = 1
