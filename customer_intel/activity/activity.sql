-- Grain: one row per thing that a customer or an anonymous visitor did or received, over all sources.
-- Meaning: customer_id is the one that the record has today, else the one that the device belonged to at that
--   moment. revenue_impact sums to net revenue: orders placed, minus what was cancelled unrefunded, minus refunds,
--   plus payments that belong to no order (those of subscriptions).
-- Caveats: a refund has no time of its own in an export, so it lies where its order changed last. Rows dated after
--   the night's own day are wrong clocks and are left out. Sessions are cut over web and product events alone.
WITH known_record AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
-- A device's intervals should not overlap; should they, the later login ends the earlier one.
device_owner AS (
    SELECT
        anonymous_id,
        customer_id,
        starts_at,
        least(ends_at, lead(starts_at) OVER (PARTITION BY anonymous_id ORDER BY starts_at, customer_id)) AS ends_at
    FROM anonymous_map
),
event_kind AS (
    SELECT
        event_type,
        event_name,
        CASE
            WHEN event_type IN ('page', 'screen')
                OR plain IN ('page', 'page_view', 'page_viewed', 'pageview', 'screen_view')
                THEN 'page_viewed'
            WHEN event_type IN ('identify', 'group') THEN event_type
            WHEN plain = '' THEN 'unnamed_event'
            -- A tracked event must not be counted with the shop's or the help desk's own record of the same thing.
            WHEN starts_with(plain, 'order_') AND plain <> 'order_completed'
                OR plain IN ('payment_failed', 'payment_succeeded', 'subscription_started', 'subscription_canceled',
                             'ticket_opened', 'ticket_solved', 'survey_answered', 'review_written')
                OR starts_with(plain, 'email_')
                THEN 'web_' || plain
            ELSE plain
        END AS activity
    FROM (
        SELECT
            event_type,
            event_name,
            trim(regexp_replace(lower(event_name), '[^a-z0-9]+', '_', 'g'), '_') AS plain
        FROM (SELECT DISTINCT coalesce(event_type, '') AS event_type, event_name FROM events)
    )
),
event_row AS (
    SELECT
        *,
        coalesce(
            CASE WHEN event_type IN ('page', 'screen') OR feature IS NULL THEN split_part(page_path, '/', 2) END,
            split_part(split_part(split_part(page_url, '/', 4), '?', 1), '#', 1)
        ) AS segment,
        event_type = 'screen' OR (app_version IS NOT NULL AND page_url IS NULL AND page_path IS NULL) AS is_app
    FROM events
),
event_activity AS (
    SELECT
        'event:' || e.source_system || ':' || e.event_id AS activity_id,
        e.occurred_at AS ts,
        e.record_key,
        e.anonymous_id,
        e.account_id,
        k.activity,
        CASE
            WHEN k.activity <> 'page_viewed' THEN lower(e.feature)
            WHEN e.segment IS NULL OR e.segment = '' THEN 'home'
            -- Numbers and long slugs are things, not places: a touchpoint a product would drown the journeys.
            WHEN length(e.segment) > 30 OR translate(e.segment, '0123456789', '') <> e.segment THEN 'other'
            ELSE lower(e.segment)
        END AS detail,
        CASE WHEN e.is_app THEN 'app' ELSE 'web' END AS medium,
        coalesce(
            CASE
                WHEN lower(e.utm_medium) IN ('cpc', 'ppc', 'paid', 'paidsearch', 'paid_search', 'display') THEN 'paid'
                ELSE lower(e.utm_medium)
            END,
            CASE WHEN e.is_app THEN 'app' ELSE 'web' END
        ) AS channel,
        e.source_system,
        CASE
            WHEN e.feature IS NOT NULL THEN CAST(to_json({'feature': e.feature}) AS VARCHAR)
            WHEN e.page_path IS NOT NULL THEN CAST(to_json({'page_path': e.page_path}) AS VARCHAR)
        END AS feature_json,
        CAST(NULL AS DECIMAL(18, 2)) AS revenue_impact,
        CAST(NULL AS VARCHAR) AS currency,
        e.device_type,
        TRUE AS is_visit
    FROM event_row AS e
    JOIN event_kind AS k ON k.event_type = coalesce(e.event_type, '') AND k.event_name = e.event_name
),
order_moment AS (
    SELECT *, 'order_placed' AS activity, ordered_at AS ts, total AS revenue_impact FROM orders
    UNION ALL
    SELECT *, 'order_cancelled', cancelled_at, -(total - coalesce(refunded, 0)) FROM orders
    UNION ALL
    SELECT *, 'order_refunded', coalesce(updated_at, cancelled_at, delivered_at, ordered_at), -refunded
    FROM orders
    WHERE refunded > 0
    UNION ALL
    SELECT *, 'order_shipped', shipped_at, NULL FROM orders
    UNION ALL
    SELECT *, 'order_delivered', delivered_at, NULL FROM orders
),
payment_moment AS (
    SELECT
        p.*,
        coalesce(o.record_key, i.record_key) AS record_key,
        CASE
            WHEN lower(p.status) IN ('failed', 'declined', 'error') OR p.failure_code IS NOT NULL THEN 'payment_failed'
            WHEN lower(p.status) IN ('succeeded', 'success', 'paid', 'captured', 'completed') THEN 'payment_succeeded'
        END AS activity
    FROM payments AS p
    LEFT JOIN orders AS o ON o.source_system = p.source_system AND o.order_id = p.order_id
    LEFT JOIN invoices AS i ON i.source_system = p.source_system AND i.invoice_id = p.invoice_id
),
touch_kind AS (
    SELECT channel, trim(regexp_replace(lower(channel), '[^a-z0-9]+', '_', 'g'), '_') AS medium
    FROM (SELECT DISTINCT channel FROM marketing_touches)
),
record_activity AS (
    SELECT
        activity || ':' || source_system || ':' || order_id AS activity_id, ts, record_key, NULL AS anonymous_id,
        account_id, activity, NULL AS detail, 'shop' AS medium, coalesce(lower(channel), 'shop') AS channel,
        source_system,
        CAST(to_json({'order_id': order_id}) AS VARCHAR) AS feature_json,
        CAST(revenue_impact AS DECIMAL(18, 2)) AS revenue_impact, currency, NULL AS device_type, FALSE AS is_visit
    FROM order_moment
    UNION ALL
    SELECT
        activity || ':' || source_system || ':' || payment_id, paid_at, record_key, NULL, NULL, activity, NULL,
        'billing', coalesce(lower(method), 'billing'), source_system,
        CAST(to_json({'payment_id': payment_id}) AS VARCHAR),
        CASE WHEN activity = 'payment_succeeded' AND order_id IS NULL THEN CAST(amount AS DECIMAL(18, 2)) END, currency,
        NULL, FALSE
    FROM payment_moment
    UNION ALL
    SELECT
        activity || ':' || source_system || ':' || subscription_id, ts, record_key, NULL, account_id, activity, NULL,
        'billing', 'billing', source_system, CAST(to_json({'subscription_id': subscription_id}) AS VARCHAR), NULL,
        currency, NULL, FALSE
    FROM (
        SELECT *, 'subscription_started' AS activity, started_at AS ts FROM subscriptions
        UNION ALL
        SELECT *, 'subscription_canceled', coalesce(canceled_at, ended_at) FROM subscriptions
    )
    UNION ALL
    SELECT
        activity || ':' || source_system || ':' || ticket_id, ts, record_key, NULL, account_id, activity, NULL,
        'support', coalesce(lower(channel), 'support'), source_system,
        CAST(to_json({'ticket_id': ticket_id}) AS VARCHAR), NULL, NULL, NULL, FALSE
    FROM (
        SELECT *, 'ticket_opened' AS activity, created_at AS ts FROM tickets
        UNION ALL
        SELECT *, 'ticket_solved', solved_at FROM tickets
    )
    UNION ALL
    SELECT
        'survey_answered:' || source_system || ':' || response_id, responded_at, record_key, NULL, NULL,
        'survey_answered', lower(survey_type), 'survey', coalesce(lower(channel), 'survey'), source_system,
        CASE
            WHEN score IS NOT NULL
                THEN CAST(to_json({'survey_type': survey_type, 'score': CAST(score AS DOUBLE)}) AS VARCHAR)
            ELSE CAST(to_json({'survey_type': survey_type}) AS VARCHAR)
        END,
        NULL, NULL, NULL, FALSE
    FROM survey_responses
    UNION ALL
    SELECT
        'review_written:' || source_system || ':' || review_id, created_at, record_key, NULL, NULL,
        'review_written', NULL, 'review', lower(platform), source_system,
        CAST(to_json({'review_id': review_id, 'rating': CAST(rating AS DOUBLE)}) AS VARCHAR), NULL, NULL, NULL, FALSE
    FROM reviews
    UNION ALL
    SELECT
        'touch:' || t.source_system || ':' || t.touch_id, t.occurred_at, t.record_key, t.anonymous_id, NULL,
        k.medium || '_' || lower(t.event), NULL, k.medium, k.medium, t.source_system,
        CAST(to_json({'campaign_id': t.campaign_id}) AS VARCHAR), NULL, NULL, NULL, FALSE
    FROM marketing_touches AS t
    JOIN touch_kind AS k ON k.channel = t.channel
),
every_activity AS (
    SELECT * FROM event_activity
    UNION ALL
    SELECT * FROM record_activity WHERE activity IS NOT NULL
),
identified AS (
    SELECT a.*, coalesce(r.customer_id, d.customer_id) AS customer_id
    FROM every_activity AS a
    LEFT JOIN known_record AS r ON r.record_key = a.record_key
    LEFT JOIN device_owner AS d
        ON d.anonymous_id = a.anonymous_id
        AND a.ts >= d.starts_at
        AND a.ts < d.ends_at
    WHERE a.ts < CAST($as_of AS TIMESTAMP) + INTERVAL 1 DAY
),
visit AS (
    SELECT
        activity_id,
        ts,
        coalesce(customer_id, anonymous_id, record_key) AS visitor,
        lag(ts) OVER (PARTITION BY coalesce(customer_id, anonymous_id, record_key) ORDER BY ts, activity_id)
            AS ts_before
    FROM identified
    WHERE is_visit AND coalesce(customer_id, anonymous_id, record_key) IS NOT NULL
),
numbered AS (
    SELECT
        activity_id,
        ts,
        visitor,
        sum(CASE WHEN ts_before IS NULL OR ts > ts_before + INTERVAL $session_gap_minutes MINUTE THEN 1 ELSE 0 END)
            OVER (PARTITION BY visitor ORDER BY ts, activity_id) AS run
    FROM visit
),
capped AS (
    SELECT
        activity_id,
        ts,
        visitor,
        run,
        (epoch_us(ts) - epoch_us(min(ts) OVER (PARTITION BY visitor, run))) // ($session_cap_hours * 3600000000)
            AS stretch
    FROM numbered
),
sessionized AS (
    SELECT
        activity_id,
        substr(
            md5(visitor || '|' || CAST(epoch_us(min(ts) OVER (PARTITION BY visitor, run, stretch)) AS VARCHAR)), 1, 20
        ) AS session_id
    FROM capped
),
place AS (
    SELECT
        medium,
        activity,
        detail,
        medium || ':' || activity || CASE WHEN detail <> '' THEN ':' || detail ELSE '' END AS touchpoint_id,
        coalesce(
            CASE WHEN detail <> '' THEN CASE
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_awareness) > 0 THEN 'awareness'
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_consideration) > 0 THEN 'consideration'
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_purchase) > 0 THEN 'purchase'
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_onboarding) > 0 THEN 'onboarding'
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_usage) > 0 THEN 'usage'
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_support) > 0 THEN 'support'
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_advocacy) > 0 THEN 'advocacy'
                WHEN position('|' || activity || ':' || detail || '|' IN $stage_churn) > 0 THEN 'churn'
            END END,
            CASE
                WHEN position('|' || activity || '|' IN $stage_awareness) > 0 THEN 'awareness'
                WHEN position('|' || activity || '|' IN $stage_consideration) > 0 THEN 'consideration'
                WHEN position('|' || activity || '|' IN $stage_purchase) > 0 THEN 'purchase'
                WHEN position('|' || activity || '|' IN $stage_onboarding) > 0 THEN 'onboarding'
                WHEN position('|' || activity || '|' IN $stage_usage) > 0 THEN 'usage'
                WHEN position('|' || activity || '|' IN $stage_support) > 0 THEN 'support'
                WHEN position('|' || activity || '|' IN $stage_advocacy) > 0 THEN 'advocacy'
                WHEN position('|' || activity || '|' IN $stage_churn) > 0 THEN 'churn'
            END,
            $stage_other
        ) AS journey_stage
    FROM (SELECT DISTINCT medium, activity, coalesce(detail, '') AS detail FROM identified)
)
SELECT
    i.activity_id,
    i.ts,
    CAST(i.ts AS DATE) AS day,
    i.customer_id,
    i.anonymous_id,
    i.record_key,
    i.account_id,
    i.activity,
    i.channel,
    p.touchpoint_id,
    p.journey_stage,
    s.session_id,
    i.source_system,
    i.device_type,
    i.feature_json,
    i.revenue_impact,
    i.currency
FROM identified AS i
JOIN place AS p ON p.medium = i.medium AND p.activity = i.activity AND p.detail = coalesce(i.detail, '')
LEFT JOIN sessionized AS s ON s.activity_id = i.activity_id
