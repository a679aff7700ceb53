-- Grain: one row per party record.
-- Meaning: how surely the record belongs to its customer: from the mean evidence between it and the customer's others.
-- Caveats: 1 of a record that is alone. Pairs that were never compared do not count; copies of a record have its word.
WITH today AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
inside AS (
    SELECT e.record_key_a, e.record_key_b, e.effective_weight, e.is_link, e.doubt
    FROM match_edge AS e
    JOIN today AS a ON a.record_key = e.record_key_a
    JOIN today AS b ON b.record_key = e.record_key_b AND b.customer_id = a.customer_id
),
side AS (
    SELECT record_key_a AS record_key, effective_weight, doubt FROM inside
    UNION ALL
    SELECT record_key_b, effective_weight, doubt FROM inside
),
mean AS (
    SELECT record_key, avg(least(effective_weight, 40)) AS bits, count(*) AS n_pairs FROM side GROUP BY record_key
)
SELECT
    t.record_key,
    t.customer_id,
    CASE WHEN m.bits IS NULL THEN 1.0 ELSE round(1 / (1 + power(2, -greatest(m.bits, -40))), 6) END AS confidence,
    CAST(coalesce(m.n_pairs, 0) AS BIGINT) AS n_pairs
FROM today AS t
LEFT JOIN mean AS m ON m.record_key = t.record_key
