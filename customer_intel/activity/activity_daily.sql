-- Grain: one row per known customer, day and activity, and one '_session' row per customer and day with visits.
-- Meaning: measures that merge over days: counts, sums, first and last; features of any past day come from here.
-- Caveats: revenue is empty where an amount of the day has no rate to the reporting currency; where nothing was bought or
--   given back it is 0. A visit counts on the day on which it began.
WITH counted AS (
    SELECT
        customer_id, day, activity, ts, revenue, 0 AS is_session, is_own_act, known_at,
        CASE WHEN revenue_impact IS NOT NULL AND revenue IS NULL THEN 1 ELSE 0 END AS n_without_rate
    FROM activity
    WHERE customer_id IS NOT NULL
    UNION ALL
    SELECT customer_id, day, '_session', started_at, NULL, 1, FALSE, known_at, 0
    FROM session
    WHERE customer_id IS NOT NULL
)
SELECT
    customer_id,
    day,
    activity,
    CAST(count(*) AS BIGINT) AS n,
    CAST(CASE WHEN sum(n_without_rate) = 0 THEN coalesce(sum(revenue), 0) END AS DECIMAL(18, 2)) AS revenue,
    min(ts) AS first_at,
    max(ts) AS last_at,
    CAST(sum(is_session) AS BIGINT) AS sessions_started,
    bool_or(is_own_act) AS is_own_act,
    min(known_at) AS known_at
FROM counted
GROUP BY customer_id, day, activity
