-- Grain: one row per source and kind of record.
-- Meaning: since which day a source tells of its kind of things, and from which export to which it is taken. Before that day its
--   silence says nothing: no trend and no sign of life begins with a source.
-- Caveats: one forged date in a source moves its first day; days before 1990 are left out.
WITH told AS (
    SELECT source_system, 'orders' AS entity, ordered_at AS happened_at, exported_at FROM raw_orders
    UNION ALL
    SELECT source_system, 'subscriptions', started_at, exported_at FROM raw_subscriptions
    UNION ALL
    SELECT source_system, 'payments', paid_at, exported_at FROM raw_payments
    UNION ALL
    SELECT source_system, 'tickets', created_at, exported_at FROM raw_tickets
    UNION ALL
    SELECT source_system, 'survey_responses', responded_at, exported_at FROM raw_survey_responses
    UNION ALL
    SELECT source_system, 'reviews', created_at, exported_at FROM raw_reviews
    UNION ALL
    SELECT source_system, 'marketing_touches', occurred_at, exported_at FROM raw_marketing_touches
    UNION ALL
    SELECT source_system, 'events', occurred_at, exported_at FROM raw_events
)
SELECT
    source_system,
    entity,
    local_day(min(happened_at)) AS first_day,
    local_day(max(happened_at)) AS last_day,
    CAST(min(exported_at) AS DATE) AS first_export_date,
    CAST(max(exported_at) AS DATE) AS last_export_date,
    CAST(count(*) AS BIGINT) AS n
FROM told
WHERE happened_at >= TIMESTAMP '1990-01-01' AND happened_at < CAST($as_of AS TIMESTAMP) + INTERVAL 1 DAY
GROUP BY source_system, entity
