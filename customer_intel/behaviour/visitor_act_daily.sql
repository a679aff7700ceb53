-- Grain: one row per anonymous visitor, day and act.
-- Meaning: as act_daily, of those whom nobody knows: funnels begin before a login, and some companies have no customers.
-- Caveats: a device that is known later moves to act_daily. Depends on its own day of activity alone.
SELECT
    anonymous_id,
    day,
    substr(touchpoint_id, position(':' IN touchpoint_id) + 1) AS act,
    CAST(sum(n) AS BIGINT) AS n,
    min(first_at) AS first_at,
    max(last_at) AS last_at
FROM (
    SELECT anonymous_id, day, touchpoint_id, count(*) AS n, min(ts) AS first_at, max(ts) AS last_at
    FROM activity
    WHERE customer_id IS NULL AND anonymous_id IS NOT NULL AND is_own_act
    GROUP BY anonymous_id, day, touchpoint_id
)
GROUP BY anonymous_id, day, substr(touchpoint_id, position(':' IN touchpoint_id) + 1)
