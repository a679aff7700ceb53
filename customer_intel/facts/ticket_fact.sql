-- Grain: one row per support ticket opened before as_of.
-- Meaning: what was asked for by whom, and how long it took; without the words themselves.
-- Caveats: is_open goes by the dates before as_of, else by the source's word.
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_tickets GROUP BY source_system
),
first_seen AS (
    SELECT source_system, ticket_id, min(exported_at) AS seen_at FROM raw_tickets GROUP BY source_system, ticket_id
),
told AS (
    SELECT
        t.*,
        coalesce(w.state, 'unknown') AS ticket_state,
        CASE WHEN s.seen_at = f.first_exported_at THEN least(t.created_at, s.seen_at) ELSE s.seen_at END AS known_at
    FROM tickets AS t
    LEFT JOIN first_seen AS s ON s.source_system = t.source_system AND s.ticket_id = t.ticket_id
    LEFT JOIN first_export AS f ON f.source_system = t.source_system
    LEFT JOIN state_word AS w
        ON w.source_system = t.source_system AND w.entity = 'tickets' AND w.word = coalesce(t.status, '')
)
SELECT
    t.source_system || ':' || t.ticket_id AS ticket_key,
    t.source_system,
    t.ticket_id,
    r.customer_id,
    t.record_key,
    t.account_id,
    t.ticket_state AS state,
    t.status AS source_state,
    t.team,
    t.channel,
    t.type,
    t.priority,
    t.product_area,
    t.created_at AS opened_at,
    local_day(t.created_at) AS ticket_day,
    t.known_at,
    t.first_response_at,
    t.solved_at,
    t.closed_at,
    CASE WHEN t.first_response_at < day_start($as_of)
        THEN CAST(epoch_us(t.first_response_at) - epoch_us(t.created_at) AS DOUBLE) / 60000000.0 END
        AS response_minutes,
    CASE WHEN t.solved_at < day_start($as_of)
        THEN CAST(epoch_us(t.solved_at) - epoch_us(t.created_at) AS DOUBLE) / 3600000000.0 END AS resolution_hours,
    CASE
        WHEN coalesce(t.solved_at, t.closed_at) < day_start($as_of) THEN FALSE
        ELSE t.ticket_state NOT IN ('solved', 'closed', 'deleted')
    END AS is_open,
    CAST(coalesce(t.reopens, 0) AS BIGINT) AS reopens,
    CAST(t.replies AS BIGINT) AS replies,
    coalesce(t.escalated, FALSE) AS is_escalated,
    t.satisfaction_score
FROM told AS t
LEFT JOIN customer_record AS r ON r.record_key = t.record_key
WHERE local_day(t.created_at) < $as_of
