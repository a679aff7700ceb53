-- Grain: one row per visit: web or product events of one visitor with no silence longer than the gap.
-- Meaning: day is the day on which the visit began, also when it passes midnight. It converted when one of its
--   events is a conversion by itself, or when the customer placed an order or subscribed between its start and one
--   gap after its end.
-- Caveats: anonymous_id is the least of the visit's devices when a known customer used two at once.
WITH event AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY session_id ORDER BY ts, activity_id) AS nth,
        row_number() OVER (PARTITION BY session_id ORDER BY ts DESC, activity_id DESC) AS nth_last
    FROM activity
    WHERE session_id IS NOT NULL
),
visit AS (
    SELECT
        session_id,
        min(customer_id) AS customer_id,
        min(anonymous_id) AS anonymous_id,
        min(ts) AS started_at,
        max(ts) AS ended_at,
        count(*) AS n_activities,
        min(known_at) AS known_at,
        max(touchpoint_id) FILTER (WHERE nth = 1) AS entry_touchpoint_id,
        max(touchpoint_id) FILTER (WHERE nth_last = 1) AS exit_touchpoint_id,
        max(channel) FILTER (WHERE nth = 1) AS channel,
        max(device_type) FILTER (WHERE nth = 1) AS device_type,
        max(CASE WHEN position('|' || activity || '|' IN $converting_activities) > 0 THEN 1 ELSE 0 END) AS n_converting
    FROM event
    GROUP BY session_id
),
bought AS (
    SELECT DISTINCT v.session_id
    FROM visit AS v
    JOIN activity AS a
        ON a.customer_id = v.customer_id
        AND a.ts >= v.started_at
        AND a.ts <= v.ended_at + INTERVAL $session_gap_minutes MINUTE
    WHERE a.activity IN ('order_placed', 'subscription_started')
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
    v.entry_touchpoint_id,
    v.exit_touchpoint_id,
    v.channel,
    v.device_type,
    v.known_at,
    v.n_converting > 0 OR b.session_id IS NOT NULL AS is_converted
FROM visit AS v
LEFT JOIN bought AS b ON b.session_id = v.session_id
