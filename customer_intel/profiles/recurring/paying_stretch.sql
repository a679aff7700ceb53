-- Grain: one row per customer, currency and stretch of days with one plan and one monthly recurring revenue above 0.
-- Meaning: what a customer pays a month and on which plan, all of the customer's subscriptions together; where they are on
--   several plans, the plan is the one that brings most. mrr is what mrr_movement closes with on the stretch's first day.
-- Caveats: currencies stay apart. A plan without a name and id is unknown.
WITH priced AS (
    SELECT customer_id, currency, valid_from, valid_to, coalesce(plan_name, plan_id, 'unknown') AS plan, mrr
    FROM subscription_fact
    WHERE mrr > 0 AND customer_id IS NOT NULL
),
turn AS (
    SELECT customer_id, currency, valid_from AS day FROM priced
    UNION
    SELECT customer_id, currency, valid_to FROM priced WHERE valid_to IS NOT NULL
),
by_plan AS (
    SELECT t.customer_id, t.currency, t.day, p.plan, sum(p.mrr) AS mrr
    FROM turn AS t
    LEFT JOIN priced AS p
        ON p.customer_id = t.customer_id AND p.currency = t.currency AND p.valid_from <= t.day
        AND (p.valid_to IS NULL OR p.valid_to > t.day)
    GROUP BY t.customer_id, t.currency, t.day, p.plan
),
standing AS (
    SELECT customer_id, currency, day, plan, total
    FROM (
        SELECT
            *,
            sum(mrr) OVER (PARTITION BY customer_id, currency, day) AS total,
            row_number() OVER (PARTITION BY customer_id, currency, day ORDER BY mrr DESC, plan) AS place
        FROM by_plan
    ) AS ranked
    WHERE place = 1
),
changed AS (
    SELECT *
    FROM (
        SELECT
            *,
            lag(plan) OVER (PARTITION BY customer_id, currency ORDER BY day) AS plan_before,
            lag(total) OVER (PARTITION BY customer_id, currency ORDER BY day) AS total_before
        FROM standing
    ) AS compared
    WHERE coalesce(plan, '') <> coalesce(plan_before, '') OR coalesce(total, 0) <> coalesce(total_before, 0)
),
ended AS (
    SELECT
        *,
        lead(day) OVER (PARTITION BY customer_id, currency ORDER BY day) AS next_day,
        min(CASE WHEN total > 0 THEN day END) OVER (PARTITION BY customer_id, currency) AS first_day
    FROM changed
)
SELECT
    customer_id,
    currency,
    day AS valid_from,
    next_day AS valid_to,
    plan,
    CAST(total AS DECIMAL(18, 2)) AS mrr,
    plan_before,
    CAST(coalesce(total_before, 0) AS DECIMAL(18, 2)) AS mrr_before,
    CAST(date_trunc('month', first_day) AS DATE) AS cohort_month
FROM ended
WHERE total > 0
