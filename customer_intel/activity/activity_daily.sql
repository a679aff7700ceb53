-- Grain: one row per known customer, day and activity, and one '_session' row per customer and day with visits.
-- Meaning: measures that merge over days: counts, sums, first and last; features of any past day come from here.
-- Caveats: revenue is empty where an amount of the day has no rate to the reporting currency; where nothing was bought or
--   given back it is 0. A visit counts on the day on which it began. A day's rows depend on that day alone.
SELECT
    customer_id,
    day,
    activity,
    count(*) AS n,
    CAST(
        CASE WHEN count(revenue_impact) = count(CASE WHEN revenue_impact IS NOT NULL THEN revenue END)
            THEN coalesce(sum(revenue), 0) END AS DECIMAL(18, 2)
    ) AS revenue,
    min(ts) AS first_at,
    max(ts) AS last_at,
    CAST(0 AS BIGINT) AS sessions_started,
    bool_or(is_own_act) AS is_own_act,
    min(known_at) AS known_at
FROM activity
WHERE customer_id IS NOT NULL
GROUP BY customer_id, day, activity
UNION ALL
SELECT customer_id, day, '_session', count(*), 0, min(started_at), max(started_at), count(*), FALSE, min(known_at)
FROM session
WHERE customer_id IS NOT NULL
GROUP BY customer_id, day
