-- Grain: one row per step of a known customer's journey.
-- Meaning: a journey is a run of activities with no pause longer than journey_gap_days; its steps are in the order
--   of time, ties in the order of activity_id. Each step knows the one before it; nothing is known at a journey's start.
--   starts_conversion: a conversion that is not told already. One purchase is told by the page and by the shop: conversions
--   in a row are one; a page's and a record's within same_purchase_hours are one, matched one to one in the order of time
--   (repeats_activity_id); and so is one within same_conversion_minutes of as many at other touchpoints of its kind as at
--   its own.
-- Caveats: what companies send and machines do is left out by configuration; anonymous visitors have no journey. A day's
--   rows depend on the activities of that day and of the journey_gap_days before it, on none after. A page's conversion
--   that is no purchase, within same_purchase_hours of an order, is taken for the order's.
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
    SELECT
        a.activity_id,
        a.customer_id,
        a.ts,
        a.touchpoint_id,
        r.medium IN ('web', 'app') AS is_tracked,
        lag(a.ts) OVER (PARTITION BY a.customer_id ORDER BY a.ts, a.activity_id) AS ts_before,
        -- Not longer than a third of the gap, so that all that is asked below lies within the days looked back.
        least($same_purchase_hours * 60, $journey_gap_days * 480) AS within_minutes
    FROM activity AS a
    JOIN touchpoint_role AS r ON r.touchpoint_id = a.touchpoint_id
    WHERE a.customer_id IS NOT NULL AND a.day < $as_of AND r.is_step AND r.is_conversion
),
told_already AS (
    SELECT c.activity_id
    FROM conversion AS c
    JOIN conversion AS o
        ON o.customer_id = c.customer_id
        AND o.is_tracked = c.is_tracked
        AND o.ts > c.ts - INTERVAL $same_conversion_minutes MINUTE
        AND (o.ts < c.ts OR (o.ts = c.ts AND o.activity_id <= c.activity_id))
    GROUP BY c.activity_id
    HAVING sum(CASE WHEN o.touchpoint_id = c.touchpoint_id THEN 1 ELSE 0 END)
        <= sum(CASE WHEN o.touchpoint_id = c.touchpoint_id THEN 0 ELSE 1 END)
),
chained AS (
    SELECT
        c.*,
        epoch_us(c.ts) AS at_us,
        CAST(within_minutes AS BIGINT) * 60000000 AS within_us,
        (CAST($journey_gap_days AS BIGINT) * 1440 - within_minutes - 120) * 30000000 AS cell_us,
        max(CASE
            WHEN ts_before IS NULL OR epoch_us(ts) - epoch_us(ts_before) > CAST(within_minutes AS BIGINT) * 60000000
                THEN epoch_us(ts)
        END) OVER (PARTITION BY customer_id ORDER BY ts, c.activity_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
            AS chain_us
    FROM conversion AS c
),
-- Tellings that follow each other closely are numbered from where they begin; where they go on and on, anew in each cell
-- of time, so that a day's rows never ask for more than the days looked back.
anchored AS (
    SELECT
        c.*,
        CASE
            WHEN c.chain_us >= c.at_us - c.at_us % c.cell_us - c.cell_us THEN c.chain_us
            ELSE c.at_us - c.at_us % c.cell_us
        END AS anchor_us
    FROM chained AS c
    LEFT JOIN told_already AS t ON t.activity_id = c.activity_id
    WHERE t.activity_id IS NULL
),
numbered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY customer_id, anchor_us, is_tracked ORDER BY ts, activity_id) AS nth
    FROM anchored
),
-- The page's first is the shop's first, its second the shop's second: each is of at most one.
repeated AS (
    SELECT c.activity_id, o.activity_id AS repeats_activity_id
    FROM numbered AS c
    JOIN numbered AS o
        ON o.customer_id = c.customer_id
        AND o.anchor_us = c.anchor_us
        AND o.nth = c.nth
        AND o.is_tracked <> c.is_tracked
    WHERE (o.ts < c.ts OR (o.ts = c.ts AND o.activity_id < c.activity_id))
        AND c.at_us - o.at_us <= c.within_us
        AND c.within_us > 0
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
    j.is_conversion AND (j.is_start OR NOT j.conversion_before) AND t.activity_id IS NULL AND p.activity_id IS NULL
        AS starts_conversion,
    p.repeats_activity_id,
    j.is_arrival,
    j.is_start,
    CASE WHEN NOT j.is_start THEN j.touchpoint_before END AS previous_touchpoint_id,
    CASE WHEN NOT j.is_start THEN CAST(epoch_us(j.ts) - epoch_us(j.ts_before) AS DOUBLE) / 1000000.0 END
        AS seconds_since_previous
FROM joined AS j
LEFT JOIN told_already AS t ON t.activity_id = j.activity_id
LEFT JOIN repeated AS p ON p.activity_id = j.activity_id
