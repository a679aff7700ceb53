-- Grain: one row per customer with a subscription begun before as_of.
-- Meaning: what the customer pays every month and on what terms, from subscription_fact's stretches of the last day. MRR is
--   in the reporting currency, summed by currency and then brought over, and empty where a currency has no rate.
-- Caveats: plan, interval and status are those of the subscription with the highest MRR, running ones first.
WITH today AS (
    SELECT *
    FROM subscription_fact
    WHERE valid_to IS NULL AND customer_id IS NOT NULL
),
main AS (
    SELECT *
    FROM today
    QUALIFY row_number() OVER (
        PARTITION BY customer_id
        ORDER BY CASE WHEN mrr > 0 THEN 1 ELSE 0 END DESC, is_running DESC, coalesce(mrr_reporting, mrr) DESC,
            started_on DESC, subscription_key
    ) = 1
),
ended AS (
    SELECT customer_id, coalesce(canceled_at, CAST(ends_on AS TIMESTAMP)) AS last_canceled_at, cancellation_reason
    FROM today
    WHERE coalesce(canceled_at, CAST(ends_on AS TIMESTAMP)) < CAST($as_of AS TIMESTAMP)
    QUALIFY row_number() OVER (
        PARTITION BY customer_id ORDER BY coalesce(canceled_at, CAST(ends_on AS TIMESTAMP)) DESC, subscription_key
    ) = 1
),
by_currency AS (
    SELECT t.customer_id, round(sum(t.mrr) * max(c.rate), 2) AS mrr, CASE WHEN sum(t.mrr) > 0 THEN 1 ELSE 0 END AS pays,
        CASE WHEN max(c.rate) IS NULL THEN 1 ELSE 0 END AS lacks_rate
    FROM today AS t
    LEFT JOIN currency_rate AS c ON c.currency = t.currency AND $as_of - 1 >= c.from_day AND $as_of - 1 < c.to_day
    GROUP BY t.customer_id, t.currency
),
recurring AS (
    SELECT
        customer_id,
        CASE WHEN sum(pays * lacks_rate) = 0 THEN sum(CASE WHEN pays = 1 THEN mrr ELSE 0 END) END AS mrr
    FROM by_currency
    GROUP BY customer_id
),
measured AS (
    SELECT
        customer_id,
        count(*) AS subscriptions_total,
        count(*) FILTER (WHERE mrr > 0) AS subscriptions_active,
        sum(CASE WHEN is_running THEN seats ELSE 0 END) AS seats,
        min(started_on) AS subscribed_since,
        min(current_period_end) FILTER (WHERE mrr > 0 AND current_period_end >= CAST($as_of AS TIMESTAMP)) AS next_renewal_at,
        max(trial_ends_on) FILTER (WHERE is_trial) AS trial_ends_on,
        max(CASE WHEN is_ending THEN 1 ELSE 0 END) AS n_ending,
        max(CASE WHEN is_dunning THEN 1 ELSE 0 END) AS n_dunning
    FROM today
    GROUP BY customer_id
)
SELECT
    m.customer_id,
    CAST(m.subscriptions_total AS BIGINT) AS subscriptions_total,
    CAST(m.subscriptions_active AS BIGINT) AS subscriptions_active,
    CAST(r.mrr AS DECIMAL(18, 2)) AS mrr,
    s.plan_id,
    s.plan_name,
    s.state AS subscription_status,
    s.billing_interval,
    CAST(m.seats AS BIGINT) AS seats,
    CAST(m.subscribed_since AS TIMESTAMP) AS subscribed_since,
    f.paying_since,
    m.next_renewal_at,
    CAST(m.trial_ends_on AS TIMESTAMP) AS trial_ends_at,
    m.n_ending > 0 AS is_canceling,
    m.n_dunning > 0 OR coalesce(o.invoices_overdue, 0) > 0 AS is_in_dunning,
    e.last_canceled_at,
    e.cancellation_reason
FROM measured AS m
JOIN main AS s ON s.customer_id = m.customer_id
JOIN recurring AS r ON r.customer_id = m.customer_id
LEFT JOIN (
    SELECT customer_id, min(valid_from) AS paying_since FROM subscription_fact WHERE mrr > 0 GROUP BY customer_id
) AS f ON f.customer_id = m.customer_id
LEFT JOIN ended AS e ON e.customer_id = m.customer_id
LEFT JOIN customer_payments AS o ON o.customer_id = m.customer_id
