-- Grain: one row per customer and account that a record of the customer belongs to.
-- Meaning: which organisations people stand for. A record belongs to the account that its own system says, else to the
--   owner of its email domain, else to the account that bears its company's name.
-- Caveats: the primary account is that of the golden record, else the best founded, else the one seen last.
WITH record AS (
    SELECT
        m.customer_id, p.record_key, p.source_system, p.account_id, p.email_domain, p.is_freemail, p.company_norm,
        p.last_seen_at
    FROM party_record AS p
    JOIN record_customer_map AS m ON m.record_key = p.record_key AND m.valid_to IS NULL
),
reference AS (
    SELECT customer_id, record_key, last_seen_at, 1 AS place, source_system || ':' || account_id AS account_ref
    FROM record
    WHERE account_id IS NOT NULL
    UNION ALL
    SELECT customer_id, record_key, last_seen_at, 2, 'domain:' || email_domain
    FROM record
    WHERE email_domain IS NOT NULL AND NOT is_freemail
    UNION ALL
    SELECT customer_id, record_key, last_seen_at, 3, 'name:' || company_norm
    FROM record
    WHERE company_norm IS NOT NULL
),
found AS (
    SELECT
        r.*,
        a.account_key,
        row_number() OVER (PARTITION BY r.record_key ORDER BY r.place) AS nth
    FROM reference AS r
    JOIN account_map AS a ON a.account_ref = r.account_ref AND a.valid_to IS NULL
),
belongs AS (
    SELECT
        f.customer_id,
        f.account_key,
        min(f.place) AS place,
        count(*) AS n_records,
        max(f.last_seen_at) AS last_seen_at,
        max(CASE WHEN w.record_key IS NOT NULL THEN 1 ELSE 0 END) AS is_golden
    FROM found AS f
    LEFT JOIN profile_field_provenance AS w
        ON w.customer_id = f.customer_id AND w.field = 'account' AND w.record_key = f.record_key
    WHERE f.nth = 1
    GROUP BY f.customer_id, f.account_key
)
SELECT
    customer_id,
    account_key,
    CASE place WHEN 1 THEN 'crm' WHEN 2 THEN 'domain' ELSE 'name' END AS account_basis,
    row_number() OVER (
        PARTITION BY customer_id ORDER BY is_golden DESC, place, last_seen_at DESC, account_key
    ) = 1 AS is_primary,
    CAST(n_records AS BIGINT) AS n_records,
    last_seen_at
FROM belongs
