-- Grain: one row per message or advertisement event of one person.
-- Meaning: which campaign reached whom, and what they did with it; is_own_act: the person did it (opened, clicked, left).
-- Caveats: channel and event in small letters.
SELECT
    t.source_system || ':' || t.touch_id AS touch_key,
    t.source_system,
    t.touch_id,
    r.customer_id,
    t.record_key,
    t.anonymous_id,
    t.campaign_id,
    lower(t.channel) AS channel,
    lower(t.event) AS touch_event,
    t.event IN ('opened', 'clicked', 'unsubscribed', 'complained') AS is_own_act,
    t.occurred_at
FROM marketing_touches AS t
LEFT JOIN customer_record AS r ON r.record_key = t.record_key
