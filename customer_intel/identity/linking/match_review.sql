-- Grain: one row per pair of customers who may be one, or per doubtful pair of records within a customer.
-- Meaning: evidence brings the two near each other and something speaks against it, or is missing. Decide by a row in
--   identity_overrides (customer-intel review writes it).
-- Caveats: one pair, that of the most evidence, stands for all records of the same two customers. Decided pairs are not
--   listed; nor are vetoes between records that share no value and little else.
WITH today AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
pair AS (
    SELECT
        e.*,
        a.customer_id AS customer_id_a,
        b.customer_id AS customer_id_b,
        CASE WHEN a.customer_id = b.customer_id THEN 'merged' ELSE 'not_merged' END AS review_kind,
        coalesce(e.veto, e.doubt, 'unsure') AS reason
    FROM match_edge AS e
    JOIN today AS a ON a.record_key = e.record_key_a
    JOIN today AS b ON b.record_key = e.record_key_b
    WHERE e.decision IS NULL AND NOT e.is_copy
),
suspected AS (
    SELECT * FROM pair
    WHERE (review_kind = 'not_merged' AND (
            (veto IS NULL AND doubt IS NOT NULL AND weight >= -2)
            OR (veto IS NULL AND doubt IS NULL AND weight >= -4)
            OR (veto IS NOT NULL AND weight >= 4)))
        OR (review_kind = 'merged' AND (doubt IS NOT NULL OR weight < -2))
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY least(customer_id_a, customer_id_b), greatest(customer_id_a, customer_id_b)
            ORDER BY CASE WHEN review_kind = 'merged' THEN weight ELSE -weight END, record_key_a, record_key_b
        ) AS place
    FROM suspected
)
SELECT
    record_key_a, record_key_b, customer_id_a, customer_id_b, review_kind, reason, identifier_type, weight, probability
FROM ranked
WHERE place = 1
