-- Grain: one row per known customer, day and act: an activity, or activity:detail for a page or a feature.
-- Meaning: how often, when first and when last customers did a thing on a day, by whichever medium; own acts only. What
--   is asked of behaviour above days (retention, lifecycle, features) is computed from these rows.
-- Caveats: anonymous visitors have none. Depends on its own day of activity alone.
SELECT
    customer_id,
    day,
    substr(touchpoint_id, position(':' IN touchpoint_id) + 1) AS act,
    CAST(count(*) AS BIGINT) AS n,
    min(ts) AS first_at,
    max(ts) AS last_at,
    min(known_at) AS known_at
FROM activity
WHERE customer_id IS NOT NULL AND is_own_act
GROUP BY customer_id, day, substr(touchpoint_id, position(':' IN touchpoint_id) + 1)
