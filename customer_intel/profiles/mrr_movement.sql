-- Grain: one row per customer, day and currency on which the monthly recurring revenue changed.
-- Meaning: opening + new_mrr + expansion + contraction + churned + reactivation = closing. A customer's
--   subscriptions are netted within the day: moving from one plan to another is an expansion or contraction, not a
--   churn and a start.
-- Caveats: where a source sends no subscription_events, its subscriptions' present price counts from start to end,
--   so past price changes are unseen. Days are UTC; currencies stay apart.
WITH known_record AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
priced AS (
    SELECT
        r.customer_id,
        s.source_system,
        s.subscription_id,
        s.currency,
        s.started_at,
        coalesce(s.ended_at, CASE WHEN lower(s.status) IN ('canceled', 'cancelled') THEN s.canceled_at END) AS ended_at,
        CASE WHEN lower(s.status) IN ('trialing', 'incomplete', 'paused') THEN 0.0 ELSE
            (CAST(coalesce(s.unit_amount, 0) AS DOUBLE) * coalesce(s.quantity, 1)
                - CAST(coalesce(s.discount, 0) AS DOUBLE))
            / nullif(coalesce(s.interval_count, 1), 0)
            / CASE lower(s.billing_interval)
                WHEN 'year' THEN 12.0 WHEN 'annual' THEN 12.0 WHEN 'quarter' THEN 3.0
                WHEN 'week' THEN 12.0 / 52.0 WHEN 'day' THEN 12.0 / 365.0 ELSE 1.0
            END
        END AS monthly
    FROM subscriptions AS s
    JOIN known_record AS r ON r.record_key = s.record_key
),
untold AS (
    SELECT p.*
    FROM priced AS p
    LEFT JOIN (SELECT DISTINCT source_system, subscription_id FROM subscription_events WHERE mrr IS NOT NULL) AS e
        ON e.source_system = p.source_system AND e.subscription_id = p.subscription_id
    WHERE e.subscription_id IS NULL
),
moment AS (
    SELECT p.customer_id, p.source_system, p.subscription_id, p.currency, e.occurred_at, e.event_id, e.mrr
    FROM subscription_events AS e
    JOIN priced AS p ON p.source_system = e.source_system AND p.subscription_id = e.subscription_id
    WHERE e.mrr IS NOT NULL
    UNION ALL
    SELECT
        customer_id, source_system, subscription_id, currency, started_at, '1',
        CAST(round(monthly, 2) AS DECIMAL(18, 2))
    FROM untold
    UNION ALL
    SELECT customer_id, source_system, subscription_id, currency, ended_at, '2', CAST(0 AS DECIMAL(18, 2))
    FROM untold
    WHERE ended_at IS NOT NULL
),
step AS (
    SELECT
        customer_id,
        currency,
        CAST(occurred_at AS DATE) AS day,
        mrr - coalesce(
            lag(mrr) OVER (PARTITION BY source_system, subscription_id ORDER BY occurred_at, event_id), 0
        ) AS moved
    FROM moment
    WHERE occurred_at < CAST($as_of AS TIMESTAMP)
),
net AS (
    SELECT customer_id, currency, day, sum(moved) AS moved
    FROM step
    GROUP BY customer_id, currency, day
    HAVING sum(moved) <> 0
),
running AS (
    SELECT
        *,
        sum(moved) OVER (PARTITION BY customer_id, currency ORDER BY day) AS closing,
        row_number() OVER (PARTITION BY customer_id, currency ORDER BY day) AS nth
    FROM net
)
SELECT
    customer_id,
    day,
    currency,
    CAST(closing - moved AS DECIMAL(18, 2)) AS opening_mrr,
    CAST(CASE WHEN nth = 1 THEN moved ELSE 0 END AS DECIMAL(18, 2)) AS new_mrr,
    CAST(CASE WHEN nth > 1 AND closing - moved > 0 AND moved > 0 THEN moved ELSE 0 END AS DECIMAL(18, 2))
        AS expansion_mrr,
    CAST(CASE WHEN nth > 1 AND closing > 0 AND moved < 0 THEN moved ELSE 0 END AS DECIMAL(18, 2)) AS contraction_mrr,
    CAST(CASE WHEN nth > 1 AND closing <= 0 AND moved < 0 THEN moved ELSE 0 END AS DECIMAL(18, 2)) AS churned_mrr,
    CAST(CASE WHEN nth > 1 AND closing - moved <= 0 AND moved > 0 THEN moved ELSE 0 END AS DECIMAL(18, 2))
        AS reactivation_mrr,
    CAST(closing AS DECIMAL(18, 2)) AS closing_mrr
FROM running
