-- Grain: one row per answered survey before as_of.
-- Meaning: what was answered by whom; the words of a comment stay inside the house, has_comment says that there are some.
-- Caveats: known_at is when it was answered where the source's first export brought it, else the export that first did.
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_survey_responses GROUP BY source_system
),
first_seen AS (
    SELECT source_system, response_id, min(exported_at) AS seen_at
    FROM raw_survey_responses
    GROUP BY source_system, response_id
)
SELECT
    a.source_system || ':' || a.response_id AS survey_answer_key,
    a.source_system,
    a.response_id,
    r.customer_id,
    a.record_key,
    a.survey_id,
    lower(a.survey_type) AS survey_type,
    a.sent_at,
    a.responded_at,
    local_day(a.responded_at) AS answer_day,
    CASE WHEN s.seen_at = f.first_exported_at THEN least(a.responded_at, s.seen_at) ELSE s.seen_at END AS known_at,
    a.channel,
    CAST(a.score AS DOUBLE) AS score,
    a.pmf_answer,
    a.reason_code,
    a.language,
    a.touchpoint,
    CASE WHEN a.order_id IS NOT NULL THEN a.source_system || ':' || a.order_id END AS order_key,
    CASE WHEN a.ticket_id IS NOT NULL THEN a.source_system || ':' || a.ticket_id END AS ticket_key,
    a.comment IS NOT NULL AS has_comment
FROM survey_responses AS a
LEFT JOIN first_seen AS s ON s.source_system = a.source_system AND s.response_id = a.response_id
LEFT JOIN first_export AS f ON f.source_system = a.source_system
LEFT JOIN customer_record AS r ON r.record_key = a.record_key
WHERE local_day(a.responded_at) < $as_of
