-- Grain: one row per thing that a customer or an anonymous visitor did or received, over all sources.
-- Meaning: customer_id is the one that the record has today, else the one that the device belonged to at that
--   moment. revenue sums to the net revenue of order_fact and refund_fact, in the reporting currency; revenue_impact is
--   the same in the order's own. order_placed is an order that counts; order_attempted one that does not, in the end
--   (unpaid, cancelled, failed, given back, unknown); is_own_act: the customer did it, as opposed to what happens to them.
--   A session begins after more than session_gap_minutes of the visitor's silence; one that is older than
--   session_cap_hours at a midnight (of the reporting time zone) is cut there, and at each midnight after.
-- Caveats: what has no fact is read where it arrived: web and product events. Days after the night's own are wrong clocks
--   and are left out. Sessions are cut over web and product events alone. A day's rows depend on that day and, by their
--   session, on session_cap_hours and session_gap_minutes before it: with the time zone's hours on at most 3 days before
--   (while both together are below 58 hours), and on no later one. Nothing but the last day depends on as_of, and an end
--   of a subscription that has come.
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
-- What events are called, on which page or of which feature: few rows, so that names are read once each. count(*) is
-- never 0; that it is asked tells a planner that rows are fewer than events, so that it hashes these and not those.
event_kind AS (
    SELECT
        event_name,
        coalesce(event_type, '') AS event_type,
        coalesce(feature, '') AS feature,
        coalesce(
            CASE WHEN event_type IN ('page', 'screen') OR feature IS NULL THEN split_part(page_path, '/', 2) END,
            split_part(split_part(split_part(page_url, '/', 4), '?', 1), '#', 1),
            ''
        ) AS segment,
        coalesce(event_type = 'screen', FALSE)
            OR (app_version IS NOT NULL AND page_url IS NULL AND page_path IS NULL) AS is_app,
        -- Letters, their marks and digits of any script.
        trim(regexp_replace(lower(event_name), '[^\p{L}\p{M}\p{N}]+', '_', 'g'), '_') AS plain
    FROM events
    GROUP BY ALL
    HAVING count(*) > 0
),
event_activity AS (
    SELECT
        *,
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
    FROM event_kind
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
    SELECT channel, trim(regexp_replace(channel, '[^\p{L}\p{M}\p{N}]+', '_', 'g'), '_') AS medium
    FROM (SELECT DISTINCT channel FROM touch_fact)
),
record_activity AS (
    SELECT
        activity || ':' || order_key AS activity_id, ts, record_key, customer_id, NULL AS anonymous_id, account_id,
        activity, NULL AS detail, 'shop' AS medium, coalesce(lower(channel), 'shop') AS channel, source_system,
        CAST(to_json({'order_id': order_id}) AS VARCHAR) AS feature_json,
        CAST(own_amount AS DECIMAL(18, 2)) AS revenue_impact, currency, CAST(revenue AS DECIMAL(18, 2)) AS revenue,
        is_own, greatest(ts, first_known_at) AS known_at
    FROM order_moment
    WHERE ts IS NOT NULL
    UNION ALL
    SELECT
        'order_refunded:' || refund_key, happened_at, record_key, customer_id, NULL, NULL, 'order_refunded', NULL, 'shop',
        'shop', source_system, CAST(to_json({'order_key': order_key}) AS VARCHAR), CAST(-refund_amount AS DECIMAL(18, 2)),
        currency, CAST(-refund_reporting AS DECIMAL(18, 2)), FALSE, known_at
    FROM refund_fact
    WHERE is_counted
    UNION ALL
    SELECT
        activity || ':' || payment_key, attempted_at, record_key, customer_id, NULL, NULL, activity, NULL, 'billing',
        coalesce(method, 'billing'), source_system, CAST(to_json({'payment_id': payment_id}) AS VARCHAR), NULL, currency,
        NULL, FALSE, known_at
    FROM (
        SELECT *, CASE WHEN is_failed THEN 'payment_failed' WHEN is_counted THEN 'payment_succeeded' END AS activity
        FROM payment_fact
    )
    WHERE activity IS NOT NULL
    UNION ALL
    SELECT
        activity || ':' || subscription_key, ts, record_key, customer_id, NULL, account_id, activity, NULL, 'billing',
        'billing', source_system, CAST(to_json({'subscription_id': subscription_id}) AS VARCHAR), NULL, currency, NULL,
        is_own, greatest(ts, first_known_at)
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
        NULL, is_own, greatest(ts, known_at)
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
        NULL, NULL, NULL, TRUE, known_at
    FROM survey_answer_fact
    UNION ALL
    SELECT
        'review_written:' || review_key, written_at, record_key, customer_id, NULL, NULL, 'review_written', NULL, 'review',
        lower(platform), source_system, CAST(to_json({'review_id': review_id, 'rating': rating}) AS VARCHAR), NULL, NULL,
        NULL, TRUE, known_at
    FROM review_fact
    UNION ALL
    SELECT
        'touch:' || t.touch_key, t.occurred_at, t.record_key, t.customer_id, t.anonymous_id, NULL,
        k.medium || '_' || t.touch_event, NULL, k.medium, k.medium, t.source_system,
        CAST(to_json({'campaign_id': t.campaign_id}) AS VARCHAR), NULL, NULL, NULL, t.is_own_act,
        t.occurred_at
    FROM touch_fact AS t
    JOIN touch_kind AS k ON k.channel = t.channel
),
place AS (
    SELECT
        *,
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
    FROM (
        SELECT
            TRUE AS is_event,
            event_name,
            event_type,
            feature,
            segment,
            is_app,
            CASE WHEN is_app THEN 'app' ELSE 'web' END AS medium,
            activity,
            CASE
                WHEN activity <> 'page_viewed' THEN lower(feature)
                WHEN segment = '' THEN 'home'
                -- Numbers and long slugs are things, not places: a touchpoint a product would drown the journeys.
                WHEN length(segment) > 30 OR translate(segment, '0123456789', '') <> segment THEN 'other'
                ELSE lower(segment)
            END AS detail,
            position('|' || activity || '|' IN $received_activities) = 0 AS is_own
        FROM event_activity
        UNION ALL
        SELECT FALSE, NULL, NULL, NULL, NULL, NULL, medium, activity, coalesce(detail, ''), NULL
        FROM record_activity
        GROUP BY medium, activity, coalesce(detail, '')
    )
),
-- Sessions, over narrow rows. Events of one visitor, day and stretch of the clock no longer than the gap are of one
-- session: only such stretches are put in order. event_row joins the same once more: a step that is read twice is held
-- whole, and its rows are wide.
stretch AS (
    SELECT
        coalesce(r.customer_id, d.customer_id, e.anonymous_id, e.record_key) AS visitor,
        local_day(e.occurred_at) AS day,
        (epoch_us(e.occurred_at) + 62135596800000000) // ($session_gap_minutes * 60000000 + 1) AS clock,
        min(e.occurred_at) AS first_ts,
        max(e.occurred_at) AS last_ts
    FROM events AS e
    LEFT JOIN customer_record AS r ON r.record_key = e.record_key
    LEFT JOIN device_owner AS d
        ON d.anonymous_id = CASE WHEN r.customer_id IS NULL THEN e.anonymous_id END
        AND e.occurred_at >= d.starts_at
        AND e.occurred_at < d.ends_at
    WHERE coalesce(r.customer_id, d.customer_id, e.anonymous_id, e.record_key) IS NOT NULL
        AND local_day(e.occurred_at) <= $as_of
    GROUP BY ALL
),
neighbour AS (
    SELECT
        *,
        lag(last_ts) OVER (PARTITION BY visitor ORDER BY first_ts) AS ts_before,
        lag(day) OVER (PARTITION BY visitor ORDER BY first_ts) AS previous_day
    FROM stretch
),
marked AS (
    SELECT
        *,
        ts_before IS NULL OR first_ts > ts_before + INTERVAL $session_gap_minutes MINUTE AS is_after_silence
    FROM neighbour
),
begun AS (
    SELECT
        visitor,
        day,
        clock,
        max(CASE WHEN is_after_silence THEN first_ts END) OVER (PARTITION BY visitor ORDER BY first_ts) AS began_at,
        max(CASE WHEN is_after_silence OR day <> previous_day THEN first_ts END)
            OVER (PARTITION BY visitor ORDER BY first_ts) AS cut_at
    FROM marked
),
placed AS (
    SELECT
        visitor,
        day,
        clock,
        CASE WHEN began_at < day_start(day) - INTERVAL $session_cap_hours HOUR THEN cut_at ELSE began_at END AS session_at
    FROM begun
),
sessionized AS (
    SELECT
        visitor,
        day,
        clock,
        substr(md5(visitor || '|' || CAST(epoch_us(session_at) AS VARCHAR)), 1, 20) AS session_id
    FROM placed
),
event_row AS (
    SELECT
        e.source_system,
        e.event_id,
        e.occurred_at AS ts,
        local_day(e.occurred_at) AS day,
        coalesce(r.customer_id, d.customer_id) AS customer_id,
        coalesce(r.customer_id, d.customer_id, e.anonymous_id, e.record_key) AS visitor,
        (epoch_us(e.occurred_at) + 62135596800000000) // ($session_gap_minutes * 60000000 + 1) AS clock,
        e.anonymous_id,
        e.record_key,
        e.account_id,
        lower(e.utm_source) AS utm_source,
        lower(e.utm_medium) AS utm_medium,
        e.utm_campaign,
        e.device_type,
        e.feature,
        e.page_path,
        greatest(
            e.occurred_at, coalesce(e.received_at, e.occurred_at), CASE WHEN r.customer_id IS NULL THEN d.identified_at END
        ) AS known_at,
        e.event_name,
        coalesce(e.event_type, '') AS event_type,
        coalesce(
            CASE WHEN e.event_type IN ('page', 'screen') OR e.feature IS NULL THEN split_part(e.page_path, '/', 2) END,
            split_part(split_part(split_part(e.page_url, '/', 4), '?', 1), '#', 1),
            ''
        ) AS segment,
        coalesce(e.event_type = 'screen', FALSE)
            OR (e.app_version IS NOT NULL AND e.page_url IS NULL AND e.page_path IS NULL) AS is_app
    FROM events AS e
    LEFT JOIN customer_record AS r ON r.record_key = e.record_key
    LEFT JOIN device_owner AS d
        ON d.anonymous_id = CASE WHEN r.customer_id IS NULL THEN e.anonymous_id END
        AND e.occurred_at >= d.starts_at
        AND e.occurred_at < d.ends_at
    WHERE local_day(e.occurred_at) <= $as_of
)
SELECT
    'event:' || e.source_system || ':' || e.event_id AS activity_id,
    e.ts,
    e.day,
    e.customer_id,
    e.anonymous_id,
    e.record_key,
    e.account_id,
    p.activity,
    CASE
        WHEN e.utm_medium IN ('cpc', 'ppc', 'paid', 'paidsearch', 'paid_search', 'display') THEN 'paid'
        ELSE coalesce(e.utm_medium, p.medium)
    END AS channel,
    p.touchpoint_id,
    p.journey_stage,
    s.session_id,
    e.source_system,
    e.device_type,
    e.utm_source,
    e.utm_campaign,
    CASE
        WHEN e.feature IS NOT NULL THEN CAST(to_json({'feature': e.feature}) AS VARCHAR)
        WHEN e.page_path IS NOT NULL THEN CAST(to_json({'page_path': e.page_path}) AS VARCHAR)
    END AS feature_json,
    CAST(NULL AS DECIMAL(18, 2)) AS revenue_impact,
    CAST(NULL AS VARCHAR) AS currency,
    CAST(NULL AS DECIMAL(18, 2)) AS revenue,
    p.is_own AS is_own_act,
    e.known_at
FROM event_row AS e
JOIN place AS p
    ON p.is_event
    AND p.event_name = e.event_name
    AND p.event_type = e.event_type
    AND p.feature = coalesce(e.feature, '')
    AND p.segment = e.segment
    AND p.is_app = e.is_app
LEFT JOIN sessionized AS s ON s.visitor = e.visitor AND s.day = e.day AND s.clock = e.clock
UNION ALL
SELECT
    a.activity_id,
    a.ts,
    local_day(a.ts),
    coalesce(a.customer_id, d.customer_id),
    a.anonymous_id,
    a.record_key,
    a.account_id,
    a.activity,
    a.channel,
    p.touchpoint_id,
    p.journey_stage,
    NULL,
    a.source_system,
    NULL,
    NULL,
    NULL,
    a.feature_json,
    a.revenue_impact,
    a.currency,
    a.revenue,
    a.is_own,
    greatest(a.known_at, CASE WHEN a.customer_id IS NULL THEN d.identified_at END)
FROM record_activity AS a
JOIN place AS p
    ON NOT p.is_event
    AND p.medium = a.medium
    AND p.activity = a.activity
    AND p.detail = coalesce(a.detail, '')
LEFT JOIN device_owner AS d
    ON d.anonymous_id = CASE WHEN a.customer_id IS NULL THEN a.anonymous_id END
    AND a.ts >= d.starts_at
    AND a.ts < d.ends_at
WHERE local_day(a.ts) <= $as_of
