-- Grain: one row per step of a known customer's journey.
-- Meaning: a journey is a run of activities with no pause longer than journey_gap_days; its steps are in the order
--   of time, ties in the order of activity_id. Each step knows the one before it; nothing is known at a journey's start.
-- Caveats: what companies send and machines do is left out by configuration; anonymous visitors have no journey. A day's
--   rows depend on the activities of that day and of the journey_gap_days before it, on none after.
WITH lived AS (
    SELECT
        activity_id,
        customer_id,
        day,
        ts,
        activity,
        touchpoint_id,
        journey_stage,
        revenue,
        lag(ts) OVER w AS ts_before,
        lag(day) OVER w AS previous_day,
        lag(touchpoint_id) OVER w AS touchpoint_before,
        is_conversion,
        lag(is_conversion) OVER w AS conversion_before
    FROM (SELECT *, position('|' || activity || '|' IN $conversion_activities) > 0 AS is_conversion FROM activity)
    WHERE customer_id IS NOT NULL
        AND day < $as_of
        AND position('|' || activity || '|' IN $left_out_activities) = 0
    WINDOW w AS (PARTITION BY customer_id ORDER BY ts, activity_id)
),
joined AS (
    SELECT
        *,
        -- The days' difference tells more only where clocks were set back between.
        ts_before IS NULL
            OR ts > ts_before + INTERVAL $journey_gap_days DAY
            OR date_diff('day', previous_day, day) > $journey_gap_days AS is_start
    FROM lived
)
SELECT
    activity_id,
    customer_id,
    day,
    ts,
    activity,
    touchpoint_id,
    journey_stage,
    revenue,
    is_conversion,
    is_start,
    CASE WHEN NOT is_start THEN touchpoint_before END AS previous_touchpoint_id,
    CASE WHEN NOT is_start THEN CAST(epoch_us(ts) - epoch_us(ts_before) AS DOUBLE) / 1000000.0 END
        AS seconds_since_previous,
    NOT is_start AND conversion_before AS follows_conversion
FROM joined
