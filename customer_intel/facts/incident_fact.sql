-- Grain: one row per incident of operations that began before as_of.
-- Meaning: when a service failed, and what it touched; ended_at is empty while it goes on.
-- Caveats: what the source says to end on or after as_of is not known to be over.
SELECT
    i.source_system || ':' || i.incident_id AS incident_key,
    i.source_system,
    i.incident_id,
    i.kind,
    i.service,
    i.affected_feature,
    i.started_at,
    CASE WHEN i.ended_at < day_start($as_of) THEN i.ended_at END AS ended_at
FROM incidents AS i
WHERE i.started_at < day_start($as_of)
