-- Grain: one row per active customer of the id registry.
-- Meaning: what the profile says of a customer from several tables, or from tables of another grain. Everything else in it
--   comes from the tables of customer grain, by what they say under `profile` in their tables.yaml: counts of customers who
--   never did a thing are 0; times, averages and scores of things that never happened are empty.
-- Caveats: whoever may not be profiled (unprofiled_customer) has facts, but no score, no segment and the stage not_profiled.
--   Completeness is the share of ten fields of identity and person that are filled. An email may be used for marketing only
--   when a consent says so. Lifecycle: see customer_lifecycle.
WITH churn AS (
    SELECT * FROM churn_predictions WHERE eligible
),
-- how surely the records are one person's, and whether a person should look
confidence AS (
    SELECT customer_id, min(confidence) AS identity_confidence FROM record_confidence GROUP BY customer_id
),
trusted AS (
    SELECT customer_id, round(CAST(sum(CAST(trust AS DECIMAL(18, 6))) AS DOUBLE) / count(*), 6) AS profile_trust
    FROM profile_field_provenance
    GROUP BY customer_id
),
-- the link to doubt first
weakest AS (
    SELECT customer_id, min(weight) AS weight FROM match_explanation WHERE is_weakest GROUP BY customer_id
),
-- of the account's ids in its sources the one that the customer's own record says, else the first
source_account AS (
    SELECT account_key, min(account_ref) AS account_ref
    FROM account_map
    WHERE valid_to IS NULL AND NOT starts_with(account_ref, 'domain:') AND NOT starts_with(account_ref, 'name:')
    GROUP BY account_key
),
in_review AS (
    SELECT customer_id_a AS customer_id FROM match_review
    UNION
    SELECT customer_id_b FROM match_review
),
contact_right AS (
    SELECT
        s.customer_id,
        bool_or(s.is_exportable)
            FILTER (WHERE s.purpose = 'marketing' AND s.channel = 'email' AND s.contact_point = c.primary_email)
            AS may_email,
        bool_or(s.is_exportable)
            FILTER (WHERE s.purpose = 'marketing' AND s.channel = 'any' AND s.contact_point = c.primary_email)
            AS may_any
    FROM consent_state AS s
    LEFT JOIN customer AS c ON c.customer_id = s.customer_id
    WHERE s.purpose = 'marketing'
    GROUP BY s.customer_id
)
SELECT
    g.customer_id,
    g.born_as_of,
    w.first_source,
    w.first_device,
    i.identity_confidence,
    v.customer_id IS NOT NULL AS is_in_review,
    coalesce(c.interests, y.interests_observed) AS interests,
    CASE WHEN c.interests IS NOT NULL THEN 'stated' WHEN y.interests_observed IS NOT NULL THEN 'observed' END AS interests_basis,
    x.weight AS weakest_link_weight,
    q.profile_trust,
    -- organisation and household today
    coalesce(c.account_id, substr(z.account_ref, position(':' IN z.account_ref) + 1)) AS account_id,
    coalesce(c.account_name, a.account_name) AS account_name,
    coalesce(c.industry, a.industry) AS industry,
    coalesce(c.employee_count, a.employee_count) AS employee_count,
    coalesce(c.account_tier, a.account_tier) AS account_tier,
    b.account_key,
    b.account_basis,
    d.household_id,
    d.household_size,
    -- lifecycle
    CASE WHEN u.customer_id IS NULL THEN l.lifecycle_stage ELSE 'not_profiled' END AS lifecycle_stage,
    CAST(least(t.first_order_day, s.paying_since) AS TIMESTAMP) AS customer_since,
    CAST(date_diff('day', CAST(least(t.first_order_day, s.paying_since) AS DATE), $as_of) AS BIGINT) AS tenure_days,
    -- predictions
    cp.p_churn AS churn_purchase_p,
    cp.p_low AS churn_purchase_p_low,
    cp.p_high AS churn_purchase_p_high,
    cp.risk_band AS churn_purchase_band,
    cp.expected_loss AS churn_purchase_expected_loss,
    cp.reason_1 AS churn_purchase_reason,
    cs.p_churn AS churn_subscription_p,
    cs.p_low AS churn_subscription_p_low,
    cs.p_high AS churn_subscription_p_high,
    cs.risk_band AS churn_subscription_band,
    cs.expected_loss AS churn_subscription_expected_loss,
    cs.reason_1 AS churn_subscription_reason,
    -- consent and quality
    coalesce(k.may_email, k.may_any, FALSE) AND coalesce(u.reason, '') <> 'restricted' AS may_email_marketing,
    u.customer_id IS NOT NULL AS is_profiling_denied,
    round((
        CASE WHEN c.primary_email IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.primary_phone IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.first_name IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.last_name IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.country IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.city IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.language IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.gender IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.age_band IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.interests IS NOT NULL THEN 1 ELSE 0 END
    ) / 10.0, 2) AS completeness
FROM customer_id_registry AS g
LEFT JOIN unprofiled_customer AS u ON u.customer_id = g.customer_id
LEFT JOIN confidence AS i ON i.customer_id = g.customer_id
LEFT JOIN in_review AS v ON v.customer_id = g.customer_id
LEFT JOIN customer_lifecycle AS l ON l.customer_id = g.customer_id
LEFT JOIN customer AS c ON c.customer_id = g.customer_id
LEFT JOIN customer_account AS b ON b.customer_id = g.customer_id AND b.is_primary
LEFT JOIN account AS a ON a.account_key = b.account_key
LEFT JOIN source_account AS z ON z.account_key = b.account_key
LEFT JOIN customer_psychographic AS y ON y.customer_id = g.customer_id
LEFT JOIN customer_first_visit AS w ON w.customer_id = g.customer_id
LEFT JOIN trusted AS q ON q.customer_id = g.customer_id
LEFT JOIN weakest AS x ON x.customer_id = g.customer_id
LEFT JOIN customer_household AS o ON o.customer_id = g.customer_id AND o.valid_to IS NULL
LEFT JOIN household AS d ON d.household_id = o.household_id
LEFT JOIN customer_transactions AS t ON t.customer_id = g.customer_id
LEFT JOIN customer_subscription AS s ON s.customer_id = g.customer_id
LEFT JOIN contact_right AS k ON k.customer_id = g.customer_id
LEFT JOIN churn AS cp ON cp.customer_id = g.customer_id AND cp.kind = 'purchase'
LEFT JOIN churn AS cs ON cs.customer_id = g.customer_id AND cs.kind = 'subscription'
WHERE g.status = 'active'
