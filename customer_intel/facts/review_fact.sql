-- Grain: one row per review written before as_of.
-- Meaning: who rated what how; stars brings the rating to five where its scale is known. The words stay inside the house.
-- Caveats: a rating without a maximum counts as one of five.
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_reviews GROUP BY source_system
),
first_seen AS (
    SELECT source_system, review_id, min(exported_at) AS seen_at FROM raw_reviews GROUP BY source_system, review_id
)
SELECT
    v.source_system || ':' || v.review_id AS review_key,
    v.source_system,
    v.review_id,
    r.customer_id,
    v.record_key,
    v.platform,
    CASE WHEN v.product_id IS NOT NULL THEN v.source_system || ':' || v.product_id END AS product_key,
    CASE WHEN v.order_id IS NOT NULL THEN v.source_system || ':' || v.order_id END AS order_key,
    CAST(v.rating AS DOUBLE) AS rating,
    CAST(v.rating AS DOUBLE) * 5.0 / nullif(CAST(coalesce(v.rating_max, 5) AS DOUBLE), 0) AS stars,
    v.created_at AS written_at,
    local_day(v.created_at) AS review_day,
    CASE WHEN s.seen_at = f.first_exported_at THEN least(v.created_at, s.seen_at) ELSE s.seen_at END AS known_at
FROM reviews AS v
LEFT JOIN first_seen AS s ON s.source_system = v.source_system AND s.review_id = v.review_id
LEFT JOIN first_export AS f ON f.source_system = v.source_system
LEFT JOIN customer_record AS r ON r.record_key = v.record_key
WHERE local_day(v.created_at) < $as_of
