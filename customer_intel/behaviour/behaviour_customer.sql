-- Grain: one row per active customer who may be profiled.
-- Meaning: what conditions of behaviours and breakdowns of funnels may ask of a customer, before there is a profile.
-- Caveats: as of today, whenever the act happened. Plan, interval and seats are of the running subscription that pays
--   most. Whoever may not be profiled is in no breakdown, and fulfils no condition on a customer.
WITH plan AS (
    SELECT customer_id, plan_name, billing_interval, seats
    FROM (
        SELECT
            customer_id,
            plan_name,
            billing_interval,
            seats,
            row_number() OVER (PARTITION BY customer_id ORDER BY coalesce(mrr_reporting, mrr) DESC, subscription_key) AS place
        FROM subscription_fact
        WHERE valid_to IS NULL AND is_running AND customer_id IS NOT NULL
    )
    WHERE place = 1
),
recurring AS (
    SELECT
        customer_id,
        CASE WHEN count(mrr_reporting) = count(*) THEN CAST(sum(mrr_reporting) AS DECIMAL(18, 2)) END AS paid
    FROM subscription_fact
    WHERE valid_to IS NULL AND mrr > 0 AND customer_id IS NOT NULL
    GROUP BY customer_id
)
SELECT
    g.customer_id,
    c.country,
    c.state,
    c.language,
    c.gender,
    c.age_band,
    c.department,
    c.seniority,
    c.account_name IS NOT NULL AS is_of_account,
    c.industry,
    c.employee_count,
    c.account_tier,
    c.n_sources,
    l.lifecycle_stage,
    l.customer_since,
    l.paying_since,
    r.segment,
    r.recency_days,
    r.frequency,
    r.monetary,
    p.plan_name,
    p.billing_interval,
    p.seats,
    m.paid AS mrr,
    v.first_source,
    v.first_device,
    v.first_visit_at
FROM customer_id_registry AS g
LEFT JOIN customer AS c ON c.customer_id = g.customer_id
LEFT JOIN customer_lifecycle AS l ON l.customer_id = g.customer_id
LEFT JOIN rfm AS r ON r.customer_id = g.customer_id
LEFT JOIN plan AS p ON p.customer_id = g.customer_id
LEFT JOIN recurring AS m ON m.customer_id = g.customer_id
LEFT JOIN customer_first_visit AS v ON v.customer_id = g.customer_id
WHERE g.status = 'active'
