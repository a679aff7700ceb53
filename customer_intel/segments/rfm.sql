-- Grain: one row per customer with an order that counts, who may be profiled.
-- Scores 1..5 come from mid-rank percentiles: equal values always get equal scores, which quintiles do not promise
-- (half of all customers have exactly one order). 5 is best: most recent, most orders, most money.
-- Names rest on the lifecycle stage first (new and active, at risk, lapsed), on rank within it second, so that no name stands
-- against the stage: a champion bought within active_days.
-- Caveats: money is net of refunds, in the reporting currency; without a rate there is no money score and the segment is
-- not_available. Ranks are relative to this company's own customers.
WITH refunded AS (
    SELECT customer_id, sum(refund_reporting) AS amount, sum(CASE WHEN refund_reporting IS NULL THEN 1 ELSE 0 END) AS n_lost
    FROM refund_fact
    WHERE is_counted AND customer_id IS NOT NULL
    GROUP BY customer_id
),
charged AS (
    SELECT
        customer_id,
        sum(gross_reporting) AS amount,
        sum(CASE WHEN gross_reporting IS NULL THEN 1 ELSE 0 END) AS n_lost,
        max(ordered_at) FILTER (WHERE is_counted) AS last_order_at,
        max(order_day) FILTER (WHERE is_counted) AS last_order_day,
        count(*) FILTER (WHERE is_counted) AS frequency
    FROM order_fact
    WHERE is_sale AND customer_id IS NOT NULL
    GROUP BY customer_id
),
customer AS (
    SELECT
        c.customer_id,
        c.last_order_at,
        date_diff('day', c.last_order_day, $as_of) AS recency_days,
        c.frequency,
        CAST(CASE WHEN c.n_lost + coalesce(r.n_lost, 0) = 0 THEN c.amount - coalesce(r.amount, 0) END AS DECIMAL(18, 2))
            AS monetary,
        l.lifecycle_stage
    FROM charged AS c
    LEFT JOIN refunded AS r ON r.customer_id = c.customer_id
    LEFT JOIN customer_lifecycle AS l ON l.customer_id = c.customer_id
    WHERE c.frequency > 0
),
mid_rank AS (
    -- Twice the mid-rank, so that it stays whole: 2 * (customers below) + customers equal.
    SELECT
        *,
        2 * (rank() OVER (ORDER BY recency_days DESC) - 1) + count(*) OVER (PARTITION BY recency_days) AS r_rank,
        2 * (rank() OVER (ORDER BY frequency) - 1) + count(*) OVER (PARTITION BY frequency) AS f_rank,
        CASE WHEN monetary IS NOT NULL THEN
            2 * (rank() OVER (ORDER BY monetary NULLS LAST) - 1) + count(*) OVER (PARTITION BY monetary)
        END AS m_rank,
        2 * count(*) OVER () AS n_rank,
        2 * count(monetary) OVER () AS n_money
    FROM customer
),
scored AS (
    SELECT
        *,
        CAST(floor(CAST(5 * r_rank AS DOUBLE) / nullif(n_rank, 0)) AS BIGINT) + 1 AS r_score,
        CAST(floor(CAST(5 * f_rank AS DOUBLE) / nullif(n_rank, 0)) AS BIGINT) + 1 AS f_score,
        CAST(floor(CAST(5 * m_rank AS DOUBLE) / nullif(n_money, 0)) AS BIGINT) + 1 AS m_score
    FROM mid_rank
),
worth AS (
    SELECT *, CAST(floor(CAST(f_score + m_score AS DOUBLE) / 2) AS BIGINT) AS fm_score FROM scored
)
SELECT
    customer_id,
    last_order_at,
    CAST(recency_days AS BIGINT) AS recency_days,
    CAST(frequency AS BIGINT) AS frequency,
    monetary,
    r_score,
    f_score,
    m_score,
    CASE WHEN m_score IS NOT NULL
        THEN concat(CAST(r_score AS VARCHAR), CAST(f_score AS VARCHAR), CAST(m_score AS VARCHAR)) END AS rfm_score,
    -- A name of rank needs its absolute condition: the stage says how long ago the last sign of life was.
    CASE
        WHEN monetary IS NULL THEN 'not_available'
        WHEN lifecycle_stage IN ('new', 'active') AND recency_days <= $active_days THEN CASE
            WHEN frequency = 1 AND recency_days <= $new_days THEN 'new_customers'
            WHEN frequency = 1 THEN 'promising'
            WHEN r_score >= 3 AND fm_score >= 4 THEN 'champions'
            WHEN fm_score >= 3 THEN 'loyal_customers'
            ELSE 'potential_loyalists'
        END
        -- They come, or pay by the month, but have not ordered for long.
        WHEN lifecycle_stage IN ('new', 'active') THEN 'need_attention'
        WHEN lifecycle_stage = 'at_risk' AND fm_score = 5 THEN 'cant_lose_them'
        WHEN lifecycle_stage = 'at_risk' AND fm_score >= 3 THEN 'at_risk'
        WHEN lifecycle_stage = 'at_risk' THEN 'about_to_sleep'
        WHEN fm_score = 5 THEN 'cant_lose_them'
        WHEN fm_score >= 3 THEN 'hibernating'
        ELSE 'lost'
    END AS segment
FROM worth
