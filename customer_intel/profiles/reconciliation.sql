-- Grain: one row per figure and table that carries it.
-- Meaning: the same figure, summed by customer over each table that carries it, against the fact that decides it.
--   n_differing counts customers for whom the table says otherwise, to the cent; the gate closes on the first.
-- Caveats: rfm leaves out who may not be profiled and whose amounts have no rate, so its rows are compared one by one.
--   Amounts that nobody can convert are in neither side.
WITH revenue AS (
    SELECT
        customer_id,
        CASE WHEN sum(CASE WHEN amount IS NULL THEN 1 ELSE 0 END) = 0 THEN sum(amount) END AS v
    FROM (
        SELECT customer_id, gross_reporting AS amount FROM order_fact WHERE is_sale AND customer_id IS NOT NULL
        UNION ALL
        SELECT customer_id, -refund_reporting FROM refund_fact WHERE is_counted AND customer_id IS NOT NULL
    )
    GROUP BY customer_id
),
refunds AS (
    SELECT
        customer_id,
        CASE WHEN sum(CASE WHEN refund_reporting IS NULL THEN 1 ELSE 0 END) = 0 THEN sum(refund_reporting) END AS v
    FROM refund_fact
    WHERE is_counted AND customer_id IS NOT NULL
    GROUP BY customer_id
),
orders_counted AS (
    SELECT customer_id, count(*) AS v FROM order_fact WHERE is_counted AND customer_id IS NOT NULL GROUP BY customer_id
),
recurring AS (
    SELECT customer_id, currency, sum(mrr) AS v
    FROM subscription_fact
    WHERE valid_to IS NULL AND customer_id IS NOT NULL
    GROUP BY customer_id, currency
),
recurring_reporting AS (
    SELECT r.customer_id, CASE WHEN sum(CASE WHEN r.v > 0 AND c.rate IS NULL THEN 1 ELSE 0 END) = 0
        THEN sum(CASE WHEN r.v > 0 THEN CAST(round(r.v * c.rate, 2) AS DECIMAL(18, 2)) ELSE 0 END) END AS v
    FROM recurring AS r
    LEFT JOIN currency_rate AS c ON c.currency = r.currency AND $as_of - 1 >= c.from_day AND $as_of - 1 < c.to_day
    GROUP BY r.customer_id
),
paying AS (
    SELECT customer_id, max(CASE WHEN v > 0 THEN 1 ELSE 0 END) AS v FROM recurring GROUP BY customer_id
),
last_movement AS (
    SELECT customer_id, currency, closing_mrr AS v
    FROM mrr_movement
    QUALIFY row_number() OVER (PARTITION BY customer_id, currency ORDER BY day DESC) = 1
),
daily AS (
    SELECT
        customer_id,
        sum(CASE WHEN activity = 'order_placed' THEN n ELSE 0 END) AS orders,
        CASE WHEN sum(CASE WHEN revenue IS NULL THEN 1 ELSE 0 END) = 0 THEN sum(revenue) END AS revenue,
        CASE WHEN sum(CASE WHEN activity = 'order_refunded' AND revenue IS NULL THEN 1 ELSE 0 END) = 0
            THEN -sum(CASE WHEN activity = 'order_refunded' THEN revenue ELSE 0 END) END AS refunds
    FROM activity_daily
    WHERE day < $as_of
    GROUP BY customer_id
),
-- Each side once: what the table says of a customer, and what the facts say.
said AS (
    SELECT 'orders' AS figure, 'customer_profile' AS table_name, customer_id, CAST(orders_total AS DOUBLE) AS v FROM customer_profile
    UNION ALL
    SELECT 'orders', 'activity_daily', customer_id, CAST(orders AS DOUBLE) FROM daily
    UNION ALL
    SELECT 'orders', 'rfm', customer_id, CAST(frequency AS DOUBLE) FROM rfm
    UNION ALL
    SELECT 'net_revenue', 'customer_profile', customer_id, CAST(revenue_total AS DOUBLE) FROM customer_profile
    UNION ALL
    SELECT 'net_revenue', 'activity_daily', customer_id, CAST(revenue AS DOUBLE) FROM daily
    UNION ALL
    SELECT 'net_revenue', 'rfm', customer_id, CAST(monetary AS DOUBLE) FROM rfm
    UNION ALL
    SELECT 'refunds', 'customer_profile', customer_id, CAST(refunded_total AS DOUBLE) FROM customer_profile
    UNION ALL
    SELECT 'refunds', 'activity_daily', customer_id, CAST(refunds AS DOUBLE) FROM daily
    UNION ALL
    SELECT 'mrr', 'customer_profile', customer_id, CAST(mrr AS DOUBLE) FROM customer_profile
    UNION ALL
    SELECT 'mrr_by_currency', 'mrr_movement', customer_id || '|' || currency, CAST(v AS DOUBLE) FROM last_movement
    UNION ALL
    SELECT 'paying_customers', 'customer_profile', customer_id, CASE WHEN subscriptions_active > 0 THEN 1.0 ELSE 0.0 END
    FROM customer_profile
    UNION ALL
    SELECT 'paying_customers', 'mrr_movement', customer_id, max(CASE WHEN v > 0 THEN 1.0 ELSE 0.0 END)
    FROM last_movement
    GROUP BY customer_id
),
decided AS (
    SELECT 'orders' AS figure, customer_id, CAST(v AS DOUBLE) AS v FROM orders_counted
    UNION ALL
    SELECT 'net_revenue', customer_id, CAST(v AS DOUBLE) FROM revenue
    UNION ALL
    SELECT 'refunds', customer_id, CAST(v AS DOUBLE) FROM refunds
    UNION ALL
    SELECT 'mrr', customer_id, CAST(v AS DOUBLE) FROM recurring_reporting
    UNION ALL
    SELECT 'mrr_by_currency', customer_id || '|' || currency, CAST(v AS DOUBLE) FROM recurring
    UNION ALL
    SELECT 'paying_customers', customer_id, CAST(v AS DOUBLE) FROM paying
),
told_by AS (
    SELECT DISTINCT figure, table_name FROM said
),
expected AS (
    SELECT t.figure, t.table_name, d.customer_id, d.v
    FROM told_by AS t
    JOIN decided AS d ON d.figure = t.figure
    WHERE t.table_name <> 'rfm' OR d.customer_id IN (SELECT customer_id FROM rfm)
),
compared AS (
    SELECT
        coalesce(s.figure, e.figure) AS figure,
        coalesce(s.table_name, e.table_name) AS table_name,
        s.v AS said,
        e.v AS decided,
        CASE
            WHEN s.customer_id IS NOT NULL AND s.v IS NULL AND e.customer_id IS NOT NULL AND e.v IS NULL THEN 0
            WHEN s.customer_id IS NOT NULL AND s.v IS NULL OR e.customer_id IS NOT NULL AND e.v IS NULL THEN 1
            WHEN abs(coalesce(s.v, 0) - coalesce(e.v, 0)) > 0.005 THEN 1
            ELSE 0
        END AS differs
    FROM said AS s
    FULL JOIN expected AS e
        ON e.figure = s.figure AND e.table_name = s.table_name AND e.customer_id = s.customer_id
)
SELECT
    figure,
    table_name,
    CAST(round(coalesce(sum(said), 0), 2) AS DECIMAL(18, 2)) AS table_total,
    CAST(round(coalesce(sum(decided), 0), 2) AS DECIMAL(18, 2)) AS fact_total,
    CAST(sum(differs) AS BIGINT) AS n_differing
FROM compared
GROUP BY figure, table_name
