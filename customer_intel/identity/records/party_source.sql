-- Grain: one row per party record: every contact, and every customer reference that other exports make and no contact
--   has.
-- Meaning: what the sources say of the party, as they say it; party_record makes it comparable.
-- Caveats: birth_date_text is what a source wrote for a date that there is not (1994-11-71): its digits still compare.
--   a reference carries the email, phone and name that stand on most of its rows (then the latest, then the
--   first in the alphabet). A contact without email or phone takes those of its own orders, tickets and answers. No
--   cut by as_of: every record that the lake holds must resolve to a customer.
WITH event_party AS (
    SELECT record_key, max(user_id) AS user_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
    FROM events
    WHERE record_key IS NOT NULL
    GROUP BY record_key
),
-- A namespace in which events name their users: there the reference itself is the login id, whoever makes it.
user_namespace AS (
    SELECT DISTINCT split_part(record_key, ':', 1) AS namespace FROM event_party WHERE user_id IS NOT NULL
),
mention AS (
    SELECT
        record_key, email, phone, billing_name AS full_name, billing_street AS street, billing_city AS city,
        billing_state AS state, billing_postal_code AS postal_code, billing_country AS country,
        ordered_at AS first_at, coalesce(updated_at, ordered_at) AS last_at
    FROM orders
    UNION ALL
    SELECT record_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, started_at, updated_at FROM subscriptions
    UNION ALL
    SELECT record_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, created_at, created_at FROM invoices
    UNION ALL
    SELECT record_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, created_at, created_at FROM deals
    UNION ALL
    SELECT record_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, first_at, last_at FROM event_party
    UNION ALL
    SELECT record_key, requester_email, NULL, NULL, NULL, NULL, NULL, NULL, NULL, created_at, created_at FROM tickets
    UNION ALL
    SELECT record_key, email, NULL, NULL, NULL, NULL, NULL, NULL, NULL, responded_at, responded_at FROM survey_responses
    UNION ALL
    SELECT record_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sent_at, sent_at FROM survey_invitations
    UNION ALL
    SELECT record_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, created_at, created_at FROM reviews
    UNION ALL
    SELECT record_key, email, NULL, NULL, NULL, NULL, NULL, NULL, NULL, occurred_at, occurred_at FROM marketing_touches
    UNION ALL
    SELECT
        record_key,
        CASE WHEN subject_id_type = 'email' THEN subject_id END,
        CASE WHEN subject_id_type = 'phone' THEN subject_id END,
        NULL, NULL, NULL, NULL, NULL, NULL, collected_at, collected_at
    FROM consents
    UNION ALL
    SELECT record_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, performed_at, performed_at FROM actions_log
),
known_mention AS (
    SELECT * FROM mention WHERE record_key IS NOT NULL
),
email_choice AS (
    SELECT
        record_key,
        email,
        row_number() OVER (PARTITION BY record_key ORDER BY n DESC, last_at DESC, email) AS place
    FROM (
        SELECT record_key, lower(trim(email)) AS email, count(*) AS n, max(last_at) AS last_at
        FROM known_mention
        WHERE trim(email) <> ''
        GROUP BY record_key, lower(trim(email))
    )
),
phone_choice AS (
    SELECT
        record_key,
        phone,
        row_number() OVER (PARTITION BY record_key ORDER BY n DESC, last_at DESC, phone) AS place
    FROM (
        SELECT record_key, trim(phone) AS phone, count(*) AS n, max(last_at) AS last_at
        FROM known_mention
        WHERE trim(phone) <> ''
        GROUP BY record_key, trim(phone)
    )
),
-- Name and address stay together: halves of two orders make a person nobody is.
address_choice AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY record_key
            ORDER BY n DESC, last_at DESC, full_name NULLS LAST, street NULLS LAST, city NULLS LAST, state NULLS LAST,
                postal_code NULLS LAST, country NULLS LAST
        ) AS place
    FROM (
        SELECT record_key, full_name, street, city, state, postal_code, country, count(*) AS n, max(last_at) AS last_at
        FROM known_mention
        WHERE full_name IS NOT NULL OR street IS NOT NULL OR postal_code IS NOT NULL OR country IS NOT NULL
        GROUP BY record_key, full_name, street, city, state, postal_code, country
    )
),
reference AS (
    SELECT
        m.record_key,
        split_part(m.record_key, ':', 1) AS namespace,
        substr(m.record_key, length(split_part(m.record_key, ':', 1)) + 2) AS source_id,
        m.first_at,
        m.last_at,
        e.email,
        p.phone,
        a.full_name,
        a.street,
        a.city,
        a.state,
        a.postal_code,
        a.country
    FROM (
        SELECT record_key, min(first_at) AS first_at, max(last_at) AS last_at FROM known_mention GROUP BY record_key
    ) AS m
    LEFT JOIN email_choice AS e ON e.record_key = m.record_key AND e.place = 1
    LEFT JOIN phone_choice AS p ON p.record_key = m.record_key AND p.place = 1
    LEFT JOIN address_choice AS a ON a.record_key = m.record_key AND a.place = 1
),
account_name AS (
    SELECT source_system, account_id, account_name FROM accounts
)
SELECT
    c.record_key,
    c.source_system,
    c.contact_id AS source_id,
    FALSE AS is_reference_only,
    coalesce(c.external_user_id, CASE WHEN u.namespace IS NOT NULL THEN c.contact_id END) AS external_user_id,
    c.account_id,
    coalesce(a.account_name, c.company_name) AS company_name,
    coalesce(c.email, r.email) AS email,
    c.email_verified,
    c.secondary_email,
    coalesce(c.phone, CASE WHEN c.mobile_phone IS NULL THEN r.phone END) AS phone,
    c.mobile_phone,
    c.first_name,
    c.middle_name,
    c.last_name,
    c.suffix,
    coalesce(c.full_name, CASE WHEN c.first_name IS NULL AND c.last_name IS NULL THEN r.full_name END) AS full_name,
    c.job_title,
    c.department,
    c.seniority,
    c.birth_date,
    CASE WHEN c.birth_date IS NULL AND c.extra_json LIKE '%"_emptied"%'
        THEN json_extract_string(c.extra_json, '$._emptied.birth_date')
    END AS birth_date_text,
    c.birth_place,
    c.gender,
    c.id_number,
    c.language,
    -- One line, as the other sources have it, and the number for itself as well.
    CASE WHEN ' ' || replace(c.street, ',', ' ') || ' ' LIKE '% ' || c.house_number || ' %' THEN c.street
        ELSE coalesce(c.house_number || ' ' || c.street, c.street)
    END AS street,
    c.house_number,
    c.unit,
    c.street_2,
    c.city,
    c.state,
    c.postal_code,
    c.country,
    c.interests,
    coalesce(least(c.created_at, r.first_at), c.created_at) AS first_seen_at,
    coalesce(greatest(c.updated_at, r.last_at), c.updated_at) AS last_seen_at,
    c.updated_at
FROM contacts AS c
LEFT JOIN reference AS r ON r.record_key = c.record_key
LEFT JOIN user_namespace AS u ON u.namespace = c.source_system
LEFT JOIN account_name AS a ON a.source_system = c.source_system AND a.account_id = c.account_id
UNION ALL
SELECT
    r.record_key,
    r.namespace,
    r.source_id,
    TRUE,
    CASE WHEN u.namespace IS NOT NULL AND r.source_id NOT LIKE 'guest-%' THEN r.source_id END,
    NULL, NULL, r.email, NULL, NULL, r.phone, NULL, NULL, NULL, NULL, NULL, r.full_name,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    r.street, NULL, NULL, NULL, r.city, r.state, r.postal_code, r.country, NULL, r.first_at, r.last_at, r.last_at
FROM reference AS r
LEFT JOIN user_namespace AS u ON u.namespace = r.namespace
WHERE NOT EXISTS (SELECT 1 FROM contacts AS c WHERE c.record_key = r.record_key)
