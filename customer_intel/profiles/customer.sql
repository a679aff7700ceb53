-- Grain: one row per customer with a party record.
-- Meaning: the golden record. Each field is the newest one that a record of the customer has; records of a contact
--   list go before records that other exports only refer to. Names come from one record, and so do the parts of an
--   address.
-- Caveats: a birth date that looks filled in by default (1 January, 1900) gives no age band. Phones are in E.164
--   when they could be understood, else as the source has them.
WITH record AS (
    SELECT r.customer_id, p.*
    FROM party_record AS p
    JOIN record_customer_map AS r ON r.record_key = p.record_key AND r.valid_to IS NULL
),
picked AS (
    SELECT
        customer_id,
        first_value(email_norm IGNORE NULLS) OVER w AS primary_email,
        first_value(CASE WHEN email_norm IS NOT NULL THEN coalesce(email_verified, FALSE) END IGNORE NULLS) OVER w
            AS is_email_verified,
        first_value(coalesce(mobile_e164, phone_e164, mobile_phone, phone) IGNORE NULLS) OVER w AS primary_phone,
        first_value(CASE WHEN first_name IS NOT NULL AND last_name IS NOT NULL THEN record_key END IGNORE NULLS) OVER w
            AS whole_name_record,
        first_value(CASE WHEN coalesce(first_name, last_name, full_name) IS NOT NULL THEN record_key END IGNORE NULLS)
            OVER w AS name_record,
        first_value(CASE WHEN coalesce(city, postal_code, street) IS NOT NULL THEN record_key END IGNORE NULLS) OVER w
            AS address_record,
        first_value(coalesce(country_code, country) IGNORE NULLS) OVER w AS any_country,
        first_value(gender_norm IGNORE NULLS) OVER w AS gender,
        first_value(CASE WHEN NOT coalesce(is_birth_date_weak, FALSE) THEN birth_date_norm END IGNORE NULLS) OVER w
            AS birth_date,
        first_value(lower(language) IGNORE NULLS) OVER w AS language,
        first_value(job_title IGNORE NULLS) OVER w AS job_title,
        first_value(department IGNORE NULLS) OVER w AS department,
        first_value(seniority IGNORE NULLS) OVER w AS seniority,
        first_value(CASE WHEN account_id IS NOT NULL THEN record_key END IGNORE NULLS) OVER w AS account_record,
        first_value(interests IGNORE NULLS) OVER w AS interests,
        row_number() OVER (PARTITION BY customer_id ORDER BY is_reference_only, last_seen_at DESC, record_key) AS nth
    FROM record
    WINDOW w AS (
        PARTITION BY customer_id ORDER BY is_reference_only, last_seen_at DESC, record_key
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
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
    WHERE nth = 1
)
SELECT
    k.customer_id,
    CAST(c.n_records AS BIGINT) AS n_records,
    CAST(c.n_sources AS BIGINT) AS n_sources,
    l.sources,
    f.freshest_source,
    c.first_seen_at,
    c.last_seen_at,
    k.primary_email,
    k.is_email_verified,
    k.primary_phone,
    n.first_name,
    n.last_name,
    coalesce(nullif(trim(concat_ws(' ', n.first_name, n.last_name)), ''), n.full_name) AS full_name,
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
    coalesce(a.country_code, a.country, k.any_country) AS country,
    a.state,
    a.city,
    k.job_title,
    k.department,
    k.seniority,
    k.interests,
    o.account_id,
    coalesce(x.account_name, o.company_name) AS account_name,
    x.industry,
    x.employee_count,
    x.tier AS account_tier
FROM picked AS k
JOIN counted AS c ON c.customer_id = k.customer_id
JOIN source_list AS l ON l.customer_id = k.customer_id
JOIN freshest AS f ON f.customer_id = k.customer_id
JOIN aged AS g ON g.customer_id = k.customer_id
LEFT JOIN party_record AS n ON n.record_key = coalesce(k.whole_name_record, k.name_record)
LEFT JOIN party_record AS a ON a.record_key = k.address_record
LEFT JOIN party_record AS o ON o.record_key = k.account_record
LEFT JOIN accounts AS x ON x.source_system = o.source_system AND x.account_id = o.account_id
WHERE k.nth = 1
