-- Grain: one row per currency and stretch of days with one rate.
-- Meaning: what one unit is worth in the reporting currency from from_day until, not including, to_day. The reporting
--   currency itself is worth 1, always. Without a quote between the two, one over a third currency of the same day.
-- Caveats: days before the first quote, or long after the last, have no rate: nobody knows what an amount was worth.
WITH reporting AS (
    SELECT currency FROM currency_use WHERE is_reporting
),
quoted AS (
    SELECT date AS day, upper(base) AS currency, upper(quote) AS against, CAST(rate AS DOUBLE) AS rate, 1 AS way,
        source_system
    FROM fx_rates
    WHERE rate > 0
    UNION ALL
    SELECT date, upper(quote), upper(base), 1.0 / nullif(CAST(rate AS DOUBLE), 0), 2, source_system
    FROM fx_rates
    WHERE rate > 0
),
direct AS (
    SELECT q.day, q.currency, q.rate, q.way, q.source_system, '' AS over
    FROM quoted AS q
    JOIN reporting AS r ON q.against = r.currency
    WHERE q.currency <> r.currency
),
crossed AS (
    SELECT q.day, q.currency, q.rate * d.rate AS rate, 2 + q.way AS way, q.source_system, d.currency AS over
    FROM quoted AS q
    JOIN direct AS d ON d.day = q.day AND d.currency = q.against
    CROSS JOIN reporting AS r
    WHERE q.currency <> r.currency
),
daily AS (
    SELECT day, currency, rate
    FROM (SELECT * FROM direct UNION ALL SELECT * FROM crossed)
    QUALIFY row_number() OVER (PARTITION BY currency, day ORDER BY way, over, source_system, rate) = 1
)
SELECT
    currency,
    day AS from_day,
    CAST(least(coalesce(lead(day) OVER (PARTITION BY currency ORDER BY day), DATE '9999-12-31'),
        day + 1 + $rate_max_age_days) AS DATE) AS to_day,
    round(rate, 9) AS rate
FROM daily
UNION ALL
SELECT currency, DATE '1900-01-01', DATE '9999-12-31', 1.0 FROM reporting
