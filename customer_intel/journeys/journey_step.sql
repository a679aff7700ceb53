-- Grain: one row per step of a known customer's journey.
-- Meaning: a journey is a run of activities with no pause longer than journey_gap_days; its steps are in the order
--   of time, ties in the order of activity_id. Each step knows the one before it; nothing is known at a journey's start.
--   starts_conversion: a conversion that is not told already. One purchase is told by the page and by the shop: conversions
--   in a row are one, and so is one within same_conversion_minutes of as many at other touchpoints as at its own.
-- Caveats: what companies send and machines do is left out by configuration; anonymous visitors have no journey. A day's
--   rows depend on the activities of that day and of the journey_gap_days before it, on none after.
WITH lived AS (
    SELECT
        a.activity_id,
        a.customer_id,
        a.day,
        a.ts,
        a.activity,
        a.touchpoint_id,
        r.stage AS journey_stage,
        a.revenue,
        r.is_conversion,
        r.is_arrival,
        lag(a.ts) OVER w AS ts_before,
        lag(a.day) OVER w AS previous_day,
        lag(a.touchpoint_id) OVER w AS touchpoint_before,
        lag(r.is_conversion) OVER w AS conversion_before
    FROM activity AS a
    JOIN touchpoint_role AS r ON r.touchpoint_id = a.touchpoint_id
    WHERE a.customer_id IS NOT NULL AND a.day < $as_of AND r.is_step
    WINDOW w AS (PARTITION BY a.customer_id ORDER BY a.ts, a.activity_id)
),
conversion AS (
    SELECT a.activity_id, a.customer_id, a.ts, a.touchpoint_id
    FROM activity AS a
    JOIN touchpoint_role AS r ON r.touchpoint_id = a.touchpoint_id
    WHERE a.customer_id IS NOT NULL AND a.day < $as_of AND r.is_step AND r.is_conversion
),
told_already AS (
    SELECT c.activity_id
    FROM conversion AS c
    JOIN conversion AS o
        ON o.customer_id = c.customer_id
        AND o.ts > c.ts - INTERVAL $same_conversion_minutes MINUTE
        AND (o.ts < c.ts OR (o.ts = c.ts AND o.activity_id <= c.activity_id))
    GROUP BY c.activity_id
    HAVING sum(CASE WHEN o.touchpoint_id = c.touchpoint_id THEN 1 ELSE 0 END)
        <= sum(CASE WHEN o.touchpoint_id = c.touchpoint_id THEN 0 ELSE 1 END)
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
    j.activity_id,
    j.customer_id,
    j.day,
    j.ts,
    j.activity,
    j.touchpoint_id,
    j.journey_stage,
    j.revenue,
    j.is_conversion,
    j.is_conversion AND (j.is_start OR NOT j.conversion_before) AND t.activity_id IS NULL AS starts_conversion,
    j.is_arrival,
    j.is_start,
    CASE WHEN NOT j.is_start THEN j.touchpoint_before END AS previous_touchpoint_id,
    CASE WHEN NOT j.is_start THEN CAST(epoch_us(j.ts) - epoch_us(j.ts_before) AS DOUBLE) / 1000000.0 END
        AS seconds_since_previous
FROM joined AS j
LEFT JOIN told_already AS t ON t.activity_id = j.activity_id
