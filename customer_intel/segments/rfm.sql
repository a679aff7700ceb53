-- Grain: one row per customer with at least one order that was not cancelled before the cut-off.
-- Scores 1..5 come from mid-rank percentiles: equal values always get equal scores, which quintiles do not promise
-- (half of all customers have exactly one order). 5 is best: most recent, most orders, most money.
-- Caveats: money is net of refunds, in the reporting currency where a rate is known, else as the order has it. Names are
-- relative to this company's own customers: somebody is a champion in every company.
WITH person AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
kept AS (
    SELECT
        p.customer_id,
        o.ordered_at,
        CAST(round((o.total - coalesce(o.refunded, 0)) * coalesce(c.rate, 1), 2) AS DECIMAL(18, 2)) AS net
    FROM orders AS o
    JOIN person AS p ON p.record_key = o.record_key
    LEFT JOIN currency_rate AS c
        ON c.currency = o.currency
        AND CAST(o.ordered_at AS DATE) >= c.from_day
        AND CAST(o.ordered_at AS DATE) < c.to_day
    WHERE o.ordered_at < $as_of
        AND CASE
            WHEN o.cancelled_at IS NOT NULL THEN o.cancelled_at >= $as_of
            ELSE coalesce(lower(o.status), '') NOT IN ('cancelled', 'canceled', 'voided')
        END
),
customer AS (
    SELECT
        customer_id,
        max(ordered_at) AS last_order_at,
        date_diff('day', CAST(max(ordered_at) AS DATE), $as_of) AS recency_days,
        count(*) AS frequency,
        CAST(coalesce(sum(net), 0) AS DECIMAL(18, 2)) AS monetary
    FROM kept
    GROUP BY customer_id
),
mid_rank AS (
    -- Twice the mid-rank, so that it stays whole: 2 * (customers below) + customers equal.
    SELECT
        *,
        2 * (rank() OVER (ORDER BY recency_days DESC) - 1) + count(*) OVER (PARTITION BY recency_days) AS r_rank,
        2 * (rank() OVER (ORDER BY frequency) - 1) + count(*) OVER (PARTITION BY frequency) AS f_rank,
        2 * (rank() OVER (ORDER BY monetary) - 1) + count(*) OVER (PARTITION BY monetary) AS m_rank,
        2 * count(*) OVER () AS n_rank
    FROM customer
),
scored AS (
    SELECT
        *,
        CAST(floor(CAST(5 * r_rank AS DOUBLE) / nullif(n_rank, 0)) AS BIGINT) + 1 AS r_score,
        CAST(floor(CAST(5 * f_rank AS DOUBLE) / nullif(n_rank, 0)) AS BIGINT) + 1 AS f_score,
        CAST(floor(CAST(5 * m_rank AS DOUBLE) / nullif(n_rank, 0)) AS BIGINT) + 1 AS m_score
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
    concat(CAST(r_score AS VARCHAR), CAST(f_score AS VARCHAR), CAST(m_score AS VARCHAR)) AS rfm_score,
    CASE
        WHEN frequency = 1 AND r_score = 5 THEN 'new_customers'
        WHEN frequency = 1 AND r_score = 4 THEN 'promising'
        WHEN r_score >= 4 AND fm_score >= 4 THEN 'champions'
        WHEN r_score >= 4 AND fm_score = 3 THEN 'loyal_customers'
        WHEN r_score >= 4 THEN 'potential_loyalists'
        WHEN r_score = 3 AND fm_score >= 4 AND frequency > 1 THEN 'loyal_customers'
        WHEN r_score = 3 AND fm_score >= 3 THEN 'need_attention'
        WHEN r_score = 3 THEN 'about_to_sleep'
        WHEN fm_score = 5 THEN 'cant_lose_them'
        WHEN fm_score >= 3 THEN 'at_risk'
        WHEN r_score = 2 THEN 'hibernating'
        ELSE 'lost'
    END AS segment
FROM worth
