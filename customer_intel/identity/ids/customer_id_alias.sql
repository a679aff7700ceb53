-- Grain: one row per customer id ever given and active id it stands for today; several for a split id.
-- Meaning: follow any id found in an old report, audience or ticket to today's customer.
-- Caveats: customer_id is empty where none is left (resolution retired or erased). A split id lists the customers that
--   hold its last records, most records first.
WITH
-- Ids of a history that was run again count too, where this one never gave them.
ever AS (
    SELECT record_key, customer_id, valid_from, valid_to
    FROM record_customer_map
    UNION ALL
    SELECT g.record_key, g.customer_id, g.valid_from, g.valid_to
    FROM customer_id_given AS g
    WHERE NOT EXISTS (SELECT 1 FROM record_customer_map AS m WHERE m.customer_id = g.customer_id)
),
heir AS (
    SELECT r.customer_id AS alias_customer_id, today.customer_id, count(*) AS n_records
    FROM customer_id_registry AS r
    JOIN ever AS m ON m.customer_id = r.customer_id AND m.valid_to = r.ended_as_of
    JOIN record_customer_map AS today ON today.record_key = m.record_key AND today.valid_to IS NULL
    WHERE r.status IN ('merged', 'split')
    GROUP BY r.customer_id, today.customer_id
)
SELECT
    r.customer_id AS alias_customer_id,
    CAST(
        row_number()
            OVER (PARTITION BY r.customer_id ORDER BY heir.n_records DESC NULLS LAST, heir.customer_id NULLS LAST)
        AS BIGINT
    ) AS alias_rank,
    CASE WHEN r.status = 'active' THEN r.customer_id ELSE heir.customer_id END AS customer_id,
    r.status AS resolution
FROM customer_id_registry AS r
LEFT JOIN heir ON heir.alias_customer_id = r.customer_id
