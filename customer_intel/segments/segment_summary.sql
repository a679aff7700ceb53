-- Grain: one row per RFM segment that has customers.
-- Caveat: shares are of customers with an order, not of all known people.
WITH totals AS (
    SELECT count(*) AS customers FROM rfm
)
SELECT
    r.segment,
    CAST(count(*) AS BIGINT) AS n,
    round(CAST(count(*) AS DOUBLE) / nullif(max(t.customers), 0), 9) AS share,
    CAST(sum(r.monetary) AS DECIMAL(18, 2)) AS revenue,
    CAST(round(CAST(sum(r.monetary) AS DOUBLE) / nullif(CAST(sum(r.frequency) AS DOUBLE), 0), 2) AS DECIMAL(18, 2))
        AS average_order_value,
    CAST(median(r.recency_days) AS DOUBLE) AS median_recency_days
FROM rfm AS r
CROSS JOIN totals AS t
GROUP BY r.segment
