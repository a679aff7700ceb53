-- Grain: one row per pair of customers who may be one, or per doubtful link within a customer; the pair of records to look at.
-- Meaning: not_merged: evidence brings two customers near each other, and something speaks against it or is missing.
--   merged: one customer, held together by a link that namesakes or a family may have as well, or with two records in it
--   that do not fit. Decide with `customer-intel review`, which writes identity_overrides.
-- Caveats: decided pairs are not listed; nor are certain families: a mailbox, phone or address of people whose first names
--   or births differ. Of customers that stand in several pairs each pair is listed. Stakes are rows of exports, counted or not.
WITH today AS (
    SELECT record_key, customer_id FROM record_customer_map WHERE valid_to IS NULL
),
pair AS (
    SELECT
        e.record_key_a, e.record_key_b, e.identifier_type, e.weight, e.probability, e.veto, e.doubt, e.levels,
        e.name_weight, e.email_weight, e.phone_weight, e.birth_date_weight, e.login_weight, e.id_number_weight,
        a.customer_id AS customer_id_a,
        b.customer_id AS customer_id_b,
        a.customer_id = b.customer_id AS is_one,
        x.record_key_a IS NOT NULL AS is_holding,
        e.identifier_type IN ('email', 'phone', 'user_id', 'id_number') AS shares_own,
        -- How the names compare: 1 the same, 13 to 20 such that one of them is another (comparison_levels.py).
        split_part(e.levels, ',', 1) AS name_level,
        -- Beside the names something that few others have.
        e.address_weight >= 4 OR e.birth_date_weight >= 4 OR e.id_number_weight >= 4 OR e.other_weight >= 6 AS has_witness
    FROM match_edge AS e
    JOIN today AS a ON a.record_key = e.record_key_a
    JOIN today AS b ON b.record_key = e.record_key_b
    LEFT JOIN match_explanation AS x ON x.record_key_a = e.record_key_a AND x.record_key_b = e.record_key_b
    WHERE e.decision IS NULL AND NOT e.is_copy
),
-- Customers whom a decision keeps apart, by whichever of their records.
apart AS (
    SELECT DISTINCT
        least(a.customer_id, b.customer_id) AS customer_id_a,
        greatest(a.customer_id, b.customer_id) AS customer_id_b
    FROM match_edge AS e
    JOIN today AS a ON a.record_key = e.record_key_a
    JOIN today AS b ON b.record_key = e.record_key_b
    WHERE e.decision = 'apart'
),
-- A mailbox that names its owner: whoever else uses it has a short name of his own, or is somebody of his house. One that
-- names a family tells none of them from the others.
mailbox AS (
    SELECT
        p.record_key_a,
        p.record_key_b,
        (length(a.first_name_norm) >= 3 AND strpos(a.email_local, a.first_name_norm) > 0)
            OR (length(b.first_name_norm) >= 3 AND strpos(b.email_local, b.first_name_norm) > 0) AS is_ones_own,
        a.email_local LIKE 'famil%' OR a.email_local LIKE 'fam.%' OR a.email_local LIKE 'fam-%' AS is_familys
    FROM pair AS p
    JOIN party_record AS a ON a.record_key = p.record_key_a
    JOIN party_record AS b ON b.record_key = p.record_key_b AND b.email_base = a.email_base
    WHERE p.identifier_type = 'email' AND (p.veto = 'first_name' OR p.is_holding)
),
told AS (
    SELECT
        p.*,
        CASE
            WHEN p.is_one AND p.doubt IN (
                'generation_open', 'generation_gap', 'similar_first_name', 'first_name', 'last_name', 'ambiguous'
            ) THEN p.doubt
            WHEN p.is_one AND p.is_holding AND p.login_weight <= 0 AND p.id_number_weight < 4
                AND (p.name_weight < 0 OR p.name_level IN ('13', '16', '18', '19', '20')) THEN 'other_name'
            WHEN p.is_one AND p.is_holding AND p.identifier_type = 'likeness' AND NOT p.has_witness THEN 'likeness_only'
            WHEN p.is_one AND p.is_holding AND p.phone_weight < 0 AND p.email_weight <> 0 AND p.email_weight < 4
                AND p.birth_date_weight < 4 AND p.login_weight <= 0 AND p.id_number_weight < 4 THEN 'other_contacts'
            WHEN p.is_one AND p.is_holding AND n.is_familys AND p.phone_weight <= 0 AND p.login_weight <= 0
                AND (NOT p.has_witness OR (p.name_level <> '1' AND p.birth_date_weight < 4)) THEN 'family_mailbox'
            WHEN p.is_one AND p.is_holding AND p.weight < 4.25 AND p.name_weight <> 0 THEN 'unsure'
            WHEN p.is_one AND p.weight < -8 AND p.name_weight <> 0 THEN 'contradiction'
            WHEN p.is_one THEN NULL
            WHEN o.customer_id_a IS NOT NULL THEN NULL
            WHEN p.doubt IS NOT NULL AND (p.shares_own OR p.weight >= 0) THEN p.doubt
            WHEN p.doubt IS NOT NULL THEN NULL
            WHEN p.veto IS NULL AND (p.shares_own OR p.weight >= -2 OR (p.weight >= -4 AND p.email_weight > 0)) THEN 'unsure'
            WHEN p.veto IN ('generation', 'gender') THEN NULL
            WHEN p.veto = 'first_name' AND (n.is_ones_own OR p.identifier_type IN ('user_id', 'id_number')) THEN p.veto
            WHEN p.veto = 'first_name' THEN NULL
            WHEN p.veto = 'birth_date' AND p.shares_own AND p.name_weight > 0 AND p.weight >= 0 THEN p.veto
            WHEN p.veto = 'birth_date' THEN NULL
            WHEN p.shares_own AND p.weight >= 4 THEN p.veto
        END AS reason
    FROM pair AS p
    LEFT JOIN mailbox AS n ON n.record_key_a = p.record_key_a AND n.record_key_b = p.record_key_b
    LEFT JOIN apart AS o
        ON o.customer_id_a = least(p.customer_id_a, p.customer_id_b)
        AND o.customer_id_b = greatest(p.customer_id_a, p.customer_id_b)
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY least(customer_id_a, customer_id_b), greatest(customer_id_a, customer_id_b)
            ORDER BY
                CASE WHEN is_one AND is_holding THEN 0 ELSE 1 END,
                CASE WHEN is_one THEN weight ELSE -weight END,
                record_key_a,
                record_key_b
        ) AS place
    FROM told
    WHERE reason IS NOT NULL
),
doubtful AS (
    SELECT * FROM ranked WHERE place = 1 OR (is_one AND is_holding)
),
known AS (
    SELECT t.record_key, t.customer_id
    FROM today AS t
    JOIN (SELECT customer_id_a AS customer_id FROM doubtful UNION SELECT customer_id_b FROM doubtful) AS d
        ON d.customer_id = t.customer_id
),
counted AS (
    SELECT
        k.customer_id,
        sum(CASE WHEN r.kind = 'order' THEN 1 ELSE 0 END) AS n_orders,
        sum(CASE WHEN r.kind = 'message' THEN 1 ELSE 0 END) AS n_messages
    FROM known AS k
    JOIN (
        SELECT record_key, 'order' AS kind FROM orders
        UNION ALL SELECT record_key, 'message' AS kind FROM tickets
        UNION ALL SELECT record_key, 'message' AS kind FROM marketing_touches
    ) AS r ON r.record_key = k.record_key
    GROUP BY k.customer_id
),
staked AS (
    SELECT
        d.*,
        coalesce(a.n_orders, 0) + CASE WHEN d.is_one THEN 0 ELSE coalesce(b.n_orders, 0) END AS n_orders,
        coalesce(a.n_messages, 0) + CASE WHEN d.is_one THEN 0 ELSE coalesce(b.n_messages, 0) END AS n_messages
    FROM doubtful AS d
    LEFT JOIN counted AS a ON a.customer_id = d.customer_id_a
    LEFT JOIN counted AS b ON b.customer_id = d.customer_id_b
)
SELECT
    record_key_a,
    record_key_b,
    customer_id_a,
    customer_id_b,
    CASE WHEN is_one THEN 'merged' ELSE 'not_merged' END AS review_kind,
    reason,
    identifier_type,
    weight,
    probability,
    levels,
    CAST(n_orders AS BIGINT) AS n_orders,
    CAST(n_messages AS BIGINT) AS n_messages,
    CAST(row_number() OVER (
        ORDER BY n_orders DESC, n_messages DESC, abs(probability - 0.5), record_key_a, record_key_b
    ) AS BIGINT) AS stake_rank
FROM staked
