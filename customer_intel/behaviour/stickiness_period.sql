-- Grain: one row per week, month or quarter and number of days (of a quarter: weeks) on which somebody was active in it.
-- Meaning: n customers were active by an own act on exactly active_units days (weeks) of the period. n_active, mean_units,
--   mean_active and stickiness say the same of the whole period: of a week, n_active is its WAU, of a month its MAU;
--   mean_active is the mean DAU, and stickiness is DAU/WAU or DAU/MAU, of a quarter the mean WAU over all active.
-- Caveats: of the period that as_of cuts only the days until then count, in its length too: it is not complete, and its
--   stickiness is not to be compared with a whole period's. A quarter's first and last week may lie partly outside it.
WITH own AS (
    SELECT
        customer_id,
        day,
        CAST(date_trunc('week', day) AS DATE) AS week_start,
        CAST(date_trunc('month', day) AS DATE) AS month_start,
        CAST(date_trunc('quarter', day) AS DATE) AS quarter_start
    FROM customer_day
    WHERE is_active AND day < $as_of
),
per_customer AS (
    SELECT 'week' AS interval_unit, week_start AS starts_on, customer_id, count(*) AS active_units
    FROM own
    GROUP BY customer_id, week_start
    UNION ALL
    SELECT 'month', month_start, customer_id, count(*) FROM own GROUP BY customer_id, month_start
    UNION ALL
    SELECT 'quarter', quarter_start, customer_id, count(DISTINCT week_start) FROM own GROUP BY customer_id, quarter_start
),
told AS (
    SELECT interval_unit, starts_on, active_units, count(*) AS n
    FROM per_customer
    GROUP BY interval_unit, starts_on, active_units
),
bounded AS (
    SELECT
        *,
        sum(n) OVER p AS n_active,
        sum(n) OVER (PARTITION BY interval_unit, starts_on ORDER BY active_units DESC) AS n_at_least,
        sum(n * active_units) OVER p AS customer_units,
        CASE interval_unit
            WHEN 'week' THEN starts_on + 7
            WHEN 'month' THEN CAST(date_trunc('month', starts_on + 31) AS DATE)
            -- A quarter has 90 to 92 days.
            ELSE CAST(date_trunc('quarter', starts_on + 92) AS DATE)
        END AS ends_before
    FROM told
    WINDOW p AS (PARTITION BY interval_unit, starts_on)
),
measured AS (
    SELECT
        *,
        CASE interval_unit
            WHEN 'quarter' THEN CAST(floor(date_diff(
                'day',
                CAST(date_trunc('week', starts_on) AS DATE),
                CAST(date_trunc('week', least(ends_before, $as_of) - 1) AS DATE)
            ) / 7.0) AS BIGINT) + 1
            ELSE date_diff('day', CAST(starts_on AS DATE), CAST(least(ends_before, $as_of) AS DATE))
        END AS units
    FROM bounded
)
SELECT
    interval_unit,
    starts_on,
    CAST(active_units AS BIGINT) AS active_units,
    CASE interval_unit WHEN 'quarter' THEN 'week' ELSE 'day' END AS counted_unit,
    CAST(n AS BIGINT) AS n,
    round(CAST(n AS DOUBLE) / nullif(n_active, 0), 9) AS share,
    round(CAST(n_at_least AS DOUBLE) / nullif(n_active, 0), 9) AS share_at_least,
    CAST(n_active AS BIGINT) AS n_active,
    CAST(units AS BIGINT) AS period_units,
    round(CAST(customer_units AS DOUBLE) / nullif(n_active, 0), 9) AS mean_units,
    round(CAST(customer_units AS DOUBLE) / nullif(units, 0), 9) AS mean_active,
    round(CAST(customer_units AS DOUBLE) / nullif(units * n_active, 0), 9) AS stickiness,
    ends_before <= $as_of AS is_complete
FROM measured
