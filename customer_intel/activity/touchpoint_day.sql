-- Grain: one row per touchpoint, day and source.
-- Meaning: how often each touchpoint was used, also by visitors whom nobody knows.
-- Caveats: days on or after as_of are told too: whoever sums them up leaves them out. Depends on its own day alone.
SELECT
    touchpoint_id,
    day,
    source_system,
    min(activity) AS activity,
    min(journey_stage) AS journey_stage,
    CAST(count(*) AS BIGINT) AS n
FROM activity
GROUP BY touchpoint_id, day, source_system
