-- Grain: one row per actor (customer, or anonymous visitor) and act of the last $proposal_days days.
-- Meaning: when it was first and last done, on how many days, on how many of the actor's later days: what definitions
--   are proposed from.
-- Caveats: of an activity with more than $details_max details, the details are one act: they are things, not places.
WITH done AS (
    SELECT customer_id AS actor_id, TRUE AS is_known, day, act, n, first_at, last_at
    FROM act_daily
    WHERE day < $as_of AND day >= $as_of - $proposal_days
    UNION ALL
    SELECT anonymous_id, FALSE, day, act, n, first_at, last_at
    FROM visitor_act_daily
    WHERE day < $as_of AND day >= $as_of - $proposal_days
),
activity_kind AS (
    SELECT split_part(act, ':', 1) AS activity, count(*) > $details_max OR max(position('|' IN act)) > 0 AS is_one
    FROM (SELECT DISTINCT act FROM done)
    GROUP BY split_part(act, ':', 1)
),
-- Rows of done are unique by actor, day and act: only what becomes one act has to be put together.
by_day AS (
    SELECT d.actor_id, d.is_known, d.day, d.act, d.n, d.first_at, d.last_at
    FROM done AS d
    JOIN activity_kind AS k ON k.activity = split_part(d.act, ':', 1)
    WHERE NOT k.is_one
    UNION ALL
    SELECT d.actor_id, d.is_known, d.day, k.activity, sum(d.n), min(d.first_at), max(d.last_at)
    FROM done AS d
    JOIN activity_kind AS k ON k.activity = split_part(d.act, ':', 1)
    WHERE k.is_one
    GROUP BY d.actor_id, d.is_known, d.day, k.activity
),
actor AS (
    SELECT actor_id, is_known, min(day) AS first_day, count(*) AS n_days
    FROM (SELECT DISTINCT actor_id, is_known, day FROM done)
    GROUP BY actor_id, is_known
)
SELECT
    b.actor_id,
    b.is_known,
    b.act,
    CAST(sum(b.n) AS BIGINT) AS n,
    min(b.first_at) AS first_at,
    max(b.last_at) AS last_at,
    CAST(count(*) AS BIGINT) AS active_days,
    CAST(sum(CASE WHEN b.day > a.first_day THEN 1 ELSE 0 END) AS BIGINT) AS later_days,
    CAST(max(a.n_days) - 1 AS BIGINT) AS actor_later_days
FROM by_day AS b
JOIN actor AS a ON a.actor_id = b.actor_id AND a.is_known = b.is_known
GROUP BY b.actor_id, b.is_known, b.act
