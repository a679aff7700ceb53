-- Grain: one row per currency and stretch of days with one rate.
-- Meaning: what one unit is worth in the reporting currency from from_day until, not including, to_day.
-- Caveats: the first known rate also serves the days before it. A currency without a rate has no row; whoever
--   converts then takes its amounts as they are, which is right for a company of one currency.
WITH quoted AS (
    SELECT date AS day, base AS currency, CAST(rate AS DOUBLE) AS rate, 1 AS way, source_system
    FROM fx_rates
    WHERE quote = $reporting_currency AND base <> $reporting_currency AND rate > 0
    UNION ALL
    SELECT date, quote, 1.0 / nullif(CAST(rate AS DOUBLE), 0), 2, source_system
    FROM fx_rates
    WHERE base = $reporting_currency AND quote <> $reporting_currency AND rate > 0
),
daily AS (
    SELECT day, currency, rate
    FROM quoted
    QUALIFY row_number() OVER (PARTITION BY currency, day ORDER BY way, source_system, rate) = 1
)
SELECT
    currency,
    CASE WHEN lag(day) OVER w IS NULL THEN DATE '1900-01-01' ELSE day END AS from_day,
    coalesce(lead(day) OVER w, DATE '9999-12-31') AS to_day,
    round(rate, 9) AS rate
FROM daily
WINDOW w AS (PARTITION BY currency ORDER BY day)
