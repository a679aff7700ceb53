-- Grain: one row per known customer, day and activity, and one '_session' row per customer and day with visits.
-- Meaning: measures that merge over days: counts, sums, first and last; features of any past day come from here.
-- Caveats: revenue is in the reporting currency where a rate is known, else as the source has it. A visit counts on
--   the day on which it began.
WITH counted AS (
    SELECT
        a.customer_id,
        a.day,
        a.activity,
        a.ts,
        CAST(round(a.revenue_impact * coalesce(r.rate, 1.0), 2) AS DECIMAL(18, 2)) AS revenue,
        0 AS is_session
    FROM activity AS a
    LEFT JOIN currency_rate AS r
        ON a.revenue_impact IS NOT NULL AND r.currency = a.currency AND a.day >= r.from_day AND a.day < r.to_day
    WHERE a.customer_id IS NOT NULL
    UNION ALL
    SELECT customer_id, day, '_session', started_at, NULL, 1
    FROM session
    WHERE customer_id IS NOT NULL
)
SELECT
    customer_id,
    day,
    activity,
    CAST(count(*) AS BIGINT) AS n,
    CAST(coalesce(sum(revenue), 0) AS DECIMAL(18, 2)) AS revenue,
    min(ts) AS first_at,
    max(ts) AS last_at,
    CAST(sum(is_session) AS BIGINT) AS sessions_started
FROM counted
GROUP BY customer_id, day, activity
