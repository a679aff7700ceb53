-- Grain: one row per customer and identifying value.
-- Meaning: every address, number and login by which a customer is known, and how many of their records carry it.
-- Caveats: is_hub values belong to many and say nothing of who it is; n_customers above 1 is a shared value.
WITH held AS (
    SELECT
        m.customer_id,
        f.identifier_type,
        f.namespace,
        f.value_norm,
        max(f.strength) AS strength,
        count(*) AS n_records,
        min(p.first_seen_at) AS first_seen_at,
        max(p.last_seen_at) AS last_seen_at
    FROM identifier_fact AS f
    JOIN record_customer_map AS m ON m.record_key = f.record_key AND m.valid_to IS NULL
    JOIN party_record AS p ON p.record_key = f.record_key
    -- Not a number whose country nobody knows: nobody can call it.
    WHERE f.value_norm NOT LIKE '?%'
    GROUP BY m.customer_id, f.identifier_type, f.namespace, f.value_norm
)
SELECT
    h.customer_id,
    h.identifier_type,
    h.namespace,
    h.value_norm,
    h.strength,
    CAST(h.n_records AS BIGINT) AS n_records,
    CAST(count(*) OVER (PARTITION BY h.identifier_type, h.namespace, h.value_norm) AS BIGINT) AS n_customers,
    u.value_norm IS NOT NULL AS is_hub,
    h.first_seen_at,
    h.last_seen_at
FROM held AS h
LEFT JOIN hub_value AS u ON u.identifier_type = h.identifier_type AND u.value_norm = h.value_norm
