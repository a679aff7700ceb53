-- Grain: one row per known customer and day with any activity.
-- Meaning: whether and when the customer was there on a day; windows over days and features of any past day read
--   these rows, a fraction of activity_daily's. n_own, first_own_at and last_own_at are of the customer's own acts.
-- Caveats: what customers are sent makes a row, but no active day. Depends on its own day of activity_daily alone.
SELECT
    customer_id,
    day,
    CAST(sum(CASE WHEN is_own_act THEN n ELSE 0 END) AS BIGINT) AS n_own,
    bool_or(is_own_act) AS is_active,
    min(CASE WHEN is_own_act THEN first_at END) AS first_own_at,
    max(CASE WHEN is_own_act THEN last_at END) AS last_own_at,
    CAST(sum(sessions_started) AS BIGINT) AS sessions_started,
    max(CASE WHEN sessions_started > 0 THEN last_at END) AS last_session_start,
    min(CASE WHEN is_own_act OR sessions_started > 0 THEN known_at END) AS known_at
FROM activity_daily
GROUP BY customer_id, day
