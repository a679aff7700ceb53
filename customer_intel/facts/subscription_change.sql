-- Grain: one row per change of a subscription that a source tells with its recurring revenue or seats, before as_of.
-- Meaning: mrr holds from occurred_at until the next change that says one.
-- Caveats: known_at is when it happened where the source's first export brought it, else the export that first did.
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_subscription_events GROUP BY source_system
),
first_seen AS (
    SELECT source_system, event_id, min(exported_at) AS seen_at
    FROM raw_subscription_events
    GROUP BY source_system, event_id
)
SELECT
    e.source_system || ':' || e.subscription_id AS subscription_key,
    e.event_id,
    e.occurred_at,
    CASE WHEN s.seen_at = f.first_exported_at THEN least(e.occurred_at, s.seen_at) ELSE s.seen_at END AS known_at,
    e.mrr,
    e.quantity
FROM subscription_events AS e
LEFT JOIN first_seen AS s ON s.source_system = e.source_system AND s.event_id = e.event_id
LEFT JOIN first_export AS f ON f.source_system = e.source_system
WHERE (e.mrr IS NOT NULL OR e.quantity IS NOT NULL) AND e.occurred_at < day_start($as_of)
