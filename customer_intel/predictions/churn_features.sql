-- Grain: one row per churn definition, origin and customer who bought in the eligible days or paid then, and may be profiled.
-- Meaning: f_* columns are what was known when the origin's day began: it happened before that day, and an export had told of
--   it (known_from and known_at of the facts). label is 1 when the customer churned in the horizon that begins with the
--   origin, 0 when not, empty while the horizon is not over. Origins are as_of and, in steps, those whose horizon is over,
--   as far back as a horizon of history precedes them. Subscriptions: alive is a paid one, so a lapsed trial never churns.
--   A buyer has lapsed whose silence is longer than the horizon and than $lapsed_after_gaps usual gaps of the customer's own;
--   everybody's mean gap at that origin counts there as one more gap, and is the only one of who ordered on one day.
-- Caveats: today's identity map serves past origins too, and web events without a time of receipt count as known when they
--   happened. An undated end of
--   an order is known from the export that first shows it. Past plan amounts come from events and invoices, because what the
--   first export says of a subscription is today's. Early origins see less than a year of history.
WITH steps AS (
    SELECT k
    FROM (VALUES
        (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14),
        (15), (16), (17), (18), (19), (20), (21), (22), (23), (24), (25), (26), (27), (28), (29),
        (30)
    ) AS v(k)
),
-- Orders given back whole: from the last of their refunds on they count as none, and are still a sale.
returned AS (
    SELECT f.order_key, max(greatest(f.known_at, f.happened_at)) AS ended_at
    FROM refund_fact AS f
    JOIN order_fact AS o ON o.order_key = f.order_key
    WHERE f.is_counted AND o.is_sale AND NOT o.is_counted
    GROUP BY f.order_key
),
order_record AS (
    SELECT
        r.customer_id,
        v.order_day,
        v.known_from,
        coalesce(v.known_to, TIMESTAMP '9999-12-31') AS known_to,
        least(coalesce(v.counts_until, TIMESTAMP '9999-12-31'), coalesce(w.ended_at, TIMESTAMP '9999-12-31')) AS ended_at,
        v.stays_sale,
        CAST(round(v.gross_amount * c.rate, 2) AS DECIMAL(18, 2)) AS gross_reporting
    FROM order_version AS v
    JOIN customer_record AS r ON r.record_key = v.record_key
    LEFT JOIN currency_rate AS c ON c.currency = v.currency AND v.order_day >= c.from_day AND v.order_day < c.to_day
    LEFT JOIN returned AS w ON w.order_key = v.order_key
    WHERE v.may_count AND NOT v.is_return
),
first_start AS (
    SELECT customer_id, min(started_on) AS day FROM subscription_fact WHERE customer_id IS NOT NULL GROUP BY customer_id
),
-- Whoever may be eligible, as numbers: they group and join at a fraction of what ids cost.
person AS (
    SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS person
    FROM (SELECT customer_id FROM order_record UNION SELECT customer_id FROM first_start) AS customers
),
order_story AS (
    SELECT p.person, o.order_day, o.known_from, o.known_to, o.ended_at, o.stays_sale, o.gross_reporting
    FROM order_record AS o
    JOIN person AS p ON p.customer_id = o.customer_id
),
-- Days with an own act or a visit. Each is known from the first morning on that is after it and after it was told.
person_day AS (
    SELECT
        p.person,
        d.day,
        d.is_active,
        d.sessions_started,
        greatest(d.day + 1, CAST(d.known_at - INTERVAL 1 MICROSECOND AS DATE) + 1) AS known_on
    FROM customer_day AS d
    JOIN person AS p ON p.customer_id = d.customer_id
    WHERE d.day < $as_of AND d.known_at IS NOT NULL
),
first_day AS (
    SELECT 'purchase' AS kind, min(order_day) AS day FROM order_fact WHERE is_counted
    UNION ALL
    SELECT 'subscription', min(started_on) FROM subscription_fact
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
known_order AS (
    SELECT o.origin, s.person, s.order_day, s.gross_reporting, s.ended_at > CAST(o.origin AS TIMESTAMP) AS counts
    FROM origins AS o
    JOIN order_story AS s
        ON s.order_day < o.origin
        AND s.known_from <= CAST(o.origin AS TIMESTAMP)
        AND s.known_to > CAST(o.origin AS TIMESTAMP)
    WHERE s.ended_at > CAST(o.origin AS TIMESTAMP) OR s.stays_sale
),
order_day_known AS (
    SELECT
        origin,
        person,
        order_day,
        sum(CASE WHEN counts THEN 1 ELSE 0 END) AS n,
        sum(gross_reporting) AS charged,
        sum(CASE WHEN gross_reporting IS NULL THEN 1 ELSE 0 END) AS n_without_rate
    FROM known_order
    GROUP BY origin, person, order_day
),
ordered AS (
    SELECT
        origin,
        person,
        min(CASE WHEN n > 0 THEN order_day END) AS first_order_day,
        max(CASE WHEN n > 0 THEN order_day END) AS last_order_day,
        sum(CASE WHEN n > 0 THEN 1 ELSE 0 END) AS order_days,
        sum(CASE WHEN order_day >= origin - 90 THEN n ELSE 0 END) AS orders_90d,
        sum(CASE WHEN order_day >= origin - 365 THEN n ELSE 0 END) AS orders_365d,
        sum(CASE WHEN order_day >= origin - 365 THEN charged ELSE 0 END) AS charged_365d,
        sum(CASE WHEN order_day >= origin - 365 THEN n_without_rate ELSE 0 END) AS n_without_rate
    FROM order_day_known
    GROUP BY origin, person
),
everybody AS (
    SELECT origin, CAST(sum(date_diff('day', first_order_day, last_order_day)) AS DOUBLE) / sum(order_days - 1) AS mean_gap
    FROM ordered
    WHERE order_days > 1
    GROUP BY origin
),
given_back AS (
    SELECT o.origin, p.person, count(*) AS refunds_365d, sum(f.refund_reporting) AS refunded_365d
    FROM origins AS o
    JOIN refund_fact AS f
        ON f.refund_day < o.origin AND f.refund_day >= o.origin - 365 AND f.known_at <= CAST(o.origin AS TIMESTAMP)
    JOIN person AS p ON p.customer_id = f.customer_id
    WHERE f.is_counted
    GROUP BY o.origin, p.person
),
asked AS (
    SELECT o.origin, p.person, count(*) AS tickets_90d
    FROM origins AS o
    JOIN ticket_fact AS t
        ON t.ticket_day < o.origin AND t.ticket_day >= o.origin - 90 AND t.known_at <= CAST(o.origin AS TIMESTAMP)
    JOIN person AS p ON p.customer_id = t.customer_id
    GROUP BY o.origin, p.person
),
failed AS (
    SELECT o.origin, p.person, count(*) AS failures_90d
    FROM origins AS o
    JOIN payment_fact AS f
        ON f.payment_day < o.origin AND f.payment_day >= o.origin - 90 AND f.known_at <= CAST(o.origin AS TIMESTAMP)
    JOIN person AS p ON p.customer_id = f.customer_id
    WHERE f.is_failed
    GROUP BY o.origin, p.person
),
-- By the first origin that knows of them: what later ones know of is what earlier ones did, and more.
seen_first AS (
    SELECT k.known_on, min(o.origin) AS origin
    FROM (SELECT DISTINCT known_on FROM person_day) AS k
    JOIN origins AS o ON o.origin >= k.known_on
    GROUP BY k.known_on
),
active_until AS (
    SELECT f.origin, p.person, max(p.day) AS day
    FROM person_day AS p
    JOIN seen_first AS f ON f.known_on = p.known_on
    WHERE p.is_active
    GROUP BY f.origin, p.person
),
last_active AS (
    SELECT o.origin, a.person, max(a.day) AS day
    FROM active_until AS a
    JOIN origins AS o ON o.origin >= a.origin
    GROUP BY o.origin, a.person
),
present AS (
    SELECT
        o.origin,
        p.person,
        sum(CASE WHEN p.is_active AND p.day >= o.origin - 28 THEN 1 ELSE 0 END) AS active_days_28d,
        sum(CASE WHEN p.is_active AND p.day < o.origin - 28 THEN 1 ELSE 0 END) AS active_days_before,
        sum(CASE WHEN p.day >= o.origin - 28 THEN p.sessions_started ELSE 0 END) AS sessions_28d
    FROM origins AS o
    JOIN person_day AS p ON p.day >= o.origin - 56 AND p.known_on <= o.origin
    GROUP BY o.origin, p.person
),
nps AS (
    SELECT o.origin, p.person, a.score
    FROM survey_answer_fact AS a
    JOIN person AS p ON p.customer_id = a.customer_id
    JOIN origins AS o ON a.answer_day < o.origin AND a.known_at <= CAST(o.origin AS TIMESTAMP)
    WHERE a.survey_type = 'nps' AND a.score BETWEEN 0 AND 10
    QUALIFY row_number() OVER (
        PARTITION BY o.origin, p.person ORDER BY a.responded_at DESC, a.survey_answer_key
    ) = 1
),
-- Paid subscriptions, as far as was known at the origin. What a first export shows undated counts from that export on.
alive AS (
    SELECT d.definition_id, d.origin, d.horizon_days, r.customer_id, v.subscription_key, v.source_system, v.subscription_id
    FROM definition_origin AS d
    JOIN subscription_version AS v
        ON v.known_from <= CAST(d.origin AS TIMESTAMP)
        AND (v.known_to IS NULL OR v.known_to > CAST(d.origin AS TIMESTAMP))
        AND v.started_at < CAST(d.origin AS TIMESTAMP)
        AND (v.trial_end IS NULL OR v.trial_end < CAST(d.origin AS TIMESTAMP))
        AND (v.ends_at IS NULL OR v.ends_at >= CAST(d.origin AS TIMESTAMP))
    JOIN customer_record AS r ON r.record_key = v.record_key
    WHERE d.kind = 'subscription'
        AND v.may_pay
        AND (v.pays_now OR v.exported_at > CAST(d.origin AS TIMESTAMP))
),
alive_customer AS (
    SELECT DISTINCT definition_id, origin, horizon_days, customer_id FROM alive
),
stayed AS (
    SELECT DISTINCT a.origin, a.customer_id
    FROM alive_customer AS a
    JOIN subscription_fact AS s
        ON s.customer_id = a.customer_id
        AND s.valid_from < a.origin + a.horizon_days
        AND (s.valid_to IS NULL OR s.valid_to >= a.origin + a.horizon_days)
    WHERE s.is_kept
),
plan_event AS (
    SELECT a.origin, a.customer_id, e.mrr, e.quantity
    FROM alive AS a
    JOIN subscription_change AS e ON e.subscription_key = a.subscription_key AND e.known_at <= CAST(a.origin AS TIMESTAMP)
        AND e.occurred_at < CAST(a.origin AS TIMESTAMP)
    QUALIFY row_number() OVER (
        PARTITION BY a.origin, a.subscription_key ORDER BY e.occurred_at DESC, e.event_id DESC
    ) = 1
),
plan AS (
    SELECT origin, customer_id, sum(mrr) AS mrr, sum(quantity) AS seats FROM plan_event GROUP BY origin, customer_id
),
-- Invoices as money per month, each until the customer's next one, for sources that keep no subscription events.
invoiced AS (
    SELECT
        a.origin,
        a.customer_id,
        CASE
            WHEN i.period_end > i.period_start + INTERVAL 1 DAY
                THEN CAST(i.invoice_amount AS DOUBLE) * 365.0 / 12.0
                    / nullif(date_diff('day', CAST(i.period_start AS DATE), CAST(i.period_end AS DATE)), 0)
            ELSE CAST(i.invoice_amount AS DOUBLE)
        END AS monthly
    FROM alive_customer AS a
    JOIN invoice_fact AS i
        ON i.customer_id = a.customer_id
        AND i.billed_at < CAST(a.origin AS TIMESTAMP)
        AND i.known_at <= CAST(a.origin AS TIMESTAMP)
    WHERE i.subscription_key IS NOT NULL AND i.is_billed
    QUALIFY row_number() OVER (
        PARTITION BY a.origin, a.customer_id ORDER BY i.billed_at DESC, i.invoice_key DESC
    ) = 1
),
yearly AS (
    SELECT
        customer_id,
        CASE WHEN sum(CASE WHEN mrr > 0 AND mrr_reporting IS NULL THEN 1 ELSE 0 END) = 0 THEN 12 * sum(mrr_reporting) END
            AS amount
    FROM subscription_fact
    WHERE valid_to IS NULL AND customer_id IS NOT NULL
    GROUP BY customer_id
),
ordered_later AS (
    SELECT DISTINCT d.origin, p.person
    FROM definition_origin AS d
    JOIN order_fact AS o ON o.is_counted AND o.order_day >= d.origin AND o.order_day < d.origin + d.horizon_days
    JOIN person AS p ON p.customer_id = o.customer_id
    WHERE d.kind = 'purchase'
),
eligible AS (
    SELECT
        d.definition_id,
        d.kind,
        d.origin,
        d.horizon_days,
        b.person,
        b.first_order_day AS since_day,
        CASE WHEN d.k > 0 THEN CASE WHEN l.person IS NULL THEN 1 ELSE 0 END END AS label,
        coalesce(
            date_diff('day', b.last_order_day, d.origin) > d.horizon_days
            AND date_diff('day', b.last_order_day, d.origin)
                > $lapsed_after_gaps * (date_diff('day', b.first_order_day, b.last_order_day) + v.mean_gap) / b.order_days,
            FALSE
        ) AS is_lapsed,
        -- Per day observed, at least a horizon: a first order of yesterday is no daily habit.
        CASE WHEN d.k = 0 AND b.n_without_rate = 0
            THEN (CAST(b.charged_365d AS DOUBLE) - coalesce(CAST(g.refunded_365d AS DOUBLE), 0)) * d.horizon_days
                / least(365, greatest(date_diff('day', b.first_order_day, d.origin), d.horizon_days)) END AS value_at_risk
    FROM definition_origin AS d
    JOIN ordered AS b ON b.origin = d.origin
    LEFT JOIN everybody AS v ON v.origin = d.origin
    LEFT JOIN given_back AS g ON g.origin = d.origin AND g.person = b.person
    LEFT JOIN ordered_later AS l ON l.origin = d.origin AND l.person = b.person
    WHERE d.kind = 'purchase' AND b.last_order_day >= d.origin - $purchase_eligible_days
    UNION ALL
    SELECT
        a.definition_id,
        'subscription',
        a.origin,
        a.horizon_days,
        p.person,
        f.day,
        CASE WHEN a.origin < $as_of THEN CASE WHEN s.customer_id IS NULL THEN 1 ELSE 0 END END,
        FALSE,
        CASE WHEN a.origin = $as_of THEN CAST(y.amount AS DOUBLE) * a.horizon_days / 365 END
    FROM alive_customer AS a
    JOIN person AS p ON p.customer_id = a.customer_id
    JOIN first_start AS f ON f.customer_id = a.customer_id AND f.day < a.origin
    LEFT JOIN stayed AS s ON s.origin = a.origin AND s.customer_id = a.customer_id
    LEFT JOIN yearly AS y ON y.customer_id = a.customer_id
),
measured AS (
    SELECT
        e.*,
        c.customer_id,
        b.orders_90d,
        b.orders_365d,
        b.charged_365d - coalesce(g.refunded_365d, 0) AS revenue_365d,
        b.n_without_rate,
        g.refunds_365d,
        a.active_days_28d,
        a.active_days_before,
        a.sessions_28d,
        t.tickets_90d,
        x.failures_90d,
        date_diff('day', b.last_order_day, e.origin) AS days_since_order,
        date_diff('day', CAST(coalesce(greatest(w.day, b.last_order_day), e.since_day) AS DATE), e.origin) AS days_since_active,
        CAST(date_diff('day', b.first_order_day, b.last_order_day) AS DOUBLE) / nullif(b.order_days - 1, 0) AS usual_gap,
        n.score AS nps_score,
        coalesce(CAST(p.mrr AS DOUBLE), i.monthly) AS plan_amount,
        p.seats
    FROM eligible AS e
    JOIN person AS c ON c.person = e.person
    LEFT JOIN ordered AS b ON b.origin = e.origin AND b.person = e.person
    LEFT JOIN given_back AS g ON g.origin = e.origin AND g.person = e.person
    LEFT JOIN asked AS t ON t.origin = e.origin AND t.person = e.person
    LEFT JOIN failed AS x ON x.origin = e.origin AND x.person = e.person
    LEFT JOIN last_active AS w ON w.origin = e.origin AND w.person = e.person
    LEFT JOIN present AS a ON a.origin = e.origin AND a.person = e.person
    LEFT JOIN nps AS n ON n.origin = e.origin AND n.person = e.person
    LEFT JOIN plan AS p ON e.kind = 'subscription' AND p.origin = e.origin AND p.customer_id = c.customer_id
    LEFT JOIN invoiced AS i ON e.kind = 'subscription' AND i.origin = e.origin AND i.customer_id = c.customer_id
)
SELECT
    definition_id,
    origin,
    customer_id,
    CAST(horizon_days AS BIGINT) AS horizon_days,
    CAST(label AS BIGINT) AS label,
    is_lapsed,
    CAST(days_since_order AS DOUBLE) AS f_days_since_order,
    round(usual_gap, 6) AS f_usual_gap_days,
    round(days_since_order / nullif(usual_gap, 0), 6) AS f_gap_ratio,
    CAST(days_since_active AS DOUBLE) AS f_days_since_active,
    CAST(date_diff('day', since_day, origin) AS DOUBLE) AS f_tenure_days,
    CAST(coalesce(orders_90d, 0) AS DOUBLE) AS f_orders_90d,
    CAST(coalesce(orders_365d, 0) AS DOUBLE) AS f_orders_365d,
    CAST(CASE WHEN n_without_rate IS NULL OR n_without_rate = 0 THEN coalesce(revenue_365d, 0) END AS DOUBLE) AS f_revenue_365d,
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
