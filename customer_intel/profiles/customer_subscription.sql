-- Grain: one row per customer with at least one subscription begun before as_of.
-- Meaning: what the customer pays every month and on what terms. MRR is the price of a period after discount,
--   brought to a month (a year is 12, a week 12/52), of active and overdue subscriptions; trials and pauses pay
--   nothing.
-- Caveats: plan, interval and status are those of the subscription with the highest MRR, running ones first.
WITH owned AS (
    SELECT
        r.customer_id,
        s.*,
        lower(s.status) IN ('active', 'past_due')
            AND (s.ended_at IS NULL OR s.ended_at >= CAST($as_of AS TIMESTAMP)) AS is_paying,
        lower(s.status) NOT IN ('canceled', 'cancelled', 'incomplete')
            AND (s.ended_at IS NULL OR s.ended_at >= CAST($as_of AS TIMESTAMP)) AS is_running,
        coalesce(c.rate, 1.0)
            * (CAST(coalesce(s.unit_amount, 0) AS DOUBLE) * coalesce(s.quantity, 1)
                - CAST(coalesce(s.discount, 0) AS DOUBLE))
            / nullif(coalesce(s.interval_count, 1), 0)
            / CASE lower(s.billing_interval)
                WHEN 'year' THEN 12.0 WHEN 'annual' THEN 12.0 WHEN 'quarter' THEN 3.0
                WHEN 'week' THEN 12.0 / 52.0 WHEN 'day' THEN 12.0 / 365.0 ELSE 1.0
            END AS monthly
    FROM subscriptions AS s
    JOIN record_customer_map AS r ON r.record_key = s.record_key AND r.valid_to IS NULL
    LEFT JOIN currency_rate AS c ON c.currency = s.currency AND $as_of >= c.from_day AND $as_of < c.to_day
    WHERE s.started_at < CAST($as_of AS TIMESTAMP)
),
main AS (
    SELECT *
    FROM owned
    QUALIFY row_number() OVER (
        PARTITION BY customer_id
        ORDER BY is_paying DESC, is_running DESC, monthly DESC, started_at DESC, source_system, subscription_id
    ) = 1
),
ended AS (
    SELECT customer_id, coalesce(canceled_at, ended_at) AS last_canceled_at, cancellation_reason
    FROM owned
    WHERE coalesce(canceled_at, ended_at) < CAST($as_of AS TIMESTAMP)
    QUALIFY row_number() OVER (
        PARTITION BY customer_id ORDER BY coalesce(canceled_at, ended_at) DESC, source_system, subscription_id
    ) = 1
),
overdue AS (
    SELECT r.customer_id, count(*) AS invoices_overdue, sum(i.amount_due) AS amount_overdue
    FROM invoices AS i
    JOIN record_customer_map AS r ON r.record_key = i.record_key AND r.valid_to IS NULL
    WHERE i.paid_at IS NULL
        AND i.amount_due > 0
        AND i.due_at < CAST($as_of AS TIMESTAMP)
        AND lower(i.status) NOT IN ('paid', 'void', 'draft')
    GROUP BY r.customer_id
),
measured AS (
    SELECT
        customer_id,
        count(*) AS subscriptions_total,
        count(*) FILTER (WHERE is_paying) AS subscriptions_active,
        sum(CASE WHEN is_paying THEN CAST(round(monthly, 2) AS DECIMAL(18, 2)) ELSE 0 END) AS mrr,
        sum(CASE WHEN is_running THEN coalesce(quantity, 1) ELSE 0 END) AS seats,
        min(started_at) AS subscribed_since,
        min(current_period_end) FILTER (WHERE is_paying AND current_period_end >= CAST($as_of AS TIMESTAMP))
            AS next_renewal_at,
        max(trial_end) FILTER (WHERE is_running AND lower(status) = 'trialing') AS trial_ends_at,
        max(CASE WHEN is_running AND cancel_at_period_end THEN 1 ELSE 0 END) AS n_canceling,
        max(CASE WHEN is_running AND lower(status) IN ('past_due', 'unpaid') THEN 1 ELSE 0 END) AS n_dunning
    FROM owned
    GROUP BY customer_id
)
SELECT
    m.customer_id,
    CAST(m.subscriptions_total AS BIGINT) AS subscriptions_total,
    CAST(m.subscriptions_active AS BIGINT) AS subscriptions_active,
    CAST(m.mrr AS DECIMAL(18, 2)) AS mrr,
    s.plan_id,
    s.plan_name,
    lower(s.status) AS subscription_status,
    s.billing_interval,
    CAST(round(m.seats, 0) AS BIGINT) AS seats,
    m.subscribed_since,
    m.next_renewal_at,
    m.trial_ends_at,
    m.n_canceling > 0 AS is_canceling,
    m.n_dunning > 0 OR coalesce(o.invoices_overdue, 0) > 0 AS is_in_dunning,
    CAST(coalesce(o.amount_overdue, 0) AS DECIMAL(18, 2)) AS amount_overdue,
    e.last_canceled_at,
    e.cancellation_reason
FROM measured AS m
JOIN main AS s ON s.customer_id = m.customer_id
LEFT JOIN ended AS e ON e.customer_id = m.customer_id
LEFT JOIN overdue AS o ON o.customer_id = m.customer_id
