-- Grain: one row per customer id ever given.
-- Meaning: whether the id is in use; if not, what became of it. An inactive id whose records all live on under one
--   other id is merged, under several split, under none retired.
-- Caveats: born_as_of is the night that first gave the id. merged_into is where the id's last records are today.
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
id AS (
    SELECT
        customer_id,
        min(valid_from) AS born_as_of,
        max(coalesce(valid_to, DATE '9999-12-31')) AS last_valid_to,
        count(*) FILTER (WHERE valid_to IS NULL) AS n_records
    FROM ever
    GROUP BY customer_id
),
birth AS (
    SELECT m.customer_id, min(m.record_key) AS birth_record_key
    FROM ever AS m
    JOIN id ON id.customer_id = m.customer_id AND id.born_as_of = m.valid_from
    GROUP BY m.customer_id
),
today AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
heir AS (
    SELECT id.customer_id, min(today.customer_id) AS heir_id, count(DISTINCT today.customer_id) AS n_heirs
    FROM id
    JOIN ever AS m ON m.customer_id = id.customer_id AND m.valid_to = id.last_valid_to
    JOIN today ON today.record_key = m.record_key
    WHERE id.n_records = 0
    GROUP BY id.customer_id
)
SELECT
    id.customer_id,
    CASE
        WHEN id.n_records > 0 THEN 'active'
        WHEN heir.n_heirs = 1 THEN 'merged'
        WHEN heir.n_heirs > 1 THEN 'split'
        ELSE 'retired'
    END AS status,
    CASE WHEN heir.n_heirs = 1 THEN heir.heir_id END AS merged_into,
    id.born_as_of,
    birth.birth_record_key,
    CASE WHEN id.n_records = 0 THEN id.last_valid_to END AS ended_as_of,
    CAST(id.n_records AS BIGINT) AS n_records
FROM id
JOIN birth ON birth.customer_id = id.customer_id
LEFT JOIN heir ON heir.customer_id = id.customer_id
