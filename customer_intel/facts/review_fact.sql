-- Grain: one row per review written before as_of.
-- Meaning: who rated what how; stars brings the rating to five where its scale is known. The words stay inside the house.
-- Caveats: a rating without a maximum counts as one of five.
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
    local_day(v.created_at) AS review_day
FROM reviews AS v
LEFT JOIN customer_record AS r ON r.record_key = v.record_key
WHERE local_day(v.created_at) < $as_of
