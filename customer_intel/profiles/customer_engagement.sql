-- Grain: one row per customer with any activity before as_of.
-- Meaning: how often and how the customer comes. Only what customers do counts, not what they are sent.
-- Caveats: preferred channel and hour come from the last 90 days of own activity, by the
--   reporting time zone. engagement_trend compares what sources tell that were there in both windows; else it is empty.
--   Core actions are those of core_activities, else of behaviour_definition, features those of behaviour_definition, which
--   feature_usage tells of too; 0 where there is none. Conditions of a definition are not asked. What page and shop both
--   tell counts once (docs/behaviour.md). Whoever may not be profiled (unprofiled_customer) has counts, but neither trend
--   nor preferences.
WITH measured AS (
    SELECT
        customer_id,
        min(first_own_at) AS first_active_at,
        max(last_own_at) AS last_active_at,
        max(last_session_start) AS last_session_at,
        sum(CASE WHEN is_active AND day >= $as_of - 7 THEN 1 ELSE 0 END) AS active_days_7d,
        sum(CASE WHEN is_active AND day >= $as_of - 28 THEN 1 ELSE 0 END) AS active_days_28d,
        sum(CASE WHEN is_active AND day >= $as_of - 90 THEN 1 ELSE 0 END) AS active_days_90d,
        sum(CASE WHEN day >= $as_of - 7 THEN sessions_started ELSE 0 END) AS sessions_7d,
        sum(CASE WHEN day >= $as_of - 28 THEN sessions_started ELSE 0 END) AS sessions_28d,
        sum(CASE WHEN day >= $as_of - 90 THEN sessions_started ELSE 0 END) AS sessions_90d,
        sum(CASE WHEN day >= $as_of - 28 THEN n_own ELSE 0 END) AS activities_28d,
        sum(CASE WHEN day >= $as_of - 90 THEN n_own ELSE 0 END) AS activities_90d
    FROM customer_day
    WHERE day < $as_of
    GROUP BY customer_id
),
-- What the product is for: the home's own list, else what behaviour_definition says.
core_act AS (
    SELECT DISTINCT a.act
    FROM (SELECT DISTINCT act FROM act_daily WHERE day < $as_of AND day >= $as_of - 90) AS a
    LEFT JOIN behaviour_definition AS d
        ON d.kind = 'core_action'
        AND (position('|' || a.act || '|' IN d.acts) > 0 OR position('|' || split_part(a.act, ':', 1) || '|' IN d.acts) > 0)
    WHERE CASE
            WHEN $core_activities = '' THEN d.kind IS NOT NULL
            ELSE position('|' || a.act || '|' IN $core_activities) > 0
                OR position('|' || split_part(a.act, ':', 1) || '|' IN $core_activities) > 0
        END
),
-- A fact and the events that tell of it are one thing.
core_day AS (
    SELECT
        d.customer_id,
        d.day,
        coalesce(b.tells, d.act) AS thing,
        coalesce(b.tells <> d.act, FALSE) AS is_event,
        sum(d.n) AS n
    FROM act_daily AS d
    JOIN core_act AS c ON c.act = d.act
    LEFT JOIN behaviour_candidate AS b ON b.act = d.act
    WHERE d.day < $as_of AND d.day >= $as_of - 90
    GROUP BY ALL
),
core_thing AS (
    SELECT e.customer_id, e.day, e.thing, max(e.n) AS n
    FROM core_day AS e
    WHERE NOT e.is_event
        OR NOT EXISTS (
            SELECT 1
            FROM core_day AS f
            WHERE f.customer_id = e.customer_id AND f.thing = e.thing AND NOT f.is_event
                AND f.day > e.day AND f.day <= e.day + 2
        )
    GROUP BY e.customer_id, e.day, e.thing
),
acted AS (
    SELECT
        customer_id,
        sum(CASE WHEN day >= $as_of - 7 THEN n ELSE 0 END) AS core_actions_7d,
        sum(CASE WHEN day >= $as_of - 28 THEN n ELSE 0 END) AS core_actions_28d,
        sum(n) AS core_actions_90d
    FROM core_thing
    GROUP BY customer_id
),
mailed AS (
    SELECT
        customer_id,
        sum(CASE WHEN activity = 'email_opened' THEN n ELSE 0 END) AS emails_opened_90d,
        sum(CASE WHEN activity = 'email_clicked' THEN n ELSE 0 END) AS emails_clicked_90d
    FROM activity_daily
    WHERE day < $as_of AND day >= $as_of - 90 AND activity IN ('email_opened', 'email_clicked')
    GROUP BY customer_id
),
-- Of each hour one row: everything below is made of these, not of the events themselves.
recent AS (
    SELECT customer_id, day, source_system, channel, extract(hour FROM local_time(ts)) AS hour, count(*) AS n
    FROM activity
    WHERE customer_id IS NOT NULL AND day < $as_of AND day >= $as_of - 90 AND is_own_act
    GROUP BY customer_id, day, source_system, channel, extract(hour FROM local_time(ts))
),
-- Like with like: only sources that told of both windows from their first day on.
settled AS (
    SELECT source_system FROM source_start GROUP BY source_system HAVING max(first_day) <= $as_of - 56
),
compared AS (
    SELECT
        customer_id,
        sum(CASE WHEN day >= $as_of - 28 THEN 1 ELSE 0 END) AS days_now,
        sum(CASE WHEN day < $as_of - 28 AND day >= $as_of - 56 THEN 1 ELSE 0 END) AS days_before
    FROM (
        SELECT DISTINCT r.customer_id, r.day
        FROM recent AS r
        JOIN settled AS s ON s.source_system = r.source_system
    ) AS days
    GROUP BY customer_id
),
-- Parts of the product that somebody named or the data proposes.
feature_act AS (
    SELECT DISTINCT a.act, d.name AS feature
    FROM (SELECT DISTINCT act FROM act_daily WHERE day < $as_of AND day >= $as_of - 90) AS a
    JOIN behaviour_definition AS d
        ON d.kind = 'feature'
        AND (position('|' || a.act || '|' IN d.acts) > 0 OR position('|' || split_part(a.act, ':', 1) || '|' IN d.acts) > 0)
),
used AS (
    SELECT d.customer_id, f.feature, max(d.day) AS last_day
    FROM act_daily AS d
    JOIN feature_act AS f ON f.act = d.act
    WHERE d.day < $as_of AND d.day >= $as_of - 90
    GROUP BY d.customer_id, f.feature
),
features AS (
    SELECT
        customer_id,
        sum(CASE WHEN last_day >= $as_of - 7 THEN 1 ELSE 0 END) AS features_used_7d,
        sum(CASE WHEN last_day >= $as_of - 28 THEN 1 ELSE 0 END) AS features_used_28d,
        count(*) AS features_used_90d
    FROM used
    GROUP BY customer_id
),
channels AS (
    SELECT customer_id, channel
    FROM (SELECT customer_id, channel, sum(n) AS n FROM recent GROUP BY customer_id, channel)
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY n DESC, channel) = 1
),
hours AS (
    SELECT customer_id, hour
    FROM (SELECT customer_id, hour, sum(n) AS n FROM recent GROUP BY customer_id, hour)
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY n DESC, hour) = 1
)
SELECT
    m.customer_id,
    m.first_active_at,
    m.last_active_at,
    m.last_session_at,
    CAST(date_diff('day', CAST(m.last_active_at AS DATE), $as_of) AS BIGINT) AS days_since_active,
    CAST(m.active_days_7d AS BIGINT) AS active_days_7d,
    CAST(m.active_days_28d AS BIGINT) AS active_days_28d,
    CAST(m.active_days_90d AS BIGINT) AS active_days_90d,
    CAST(m.sessions_7d AS BIGINT) AS sessions_7d,
    CAST(m.sessions_28d AS BIGINT) AS sessions_28d,
    CAST(m.sessions_90d AS BIGINT) AS sessions_90d,
    CAST(m.activities_28d AS BIGINT) AS activities_28d,
    CAST(m.activities_90d AS BIGINT) AS activities_90d,
    CAST(coalesce(d.core_actions_7d, 0) AS BIGINT) AS core_actions_7d,
    CAST(coalesce(d.core_actions_28d, 0) AS BIGINT) AS core_actions_28d,
    CAST(coalesce(d.core_actions_90d, 0) AS BIGINT) AS core_actions_90d,
    CAST(coalesce(f.features_used_7d, 0) AS BIGINT) AS features_used_7d,
    CAST(coalesce(f.features_used_28d, 0) AS BIGINT) AS features_used_28d,
    CAST(coalesce(f.features_used_90d, 0) AS BIGINT) AS features_used_90d,
    CAST(coalesce(e.emails_opened_90d, 0) AS BIGINT) AS emails_opened_90d,
    CAST(coalesce(e.emails_clicked_90d, 0) AS BIGINT) AS emails_clicked_90d,
    CASE
        WHEN u.customer_id IS NULL
            THEN round(CAST(b.days_now - b.days_before AS DOUBLE) / nullif(b.days_now + b.days_before, 0), 4)
    END AS engagement_trend,
    CASE WHEN u.customer_id IS NULL THEN c.channel END AS preferred_channel,
    CASE WHEN u.customer_id IS NULL THEN CAST(h.hour AS BIGINT) END AS preferred_hour
FROM measured AS m
LEFT JOIN acted AS d ON d.customer_id = m.customer_id
LEFT JOIN mailed AS e ON e.customer_id = m.customer_id
LEFT JOIN compared AS b ON b.customer_id = m.customer_id
LEFT JOIN features AS f ON f.customer_id = m.customer_id
LEFT JOIN channels AS c ON c.customer_id = m.customer_id
LEFT JOIN hours AS h ON h.customer_id = m.customer_id
LEFT JOIN unprofiled_customer AS u ON u.customer_id = m.customer_id
