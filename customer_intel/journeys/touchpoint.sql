-- Grain: one row per touchpoint: a place or means by which customers and the company meet.
-- Meaning: the catalogue that the ids of activities, sessions and journeys refer to; stage, owner and what journeys take
--   it for are touchpoint_role's. customers are the known ones of the last transition_days, n_activities all before as_of.
-- Caveats: days on or after as_of are not yet counted, so first and last day can be empty for a brand-new
--   touchpoint. Of more than five sources the first five are named.
WITH used AS (
    SELECT touchpoint_id, source_system, min(day) AS first_seen, max(day) AS last_seen, sum(n) AS n
    FROM touchpoint_day
    WHERE day < $as_of
    GROUP BY touchpoint_id, source_system
),
named AS (
    SELECT *, row_number() OVER (PARTITION BY touchpoint_id ORDER BY source_system) AS nth FROM used
),
counted AS (
    SELECT
        touchpoint_id,
        sum(n) AS n_activities,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        concat_ws(
            '|',
            max(CASE WHEN nth = 1 THEN source_system END),
            max(CASE WHEN nth = 2 THEN source_system END),
            max(CASE WHEN nth = 3 THEN source_system END),
            max(CASE WHEN nth = 4 THEN source_system END),
            max(CASE WHEN nth = 5 THEN source_system END),
            max(CASE WHEN nth = 6 THEN '…' END)
        ) AS sources
    FROM named
    GROUP BY touchpoint_id
),
met AS (
    SELECT touchpoint_id, count(DISTINCT customer_id) AS customers
    FROM activity
    WHERE customer_id IS NOT NULL AND day >= $as_of - $transition_days AND day < $as_of
    GROUP BY touchpoint_id
)
SELECT
    r.touchpoint_id,
    r.medium AS channel,
    substr(r.touchpoint_id, length(r.medium) + 2) AS name,
    r.stage,
    r.stage_basis,
    r.owner,
    r.owner_basis,
    r.is_conversion,
    r.is_arrival,
    coalesce(c.sources, '') AS sources,
    CASE WHEN r.medium IN ('web', 'app') THEN 'tracked' ELSE 'recorded' END AS trust_basis,
    CAST(coalesce(c.n_activities, 0) AS BIGINT) AS n_activities,
    CAST(coalesce(m.customers, 0) AS BIGINT) AS customers,
    c.first_seen,
    c.last_seen
FROM touchpoint_role AS r
LEFT JOIN counted AS c ON c.touchpoint_id = r.touchpoint_id
LEFT JOIN met AS m ON m.touchpoint_id = r.touchpoint_id
