-- Grain: one row per household that has members today.
-- Meaning: people who live together as far as the golden record's addresses and last names tell.
-- Caveats: only customers count; who else lives there is not known. One customer alone is a household of one.
WITH member AS (
    SELECT h.household_id, h.customer_id, p.last_name_norm
    FROM customer_household AS h
    LEFT JOIN profile_field_provenance AS w ON w.customer_id = h.customer_id AND w.field = 'name'
    LEFT JOIN party_record AS p ON p.record_key = w.record_key
    WHERE h.valid_to IS NULL
),
born AS (
    SELECT household_id, min(valid_from) AS born_as_of FROM customer_household GROUP BY household_id
)
SELECT
    m.household_id,
    b.born_as_of,
    CAST(count(*) AS BIGINT) AS household_size,
    CAST(count(DISTINCT m.last_name_norm) AS BIGINT) AS n_last_names,
    CASE
        WHEN count(*) = 1 THEN 'single'
        WHEN count(DISTINCT m.last_name_norm) = 1 AND count(m.last_name_norm) = count(*) THEN 'last_name'
        ELSE 'address'
    END AS household_basis
FROM member AS m
JOIN born AS b ON b.household_id = m.household_id
GROUP BY m.household_id, b.born_as_of
