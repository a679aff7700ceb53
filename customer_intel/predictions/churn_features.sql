-- Grain: one row per churn definition, origin and customer who was alive at that origin.
-- Meaning: f_* columns are what was known when the origin's day began (event day < origin). label is 1 when the customer
--   churned in the horizon that begins with the origin, 0 when not, empty while the horizon is not over.
--   Origins are as_of and, in steps, those whose horizon is over, as far back as a horizon of history precedes them.
-- Caveats: today's identity map serves past origins too. A subscription's own amount, seats and status are what they are
--   today, so past amounts come from its events and invoices instead. Early origins see less than a year of history.
WITH person AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
steps AS (
    SELECT k
    FROM (VALUES
        (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14),
        (15), (16), (17), (18), (19), (20), (21), (22), (23), (24), (25), (26), (27), (28), (29),
        (30)
    ) AS v(k)
),
person_day AS (
    SELECT
        customer_id,
        day,
        coalesce(sum(n) FILTER (WHERE activity = 'order_placed'), 0) AS orders,
        coalesce(sum(n) FILTER (WHERE activity = 'order_refunded'), 0) AS refunds,
        coalesce(sum(n) FILTER (WHERE activity = 'ticket_opened'), 0) AS tickets,
        coalesce(sum(n) FILTER (WHERE activity = 'payment_failed'), 0) AS failures,
        sum(sessions_started) AS sessions,
        sum(revenue) AS revenue,
        -- What the company does to a customer is no sign of life.
        max(CASE
            WHEN activity IN ('order_shipped', 'order_delivered', 'order_cancelled', 'order_refunded', 'payment_failed',
                              'payment_succeeded', 'subscription_canceled', 'ticket_solved')
                OR activity LIKE '%sent' OR activity LIKE '%delivered' OR activity LIKE '%bounced'
                OR activity LIKE '%impression' THEN 0
            ELSE 1
        END) AS is_active
    FROM activity_daily
    WHERE day < $as_of
    GROUP BY customer_id, day
),
-- An end that the source does not date is taken at the subscription's last change.
span AS (
    SELECT
        p.customer_id,
        s.source_system,
        s.subscription_id,
        CAST(s.started_at AS DATE) AS started_on,
        CAST(CASE
            WHEN s.ended_at IS NOT NULL THEN s.ended_at
            WHEN s.status = 'canceled' THEN coalesce(s.canceled_at, s.updated_at)
        END AS DATE) AS ended_on,
        s.quantity,
        s.unit_amount,
        s.billing_interval,
        s.interval_count
    FROM subscriptions AS s
    JOIN person AS p ON p.record_key = s.record_key
    WHERE s.started_at < $as_of AND s.status <> 'incomplete'
),
first_day AS (
    SELECT 'purchase' AS kind, min(day) AS day FROM person_day WHERE orders > 0
    UNION ALL
    SELECT 'subscription', min(started_on) FROM span
),
definition AS (
    SELECT
        'purchase' AS kind,
        $purchase_horizon_days AS horizon_days,
        least($purchase_horizon_days, $origin_step_days) AS step_days
    UNION ALL
    SELECT 'subscription', $subscription_horizon_days, least($subscription_horizon_days, $origin_step_days)
),
definition_origin AS (
    SELECT
        d.kind,
        concat(d.kind, '_', CAST(d.horizon_days AS VARCHAR), 'd') AS definition_id,
        d.horizon_days,
        $as_of - s.k * d.step_days AS origin,
        s.k
    FROM definition AS d
    CROSS JOIN steps AS s
    JOIN first_day AS f ON f.kind = d.kind
    WHERE s.k = 0
        OR (
            s.k * d.step_days BETWEEN d.horizon_days AND d.horizon_days + ($past_origins - 1) * d.step_days
            AND $as_of - s.k * d.step_days - d.horizon_days >= f.day
        )
),
origins AS (
    SELECT DISTINCT origin FROM definition_origin
),
behaviour AS (
    SELECT
        o.origin,
        a.customer_id,
        min(a.day) FILTER (WHERE a.orders > 0) AS first_order_day,
        max(a.day) FILTER (WHERE a.orders > 0) AS last_order_day,
        count(*) FILTER (WHERE a.orders > 0) AS order_days,
        max(a.day) FILTER (WHERE a.is_active = 1) AS last_active_day,
        sum(CASE WHEN a.day >= o.origin - 90 THEN a.orders ELSE 0 END) AS orders_90d,
        sum(CASE WHEN a.day >= o.origin - 365 THEN a.orders ELSE 0 END) AS orders_365d,
        sum(CASE WHEN a.day >= o.origin - 365 THEN a.revenue ELSE 0 END) AS revenue_365d,
        sum(CASE WHEN a.day >= o.origin - 365 THEN a.refunds ELSE 0 END) AS refunds_365d,
        sum(CASE WHEN a.day >= o.origin - 28 THEN a.is_active ELSE 0 END) AS active_days_28d,
        sum(CASE WHEN a.day >= o.origin - 56 AND a.day < o.origin - 28 THEN a.is_active ELSE 0 END) AS active_days_before,
        sum(CASE WHEN a.day >= o.origin - 28 THEN a.sessions ELSE 0 END) AS sessions_28d,
        sum(CASE WHEN a.day >= o.origin - 90 THEN a.tickets ELSE 0 END) AS tickets_90d,
        sum(CASE WHEN a.day >= o.origin - 90 THEN a.failures ELSE 0 END) AS failures_90d
    FROM origins AS o
    JOIN person_day AS a ON a.day < o.origin
    GROUP BY o.origin, a.customer_id
),
nps AS (
    SELECT o.origin, p.customer_id, r.score
    FROM survey_responses AS r
    JOIN person AS p ON p.record_key = r.record_key
    JOIN origins AS o ON r.responded_at < o.origin
    WHERE r.survey_type = 'nps' AND r.score BETWEEN 0 AND 10
    QUALIFY row_number() OVER (
        PARTITION BY o.origin, p.customer_id ORDER BY r.responded_at DESC, r.source_system, r.response_id
    ) = 1
),
alive AS (
    SELECT d.definition_id, d.origin, d.horizon_days, s.customer_id, s.source_system, s.subscription_id
    FROM definition_origin AS d
    JOIN span AS s ON s.started_on < d.origin AND (s.ended_on IS NULL OR s.ended_on >= d.origin)
    WHERE d.kind = 'subscription'
),
alive_customer AS (
    SELECT DISTINCT definition_id, origin, horizon_days, customer_id FROM alive
),
stayed AS (
    SELECT DISTINCT a.origin, a.customer_id
    FROM alive_customer AS a
    JOIN span AS s
        ON s.customer_id = a.customer_id
        AND s.started_on < a.origin + a.horizon_days
        AND (s.ended_on IS NULL OR s.ended_on >= a.origin + a.horizon_days)
),
first_start AS (
    SELECT customer_id, min(started_on) AS day FROM span GROUP BY customer_id
),
plan_event AS (
    SELECT a.origin, a.customer_id, e.mrr, e.quantity
    FROM alive AS a
    JOIN subscription_events AS e
        ON e.source_system = a.source_system
        AND e.subscription_id = a.subscription_id
        AND e.occurred_at < a.origin
    WHERE e.mrr IS NOT NULL OR e.quantity IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY a.origin, a.source_system, a.subscription_id ORDER BY e.occurred_at DESC, e.event_id DESC
    ) = 1
),
plan AS (
    SELECT origin, customer_id, sum(mrr) AS mrr, sum(quantity) AS seats FROM plan_event GROUP BY origin, customer_id
),
-- Invoices as money per month, each until the customer's next one, for sources that keep no subscription events.
billed AS (
    SELECT
        p.customer_id,
        i.created_at,
        lead(i.created_at) OVER (
            PARTITION BY p.customer_id ORDER BY i.created_at, i.source_system DESC, i.invoice_id
        ) AS next_at,
        CASE
            WHEN i.period_end > i.period_start + INTERVAL 1 DAY
                THEN CAST(i.total AS DOUBLE) * 30.4375
                    / nullif(date_diff('day', CAST(i.period_start AS DATE), CAST(i.period_end AS DATE)), 0)
            ELSE CAST(i.total AS DOUBLE)
        END AS monthly
    FROM invoices AS i
    JOIN person AS p ON p.record_key = i.record_key
    WHERE i.subscription_id IS NOT NULL
),
invoiced AS (
    SELECT a.origin, a.customer_id, b.monthly
    FROM alive_customer AS a
    JOIN billed AS b
        ON b.customer_id = a.customer_id
        AND b.created_at < a.origin
        AND (b.next_at IS NULL OR b.next_at >= a.origin)
),
yearly AS (
    SELECT
        customer_id,
        sum(
            CAST(unit_amount AS DOUBLE) * coalesce(quantity, 1) / nullif(coalesce(interval_count, 1), 0)
            * CASE lower(billing_interval)
                WHEN 'day' THEN 365.25 WHEN 'week' THEN 52.18 WHEN 'month' THEN 12 WHEN 'quarter' THEN 4 WHEN 'year' THEN 1
            END
        ) AS amount
    FROM span
    WHERE ended_on IS NULL OR ended_on >= $as_of
    GROUP BY customer_id
),
ordered_later AS (
    SELECT DISTINCT d.origin, a.customer_id
    FROM definition_origin AS d
    JOIN person_day AS a ON a.orders > 0 AND a.day >= d.origin AND a.day < d.origin + d.horizon_days
    WHERE d.kind = 'purchase'
),
eligible AS (
    SELECT
        d.definition_id,
        d.kind,
        d.origin,
        d.horizon_days,
        b.customer_id,
        b.first_order_day AS since_day,
        CASE WHEN d.k > 0 THEN CASE WHEN l.customer_id IS NULL THEN 1 ELSE 0 END END AS label,
        CASE WHEN d.k = 0 THEN CAST(b.revenue_365d AS DOUBLE) END AS value_at_risk
    FROM definition_origin AS d
    JOIN behaviour AS b ON b.origin = d.origin
    LEFT JOIN ordered_later AS l ON l.origin = d.origin AND l.customer_id = b.customer_id
    WHERE d.kind = 'purchase' AND b.last_order_day >= d.origin - $purchase_eligible_days
    UNION ALL
    SELECT
        a.definition_id,
        'subscription',
        a.origin,
        a.horizon_days,
        a.customer_id,
        f.day,
        CASE WHEN a.origin < $as_of THEN CASE WHEN s.customer_id IS NULL THEN 1 ELSE 0 END END,
        CASE WHEN a.origin = $as_of THEN y.amount END
    FROM alive_customer AS a
    JOIN first_start AS f ON f.customer_id = a.customer_id
    LEFT JOIN stayed AS s ON s.origin = a.origin AND s.customer_id = a.customer_id
    LEFT JOIN yearly AS y ON y.customer_id = a.customer_id
),
measured AS (
    SELECT
        e.*,
        b.orders_90d,
        b.orders_365d,
        b.revenue_365d,
        b.refunds_365d,
        b.active_days_28d,
        b.active_days_before,
        b.sessions_28d,
        b.tickets_90d,
        b.failures_90d,
        date_diff('day', b.last_order_day, e.origin) AS days_since_order,
        date_diff('day', coalesce(b.last_active_day, e.since_day), e.origin) AS days_since_active,
        CAST(date_diff('day', b.first_order_day, b.last_order_day) AS DOUBLE) / nullif(b.order_days - 1, 0) AS usual_gap,
        n.score AS nps_score,
        coalesce(CAST(p.mrr AS DOUBLE), i.monthly) AS plan_amount,
        p.seats
    FROM eligible AS e
    LEFT JOIN behaviour AS b ON b.origin = e.origin AND b.customer_id = e.customer_id
    LEFT JOIN nps AS n ON n.origin = e.origin AND n.customer_id = e.customer_id
    LEFT JOIN plan AS p ON e.kind = 'subscription' AND p.origin = e.origin AND p.customer_id = e.customer_id
    LEFT JOIN invoiced AS i ON e.kind = 'subscription' AND i.origin = e.origin AND i.customer_id = e.customer_id
)
SELECT
    definition_id,
    origin,
    customer_id,
    CAST(horizon_days AS BIGINT) AS horizon_days,
    CAST(label AS BIGINT) AS label,
    CAST(days_since_order AS DOUBLE) AS f_days_since_order,
    round(usual_gap, 6) AS f_usual_gap_days,
    round(days_since_order / nullif(usual_gap, 0), 6) AS f_gap_ratio,
    CAST(days_since_active AS DOUBLE) AS f_days_since_active,
    CAST(date_diff('day', since_day, origin) AS DOUBLE) AS f_tenure_days,
    CAST(coalesce(orders_90d, 0) AS DOUBLE) AS f_orders_90d,
    CAST(coalesce(orders_365d, 0) AS DOUBLE) AS f_orders_365d,
    CAST(coalesce(revenue_365d, 0) AS DOUBLE) AS f_revenue_365d,
    CAST(coalesce(refunds_365d, 0) AS DOUBLE) AS f_refunds_365d,
    CAST(coalesce(active_days_28d, 0) AS DOUBLE) AS f_active_days_28d,
    CAST(coalesce(active_days_28d, 0) - coalesce(active_days_before, 0) AS DOUBLE) AS f_active_days_trend_28d,
    CAST(coalesce(sessions_28d, 0) AS DOUBLE) AS f_sessions_28d,
    CAST(coalesce(tickets_90d, 0) AS DOUBLE) AS f_tickets_90d,
    CAST(coalesce(failures_90d, 0) AS DOUBLE) AS f_payment_failures_90d,
    CAST(nps_score AS DOUBLE) AS f_last_nps_score,
    round(plan_amount, 2) AS f_plan_amount,
    CAST(seats AS DOUBLE) AS f_seats,
    CAST(round(value_at_risk, 2) AS DECIMAL(18, 2)) AS value_at_risk
FROM measured
