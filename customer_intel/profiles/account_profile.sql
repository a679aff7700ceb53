-- Grain: one row per organisation that is some active customer's main account.
-- Meaning: what is known of an organisation and of its people together: sums over the customers whose main account it is, so
--   that they add up to what customer_profile says of them. Roles are what sources say, the most frequent first. The stage is
--   that of whoever stands nearest to paying. NPS is of the people's last answers.
-- Caveats: people of one organisation who are known as two customers count twice. An amount that one of them has without a
--   rate is empty. Whoever may not be profiled counts in sums, never in the stage.
WITH person AS (
    SELECT p.*, coalesce(p.mrr, 0) AS known_mrr, CASE WHEN p.mrr IS NULL THEN 1 ELSE 0 END AS lacks_mrr,
        CASE WHEN p.revenue_total IS NULL THEN 1 ELSE 0 END AS lacks_revenue
    FROM customer_profile AS p
    WHERE p.account_key IS NOT NULL
),
role AS (
    SELECT account_key, 'department' AS kind, lower(department) AS word FROM person WHERE department IS NOT NULL
    UNION ALL
    SELECT account_key, 'seniority', lower(seniority) FROM person WHERE seniority IS NOT NULL
),
numbered_role AS (
    SELECT account_key, kind, word, n, row_number() OVER (PARTITION BY account_key, kind ORDER BY n DESC, word) AS place
    FROM (SELECT account_key, kind, word, count(*) AS n FROM role GROUP BY account_key, kind, word) AS counted
),
told_role AS (
    SELECT account_key, kind, concat_ws('|', max(CASE WHEN place = 1 THEN concat(word, ' ', n) END),
        max(CASE WHEN place = 2 THEN concat(word, ' ', n) END), max(CASE WHEN place = 3 THEN concat(word, ' ', n) END),
        max(CASE WHEN place = 4 THEN concat(word, ' ', n) END)) AS words
    FROM numbered_role
    GROUP BY account_key, kind
),
main_plan AS (
    SELECT account_key, plan_name
    FROM person
    WHERE plan_name IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY account_key ORDER BY known_mrr DESC, plan_name) = 1
),
staged AS (
    SELECT account_key, lifecycle_stage
    FROM person
    WHERE NOT is_profiling_denied
    QUALIFY row_number() OVER (
        PARTITION BY account_key
        ORDER BY position(lifecycle_stage || '|' IN 'active|new|trialing|at_risk|lapsed|churned|prospect|'), customer_id
    ) = 1
),
measured AS (
    SELECT
        account_key,
        count(*) AS n_customers,
        sum(CASE WHEN active_days_28d > 0 THEN 1 ELSE 0 END) AS active_people_28d,
        sum(CASE WHEN active_days_90d > 0 THEN 1 ELSE 0 END) AS active_people_90d,
        sum(core_actions_28d) AS core_actions_28d,
        sum(subscriptions_active) AS subscriptions_active,
        sum(seats) AS seats,
        sum(known_mrr) AS mrr,
        max(lacks_mrr) AS lacks_mrr,
        sum(orders_total) AS orders_total,
        sum(orders_365d) AS orders_365d,
        sum(revenue_total) AS revenue_total,
        sum(revenue_365d) AS revenue_365d,
        max(lacks_revenue) AS lacks_revenue,
        sum(tickets_total) AS tickets_total,
        sum(tickets_90d) AS tickets_90d,
        sum(tickets_open) AS tickets_open,
        count(last_nps_score) AS nps_answers,
        sum(CASE WHEN last_nps_score >= 9 THEN 1 WHEN last_nps_score <= 6 THEN -1 ELSE 0 END) AS nps_net,
        CAST(sum(CAST(icp_fit AS DECIMAL(18, 4))) AS DOUBLE) / nullif(count(icp_fit), 0) AS icp_fit,
        max(last_active_at) AS last_active_at,
        min(customer_since) AS customer_since,
        min(first_seen_at) AS first_seen_at,
        max(last_seen_at) AS last_seen_at
    FROM person
    GROUP BY account_key
)
SELECT
    m.account_key,
    a.account_name,
    a.domain,
    a.industry,
    a.employee_count,
    a.account_tier,
    a.country,
    a.parent_account_key,
    a.top_account_key,
    a.sources,
    m.n_customers,
    d.words AS contact_departments,
    s.words AS contact_seniorities,
    CAST(m.active_people_28d AS BIGINT) AS active_people_28d,
    CAST(m.active_people_90d AS BIGINT) AS active_people_90d,
    CAST(m.core_actions_28d AS BIGINT) AS core_actions_28d,
    coalesce(g.lifecycle_stage, 'not_profiled') AS lifecycle_stage,
    m.customer_since,
    m.first_seen_at,
    m.last_seen_at,
    m.last_active_at,
    CAST(m.subscriptions_active AS BIGINT) AS subscriptions_active,
    CAST(m.seats AS BIGINT) AS seats,
    CAST(CASE WHEN m.lacks_mrr = 0 THEN m.mrr END AS DECIMAL(18, 2)) AS mrr,
    p.plan_name,
    CAST(m.orders_total AS BIGINT) AS orders_total,
    CAST(m.orders_365d AS BIGINT) AS orders_365d,
    CAST(CASE WHEN m.lacks_revenue = 0 THEN m.revenue_total END AS DECIMAL(18, 2)) AS revenue_total,
    CAST(CASE WHEN m.lacks_revenue = 0 THEN m.revenue_365d END AS DECIMAL(18, 2)) AS revenue_365d,
    CAST(m.tickets_total AS BIGINT) AS tickets_total,
    CAST(m.tickets_90d AS BIGINT) AS tickets_90d,
    CAST(m.tickets_open AS BIGINT) AS tickets_open,
    CAST(m.nps_answers AS BIGINT) AS nps_answers,
    round(100.0 * m.nps_net / nullif(m.nps_answers, 0), 1) AS account_nps,
    round(m.icp_fit, 4) AS icp_fit
FROM measured AS m
LEFT JOIN account AS a ON a.account_key = m.account_key
LEFT JOIN told_role AS d ON d.account_key = m.account_key AND d.kind = 'department'
LEFT JOIN told_role AS s ON s.account_key = m.account_key AND s.kind = 'seniority'
LEFT JOIN main_plan AS p ON p.account_key = m.account_key
LEFT JOIN staged AS g ON g.account_key = m.account_key
