-- Grain: one row per thing that happened to a customer id: born, merged into or split from another, moved to another,
--   retired.
-- Meaning: change log of ids; other_customer_id is the other side (for born: the id it came out of, if any).
-- Caveats: occurred_on is the night (as_of). n_records counts the records that moved, or were there at birth or end.
WITH birth AS (
    SELECT
        r.customer_id,
        'born' AS event_type,
        r.born_as_of AS occurred_on,
        min(m.previous_customer_id) AS other_customer_id,
        count(*) AS n_records
    FROM customer_id_registry AS r
    JOIN record_customer_map AS m ON m.customer_id = r.customer_id AND m.valid_from = r.born_as_of
    GROUP BY r.customer_id, r.born_as_of
),
movement AS (
    SELECT
        previous_customer_id AS customer_id,
        CASE change_reason WHEN 'merge' THEN 'merged' WHEN 'split' THEN 'split' ELSE 'moved' END AS event_type,
        valid_from AS occurred_on,
        customer_id AS other_customer_id,
        count(*) AS n_records
    FROM record_customer_map
    WHERE previous_customer_id IS NOT NULL
    GROUP BY previous_customer_id, change_reason, valid_from, customer_id
),
-- Not by status: a record that comes back later must not take the entry out of the log.
retirement AS (
    SELECT r.customer_id, 'retired', r.ended_as_of, NULL, count(*)
    FROM customer_id_registry AS r
    JOIN record_customer_map AS m ON m.customer_id = r.customer_id AND m.valid_to = r.ended_as_of
    LEFT JOIN record_customer_map AS next ON next.record_key = m.record_key AND next.valid_from = r.ended_as_of
    GROUP BY r.customer_id, r.ended_as_of
    HAVING count(next.record_key) = 0
),
happened AS (
    SELECT * FROM birth
    UNION ALL
    SELECT * FROM movement
    UNION ALL
    SELECT * FROM retirement
)
SELECT
    md5(
        customer_id || '|' || event_type || '|' || CAST(occurred_on AS VARCHAR) || '|'
        || coalesce(other_customer_id, '')
    ) AS customer_id_event_id,
    customer_id,
    event_type,
    occurred_on,
    other_customer_id,
    CAST(n_records AS BIGINT) AS n_records
FROM happened
