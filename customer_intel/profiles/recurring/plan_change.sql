-- Grain: one row per month, currency and pair of plans between which paying customers changed.
-- Meaning: who went from which plan to which, without a day between, and what that did to the recurring revenue.
-- Caveats: a customer's plan is the one that brings most (paying_stretch); whoever comes back on another plan after a pause
--   has not changed plans but is reactivated. Currencies stay apart.
SELECT
    CAST(date_trunc('month', valid_from) AS DATE) AS month_start,
    currency,
    plan_before AS from_plan,
    plan AS to_plan,
    CAST(count(*) AS BIGINT) AS n,
    CAST(count(DISTINCT customer_id) AS BIGINT) AS n_customers,
    CAST(sum(CASE WHEN mrr > mrr_before THEN 1 ELSE 0 END) AS BIGINT) AS n_up,
    CAST(sum(CASE WHEN mrr < mrr_before THEN 1 ELSE 0 END) AS BIGINT) AS n_down,
    CAST(sum(mrr - mrr_before) AS DECIMAL(18, 2)) AS mrr_difference
FROM paying_stretch
WHERE plan_before IS NOT NULL AND plan <> plan_before
GROUP BY date_trunc('month', valid_from), currency, plan_before, plan
