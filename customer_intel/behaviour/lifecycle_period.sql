-- Grain: one row per week and per month, from the first own act on.
-- Meaning: customers active in the period by an own act: new (first ever), returning (active in the period before too),
--   resurrecting (seen before, not in the period before); and dormant: active in the period before, not in this one.
--   Weeks begin on Monday; days are those of the reporting time zone.
-- Caveats: where the data begins in the middle of a company's life, its first periods call everybody new. The period
--   that as_of cuts is not complete: who is dormant in it may still come.
WITH own AS (
    SELECT customer_id, day FROM customer_day WHERE is_active AND day < $as_of
),
seen AS (
    SELECT DISTINCT 'week' AS interval_unit, customer_id, CAST(date_trunc('week', day) AS DATE) AS starts_on FROM own
    UNION ALL
    SELECT DISTINCT 'month', customer_id, CAST(date_trunc('month', day) AS DATE) FROM own
),
between_neighbours AS (
    SELECT
        interval_unit,
        starts_on,
        CASE interval_unit WHEN 'week' THEN starts_on - 7 ELSE CAST(date_trunc('month', starts_on - 1) AS DATE) END AS before_on,
        -- 31 days after its first, a month is over by 4 days at most.
        CASE interval_unit WHEN 'week' THEN starts_on + 7 ELSE CAST(date_trunc('month', starts_on + 31) AS DATE) END AS after_on,
        lag(starts_on) OVER w AS seen_before,
        lead(starts_on) OVER w AS seen_after
    FROM seen
    WINDOW w AS (PARTITION BY interval_unit, customer_id ORDER BY starts_on)
),
moved AS (
    SELECT
        interval_unit,
        starts_on,
        CASE WHEN seen_before IS NULL THEN 1 ELSE 0 END AS is_new,
        CASE WHEN seen_before = before_on THEN 1 ELSE 0 END AS is_returning,
        CASE WHEN seen_before < before_on THEN 1 ELSE 0 END AS is_resurrecting,
        0 AS is_dormant
    FROM between_neighbours
    UNION ALL
    SELECT interval_unit, after_on, 0, 0, 0, 1
    FROM between_neighbours
    WHERE after_on < $as_of AND (seen_after IS NULL OR seen_after > after_on)
    UNION ALL
    -- Periods in which nobody moved are told too.
    SELECT DISTINCT 'week', week_start, 0, 0, 0, 0 FROM date WHERE day >= (SELECT min(day) FROM own) AND day < $as_of
    UNION ALL
    SELECT DISTINCT 'month', month_start, 0, 0, 0, 0 FROM date WHERE day >= (SELECT min(day) FROM own) AND day < $as_of
),
counted AS (
    SELECT
        interval_unit,
        starts_on,
        sum(is_new) AS n_new,
        sum(is_returning) AS n_returning,
        sum(is_resurrecting) AS n_resurrecting,
        sum(is_dormant) AS n_dormant
    FROM moved
    GROUP BY interval_unit, starts_on
)
SELECT
    interval_unit,
    starts_on,
    CAST(n_new + n_returning + n_resurrecting AS BIGINT) AS n_active,
    CAST(n_new AS BIGINT) AS n_new,
    CAST(n_returning AS BIGINT) AS n_returning,
    CAST(n_resurrecting AS BIGINT) AS n_resurrecting,
    CAST(n_dormant AS BIGINT) AS n_dormant,
    CASE interval_unit WHEN 'week' THEN starts_on + 7 ELSE CAST(date_trunc('month', starts_on + 31) AS DATE) END <= $as_of
        AS is_complete
FROM counted
