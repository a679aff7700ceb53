-- Grain: one row per customer with a party record.
-- Meaning: the golden record. Each field shows what the party record says that won it (profile_field_provenance), so
--   that names and addresses come from one record each; lists may be united.
-- Caveats: a birth date that looks filled in by default (1 January, 1900) gives no age band. Phones are in E.164
--   when they could be understood, else as the source has them. The country is the address's, where that names one.
WITH record AS (
    SELECT r.customer_id, p.record_key, p.source_system, p.first_seen_at, p.last_seen_at
    FROM party_record AS p
    JOIN record_customer_map AS r ON r.record_key = p.record_key AND r.valid_to IS NULL
),
-- One row per customer and field comes in, so max() only turns rows into columns.
picked AS (
    SELECT
        w.customer_id,
        max(CASE WHEN w.field = 'email' THEN p.email_norm END) AS primary_email,
        bool_or(w.field = 'email' AND coalesce(p.email_verified, FALSE)) AS is_email_verified,
        max(CASE WHEN w.field = 'phone' THEN coalesce(p.mobile_e164, p.phone_e164, p.mobile_phone, p.phone) END)
            AS primary_phone,
        max(CASE WHEN w.field = 'name' THEN p.first_name END) AS first_name,
        max(CASE WHEN w.field = 'name' THEN p.last_name END) AS last_name,
        max(CASE WHEN w.field = 'name' THEN p.full_name END) AS full_name,
        max(CASE WHEN w.field = 'birth_date' THEN p.birth_date_norm END) AS birth_date,
        max(CASE WHEN w.field = 'gender' THEN p.gender_norm END) AS gender,
        max(CASE WHEN w.field = 'language' THEN lower(p.language) END) AS language,
        max(CASE WHEN w.field = 'address' THEN coalesce(p.country_code, p.country) END) AS address_country,
        max(CASE WHEN w.field = 'country' THEN coalesce(p.country_code, p.country) END) AS any_country,
        max(CASE WHEN w.field = 'address' THEN p.state END) AS state,
        max(CASE WHEN w.field = 'address' THEN p.city END) AS city,
        max(CASE WHEN w.field = 'job_title' THEN p.job_title END) AS job_title,
        max(CASE WHEN w.field = 'department' THEN p.department END) AS department,
        max(CASE WHEN w.field = 'seniority' THEN p.seniority END) AS seniority,
        max(CASE WHEN w.field = 'interests' THEN coalesce(w.united_value, p.interests) END) AS interests,
        max(CASE WHEN w.field = 'account' THEN p.source_system END) AS account_source,
        max(CASE WHEN w.field = 'account' THEN p.account_id END) AS account_id,
        max(CASE WHEN w.field = 'account' THEN p.company_name END) AS company_name
    FROM profile_field_provenance AS w
    JOIN party_record AS p ON p.record_key = w.record_key
    GROUP BY w.customer_id
),
counted AS (
    SELECT
        customer_id,
        count(*) AS n_records,
        count(DISTINCT source_system) AS n_sources,
        min(first_seen_at) AS first_seen_at,
        max(last_seen_at) AS last_seen_at
    FROM record
    GROUP BY customer_id
),
numbered_source AS (
    SELECT customer_id, source_system, row_number() OVER (PARTITION BY customer_id ORDER BY source_system) AS k
    FROM (SELECT DISTINCT customer_id, source_system FROM record)
),
source_list AS (
    SELECT
        customer_id,
        concat_ws(
            '|',
            max(CASE WHEN k = 1 THEN source_system END), max(CASE WHEN k = 2 THEN source_system END),
            max(CASE WHEN k = 3 THEN source_system END), max(CASE WHEN k = 4 THEN source_system END),
            max(CASE WHEN k = 5 THEN source_system END), max(CASE WHEN k = 6 THEN source_system END),
            max(CASE WHEN k = 7 THEN source_system END), max(CASE WHEN k = 8 THEN source_system END),
            CASE WHEN max(k) > 8 THEN '…' END
        ) AS sources
    FROM numbered_source
    GROUP BY customer_id
),
freshest AS (
    SELECT customer_id, source_system AS freshest_source
    FROM record
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY last_seen_at DESC, record_key) = 1
),
aged AS (
    SELECT
        customer_id,
        extract(year FROM $as_of) - extract(year FROM birth_date)
            - CASE
                WHEN extract(month FROM $as_of) * 100 + extract(day FROM $as_of)
                    < extract(month FROM birth_date) * 100 + extract(day FROM birth_date) THEN 1 ELSE 0
            END AS age
    FROM picked
)
SELECT
    c.customer_id,
    CAST(c.n_records AS BIGINT) AS n_records,
    CAST(c.n_sources AS BIGINT) AS n_sources,
    l.sources,
    f.freshest_source,
    c.first_seen_at,
    c.last_seen_at,
    k.primary_email,
    CASE WHEN k.primary_email IS NOT NULL THEN k.is_email_verified END AS is_email_verified,
    k.primary_phone,
    k.first_name,
    k.last_name,
    coalesce(nullif(trim(concat_ws(' ', k.first_name, k.last_name)), ''), k.full_name) AS full_name,
    CASE
        WHEN g.age < 18 THEN 'under 18'
        WHEN g.age < 25 THEN '18-24'
        WHEN g.age < 35 THEN '25-34'
        WHEN g.age < 45 THEN '35-44'
        WHEN g.age < 55 THEN '45-54'
        WHEN g.age < 65 THEN '55-64'
        WHEN g.age IS NOT NULL THEN '65 and over'
    END AS age_band,
    k.gender,
    k.language,
    coalesce(k.address_country, k.any_country) AS country,
    k.state,
    k.city,
    k.job_title,
    k.department,
    k.seniority,
    k.interests,
    k.account_id,
    coalesce(x.account_name, k.company_name) AS account_name,
    x.industry,
    x.employee_count,
    x.tier AS account_tier
FROM counted AS c
JOIN source_list AS l ON l.customer_id = c.customer_id
JOIN freshest AS f ON f.customer_id = c.customer_id
LEFT JOIN picked AS k ON k.customer_id = c.customer_id
LEFT JOIN aged AS g ON g.customer_id = c.customer_id
LEFT JOIN accounts AS x ON x.source_system = k.account_source AND x.account_id = k.account_id
