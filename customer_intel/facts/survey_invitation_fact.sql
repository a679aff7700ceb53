-- Grain: one row per delivered survey invitation before as_of.
-- Meaning: who was asked, and whether the invitation was answered: an answer closes one invitation, the newest of the same
--   survey and person that went out before it.
-- Caveats: an invitation whose delivery nobody tells counts as delivered.
WITH asked AS (
    SELECT
        i.*,
        r.customer_id,
        coalesce(r.customer_id, i.record_key, i.source_system || ':' || i.invitation_id) AS respondent
    FROM survey_invitations AS i
    LEFT JOIN customer_record AS r ON r.record_key = i.record_key
    WHERE local_day(i.sent_at) < $as_of AND coalesce(i.delivered, TRUE)
),
answered AS (
    SELECT i.source_system, i.invitation_id
    FROM survey_answer_fact AS a
    JOIN asked AS i
        ON i.source_system = a.source_system
        AND i.survey_id = a.survey_id
        AND i.respondent = coalesce(a.customer_id, a.record_key)
        AND i.sent_at <= a.responded_at
    QUALIFY row_number() OVER (
        PARTITION BY a.survey_answer_key ORDER BY i.sent_at DESC, i.invitation_id DESC
    ) = 1
)
SELECT
    i.source_system || ':' || i.invitation_id AS invitation_key,
    i.source_system,
    i.customer_id,
    i.record_key,
    i.survey_id,
    i.respondent,
    i.sent_at,
    local_day(i.sent_at) AS sent_day,
    a.invitation_id IS NOT NULL AS is_answered
FROM asked AS i
LEFT JOIN (SELECT DISTINCT source_system, invitation_id FROM answered) AS a
    ON a.source_system = i.source_system AND a.invitation_id = i.invitation_id
