-- Grain: one row per visit: web or product events of one visitor with no silence longer than the gap.
-- Meaning: day is the day on which the visit began, also when it passes midnight. It converted when one of its
--   events is a conversion by itself, or when the customer placed an order or subscribed between its start and one
--   gap after its end.
-- Caveats: anonymous_id is the least of the visit's devices when a known customer used two at once. A day's rows depend
--   on the activities of that day and of at most 3 days after it (session_cap_hours and its midnight, one gap), and on the
--   3 days before only so that a visit that began there is not taken for one of the day's own.
WITH visit AS (
    SELECT
        session_id,
        min(customer_id) AS customer_id,
        min(anonymous_id) AS anonymous_id,
        min(ts) AS started_at,
        max(ts) AS ended_at,
        count(*) AS n_activities,
        min(known_at) AS known_at,
        max(CASE WHEN position('|' || activity || '|' IN $converting_activities) > 0 THEN 1 ELSE 0 END) AS n_converting
    FROM activity
    WHERE session_id IS NOT NULL
    GROUP BY session_id
),
-- A visit's first and last events: of several at the very same moment the first, and the last, by id.
edge AS (
    SELECT
        a.session_id,
        a.touchpoint_id,
        a.channel,
        a.device_type,
        a.utm_source,
        a.utm_campaign,
        a.ts = v.started_at AND lag(a.activity_id) OVER w IS NULL AS is_entry,
        a.ts = v.ended_at AND lead(a.activity_id) OVER w IS NULL AS is_exit
    FROM visit AS v
    JOIN activity AS a ON a.session_id = v.session_id AND (a.ts = v.started_at OR a.ts = v.ended_at)
    WINDOW w AS (PARTITION BY a.session_id ORDER BY a.ts, a.activity_id)
),
way AS (
    SELECT
        session_id,
        max(CASE WHEN is_entry THEN touchpoint_id END) AS entry_touchpoint_id,
        max(CASE WHEN is_exit THEN touchpoint_id END) AS exit_touchpoint_id,
        max(CASE WHEN is_entry THEN channel END) AS channel,
        max(CASE WHEN is_entry THEN device_type END) AS device_type,
        max(CASE WHEN is_entry THEN utm_source END) AS utm_source,
        max(CASE WHEN is_entry THEN utm_campaign END) AS utm_campaign
    FROM edge
    GROUP BY session_id
),
bought AS (
    SELECT DISTINCT v.session_id
    FROM (SELECT customer_id, ts FROM activity WHERE activity IN ('order_placed', 'subscription_started')) AS a
    JOIN visit AS v
        ON v.customer_id = a.customer_id
        AND v.started_at <= a.ts
        AND v.ended_at + INTERVAL $session_gap_minutes MINUTE >= a.ts
)
SELECT
    v.session_id,
    local_day(v.started_at) AS day,
    v.customer_id,
    v.anonymous_id,
    v.started_at,
    v.ended_at,
    CAST((epoch_us(v.ended_at) - epoch_us(v.started_at)) // 1000000 AS BIGINT) AS duration_seconds,
    CAST(v.n_activities AS BIGINT) AS n_activities,
    w.entry_touchpoint_id,
    w.exit_touchpoint_id,
    w.channel,
    w.device_type,
    w.utm_source,
    w.utm_campaign,
    v.known_at,
    v.n_converting > 0 OR b.session_id IS NOT NULL AS is_converted
FROM visit AS v
JOIN way AS w ON w.session_id = v.session_id
LEFT JOIN bought AS b ON b.session_id = v.session_id
