-- Grain: one row per thing that a customer or an anonymous visitor did or received, over all sources.
-- Meaning: customer_id is the one that the record has today, else the one that the device belonged to at that
--   moment. revenue sums to the net revenue of order_fact and refund_fact, in the reporting currency; revenue_impact is
--   the same in the order's own. order_placed is an order that counts; order_attempted one that does not, in the end
--   (unpaid, cancelled, failed, given back, unknown); is_own_act: the customer did it, as opposed to what happens to them.
-- Caveats: what has no fact is read where it arrived: web and product events. Rows dated after the night's own day are
--   wrong clocks and are left out. Sessions are cut over web and product events alone.
WITH running_subscription AS (
    SELECT v.*, r.customer_id
    FROM subscription_version AS v
    LEFT JOIN customer_record AS r ON r.record_key = v.record_key
    WHERE v.known_to IS NULL AND v.has_begun
),
-- A device's intervals should not overlap; should they, the later login ends the earlier one.
device_owner AS (
    SELECT
        anonymous_id,
        customer_id,
        starts_at,
        -- Whose a device was before its first login is known from that login on.
        CASE WHEN method = 'backfill' THEN ends_at ELSE starts_at END AS identified_at,
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
        CAST(NULL AS VARCHAR) AS customer_id,
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
        CAST(NULL AS DECIMAL(18, 2)) AS revenue,
        e.device_type,
        TRUE AS is_visit,
        position('|' || k.activity || '|' IN $received_activities) = 0 AS is_own,
        greatest(e.occurred_at, coalesce(e.received_at, e.occurred_at)) AS known_at
    FROM event_row AS e
    JOIN event_kind AS k ON k.event_type = coalesce(e.event_type, '') AND k.event_name = e.event_name
),
order_moment AS (
    SELECT *, CASE WHEN is_counted THEN 'order_placed' ELSE 'order_attempted' END AS activity, ordered_at AS ts,
        TRUE AS is_own, CASE WHEN is_sale THEN gross_amount END AS own_amount,
        CASE WHEN is_sale THEN gross_reporting END AS revenue
    FROM order_fact
    -- What was never put to the shop, or only to try it, is nobody's act.
    WHERE is_attempt
    UNION ALL
    SELECT *, 'order_cancelled', cancelled_at, FALSE, NULL, NULL FROM order_fact WHERE is_cancelled
    UNION ALL
    SELECT *, 'order_shipped', shipped_at, FALSE, NULL, NULL FROM order_fact WHERE is_sale
    UNION ALL
    SELECT *, 'order_delivered', delivered_at, FALSE, NULL, NULL FROM order_fact WHERE is_sale
),
touch_kind AS (
    SELECT channel, trim(regexp_replace(channel, '[^a-z0-9]+', '_', 'g'), '_') AS medium
    FROM (SELECT DISTINCT channel FROM touch_fact)
),
record_activity AS (
    SELECT
        activity || ':' || order_key AS activity_id, ts, record_key, customer_id, NULL AS anonymous_id, account_id,
        activity, NULL AS detail, 'shop' AS medium, coalesce(lower(channel), 'shop') AS channel, source_system,
        CAST(to_json({'order_id': order_id}) AS VARCHAR) AS feature_json,
        CAST(own_amount AS DECIMAL(18, 2)) AS revenue_impact, currency, CAST(revenue AS DECIMAL(18, 2)) AS revenue,
        NULL AS device_type, FALSE AS is_visit, is_own, greatest(ts, first_known_at) AS known_at
    FROM order_moment
    WHERE ts IS NOT NULL
    UNION ALL
    SELECT
        'order_refunded:' || refund_key, happened_at, record_key, customer_id, NULL, NULL, 'order_refunded', NULL, 'shop',
        'shop', source_system, CAST(to_json({'order_key': order_key}) AS VARCHAR), CAST(-refund_amount AS DECIMAL(18, 2)),
        currency, CAST(-refund_reporting AS DECIMAL(18, 2)), NULL, FALSE, FALSE, known_at
    FROM refund_fact
    WHERE is_counted
    UNION ALL
    SELECT
        activity || ':' || payment_key, attempted_at, record_key, customer_id, NULL, NULL, activity, NULL, 'billing',
        coalesce(method, 'billing'), source_system, CAST(to_json({'payment_id': payment_id}) AS VARCHAR), NULL, currency,
        NULL, NULL, FALSE, FALSE, known_at
    FROM (
        SELECT *, CASE WHEN is_failed THEN 'payment_failed' WHEN is_counted THEN 'payment_succeeded' END AS activity
        FROM payment_fact
    )
    WHERE activity IS NOT NULL
    UNION ALL
    SELECT
        activity || ':' || subscription_key, ts, record_key, customer_id, NULL, account_id, activity, NULL, 'billing',
        'billing', source_system, CAST(to_json({'subscription_id': subscription_id}) AS VARCHAR), NULL, currency, NULL, NULL,
        FALSE, is_own, greatest(ts, first_known_at)
    FROM (
        SELECT *, CASE WHEN trial_end IS NULL THEN 'subscription_started' ELSE 'trial_started' END AS activity,
            started_at AS ts, TRUE AS is_own
        FROM running_subscription
        UNION ALL
        SELECT *, 'subscription_started', trial_end, TRUE
        FROM running_subscription
        WHERE trial_end < coalesce(ends_at, TIMESTAMP '9999-12-31')
        UNION ALL
        SELECT *, 'subscription_canceled', coalesce(canceled_at, ends_at), FALSE
        FROM running_subscription
        WHERE canceled_at IS NOT NULL OR ends_at < CAST($as_of AS TIMESTAMP)
    )
    WHERE ts IS NOT NULL
    UNION ALL
    SELECT
        activity || ':' || ticket_key, ts, record_key, customer_id, NULL, account_id, activity, NULL, 'support',
        coalesce(lower(channel), 'support'), source_system, CAST(to_json({'ticket_id': ticket_id}) AS VARCHAR), NULL, NULL,
        NULL, NULL, FALSE, is_own, greatest(ts, known_at)
    FROM (
        SELECT *, 'ticket_opened' AS activity, opened_at AS ts, TRUE AS is_own FROM ticket_fact
        UNION ALL
        SELECT *, 'ticket_solved', solved_at, FALSE FROM ticket_fact
    )
    WHERE ts IS NOT NULL
    UNION ALL
    SELECT
        'survey_answered:' || survey_answer_key, responded_at, record_key, customer_id, NULL, NULL, 'survey_answered',
        survey_type, 'survey', coalesce(lower(channel), 'survey'), source_system,
        CASE
            WHEN score IS NOT NULL THEN CAST(to_json({'survey_type': survey_type, 'score': score}) AS VARCHAR)
            ELSE CAST(to_json({'survey_type': survey_type}) AS VARCHAR)
        END,
        NULL, NULL, NULL, NULL, FALSE, TRUE, known_at
    FROM survey_answer_fact
    UNION ALL
    SELECT
        'review_written:' || review_key, written_at, record_key, customer_id, NULL, NULL, 'review_written', NULL, 'review',
        lower(platform), source_system, CAST(to_json({'review_id': review_id, 'rating': rating}) AS VARCHAR), NULL, NULL,
        NULL, NULL, FALSE, TRUE, known_at
    FROM review_fact
    UNION ALL
    SELECT
        'touch:' || t.touch_key, t.occurred_at, t.record_key, t.customer_id, t.anonymous_id, NULL,
        k.medium || '_' || t.touch_event, NULL, k.medium, k.medium, t.source_system,
        CAST(to_json({'campaign_id': t.campaign_id}) AS VARCHAR), NULL, NULL, NULL, NULL, FALSE, t.is_own_act,
        t.occurred_at
    FROM touch_fact AS t
    JOIN touch_kind AS k ON k.channel = t.channel
),
every_activity AS (
    SELECT e.*, r.customer_id AS own_customer_id
    FROM event_activity AS e
    LEFT JOIN customer_record AS r ON r.record_key = e.record_key
    UNION ALL
    SELECT *, customer_id FROM record_activity
),
identified AS (
    SELECT
        a.activity_id, a.ts, local_day(a.ts) AS day, a.record_key, a.anonymous_id, a.account_id, a.activity, a.detail,
        a.medium, a.channel, a.source_system, a.feature_json, a.revenue_impact, a.currency, a.revenue, a.device_type,
        a.is_visit, a.is_own,
        CASE WHEN a.own_customer_id IS NULL THEN greatest(a.known_at, d.identified_at) ELSE a.known_at END AS known_at,
        coalesce(a.own_customer_id, d.customer_id) AS customer_id
    FROM every_activity AS a
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
    i.day,
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
    i.currency,
    i.revenue,
    i.is_own AS is_own_act,
    i.known_at
FROM identified AS i
JOIN place AS p ON p.medium = i.medium AND p.activity = i.activity AND p.detail = coalesce(i.detail, '')
LEFT JOIN sessionized AS s ON s.activity_id = i.activity_id
