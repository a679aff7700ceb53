-- Grain: one row per anonymous visitor, day and act.
-- Meaning: as act_daily, of those whom nobody knows: funnels begin before a login, and some companies have no customers.
-- Caveats: a device that is known later moves to act_daily. Depends on its own day of activity alone.
SELECT
    anonymous_id,
    day,
    substr(touchpoint_id, position(':' IN touchpoint_id) + 1) AS act,
    CAST(count(*) AS BIGINT) AS n,
    min(ts) AS first_at,
    max(ts) AS last_at
FROM activity
WHERE customer_id IS NULL AND anonymous_id IS NOT NULL AND is_own_act
GROUP BY anonymous_id, day, substr(touchpoint_id, position(':' IN touchpoint_id) + 1)
