-- Grain: one row per touchpoint: a place or means by which customers and the company meet.
-- Meaning: the catalogue that the ids of activities, sessions and journeys refer to.
-- Caveats: days on or after as_of are not yet counted, so first and last day can be empty for a brand-new
--   touchpoint.
SELECT
    touchpoint_id,
    split_part(touchpoint_id, ':', 1) AS channel,
    substr(touchpoint_id, length(split_part(touchpoint_id, ':', 1)) + 2) AS name,
    min(journey_stage) AS stage,
    CAST(count(*) FILTER (WHERE day < $as_of) AS BIGINT) AS n_activities,
    min(day) FILTER (WHERE day < $as_of) AS first_seen,
    max(day) FILTER (WHERE day < $as_of) AS last_seen
FROM activity
GROUP BY touchpoint_id
