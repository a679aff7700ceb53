-- Grain: one row per pair of records and reason that a person should look at.
-- Meaning: a shared strong value suggests one person; either a veto speaks against it, or the value fits several
--   people who cannot be one (reason ambiguous). Decide by a row in identity_overrides.
-- Caveats: one pair stands for all records that agree in name, birth date and login. Pairs that ended up with one
--   customer by another way, or are decided, are not listed.
WITH suspected AS (
    SELECT record_key_a, record_key_b, reason, identifier_type, value_norm, CAST(NULL AS DOUBLE) AS probability
    FROM match_conflict
    WHERE reason <> 'never_merge' AND value_norm IS NOT NULL AND identifier_type <> 'email_base'
    UNION ALL
    SELECT record_key_a, record_key_b, 'ambiguous', identifier_type, value_norm, probability
    FROM match_edge
    WHERE NOT is_link
),
ranked AS (
    SELECT
        s.*,
        row_number() OVER (
            PARTITION BY s.record_key_a, s.record_key_b
            ORDER BY s.reason = 'ambiguous', s.identifier_type, s.value_norm
        ) AS place
    FROM suspected AS s
)
SELECT
    r.record_key_a,
    r.record_key_b,
    a.customer_id AS customer_id_a,
    b.customer_id AS customer_id_b,
    r.reason,
    r.identifier_type,
    r.value_norm,
    r.probability
FROM ranked AS r
JOIN record_customer_map AS a ON a.record_key = r.record_key_a AND a.valid_to IS NULL
JOIN record_customer_map AS b ON b.record_key = r.record_key_b AND b.valid_to IS NULL
-- Not <>: DuckDB 2.0 would join all customers with all others on it first.
WHERE r.place = 1 AND CASE WHEN a.customer_id = b.customer_id THEN 0 ELSE 1 END = 1
    AND NOT EXISTS (
        SELECT 1 FROM match_conflict AS d
        WHERE d.reason = 'never_merge' AND d.record_key_a = r.record_key_a AND d.record_key_b = r.record_key_b
    )
