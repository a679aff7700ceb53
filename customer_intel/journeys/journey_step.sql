-- Grain: one row per step of a known customer's journey.
-- Meaning: a journey is a run of activities with no pause longer than journey_gap_days; its steps are in the order
--   of time, ties in the order of activity_id. An open journey may still go on: its last step is not yet an exit.
-- Caveats: what companies send and machines do is left out by configuration; anonymous visitors have no journey.
WITH lived AS (
    SELECT
        customer_id,
        activity_id,
        ts,
        activity,
        touchpoint_id,
        journey_stage,
        revenue,
        lag(ts) OVER (PARTITION BY customer_id ORDER BY ts, activity_id) AS ts_before
    FROM activity
    WHERE customer_id IS NOT NULL
        AND day < $as_of
        AND position('|' || activity || '|' IN $left_out_activities) = 0
),
numbered AS (
    SELECT
        *,
        sum(CASE WHEN ts_before IS NULL OR ts > ts_before + INTERVAL $journey_gap_days DAY THEN 1 ELSE 0 END)
            OVER (PARTITION BY customer_id ORDER BY ts, activity_id) AS journey_no
    FROM lived
)
SELECT
    customer_id,
    CAST(journey_no AS BIGINT) AS journey_no,
    row_number() OVER (PARTITION BY customer_id, journey_no ORDER BY ts, activity_id) AS step_no,
    ts,
    activity,
    touchpoint_id,
    journey_stage,
    revenue,
    position('|' || activity || '|' IN $conversion_activities) > 0 AS is_conversion,
    max(ts) OVER (PARTITION BY customer_id, journey_no) + INTERVAL $journey_gap_days DAY >= CAST($as_of AS TIMESTAMP)
        AS is_open
FROM numbered
