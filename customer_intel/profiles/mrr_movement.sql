-- Grain: one row per customer, day and currency on which the monthly recurring revenue changed.
-- Meaning: opening + new_mrr + expansion + contraction + churned + reactivation = closing, from subscription_fact's stretches.
--   A customer's subscriptions are netted within the day: moving from one plan to another is an expansion or contraction,
--   not a churn and a start. A trial that lapsed never shows; one that converted is new on that day.
-- Caveats: currencies stay apart, without any rate.
WITH step AS (
    SELECT customer_id, currency, valid_from AS day, mrr AS moved FROM subscription_fact WHERE mrr <> 0
    UNION ALL
    SELECT customer_id, currency, valid_to, -mrr FROM subscription_fact WHERE mrr <> 0 AND valid_to IS NOT NULL
),
net AS (
    SELECT customer_id, currency, day, sum(moved) AS moved
    FROM step
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, currency, day
    HAVING sum(moved) <> 0
),
running AS (
    SELECT
        *,
        sum(moved) OVER (PARTITION BY customer_id, currency ORDER BY day) AS closing,
        row_number() OVER (PARTITION BY customer_id, currency ORDER BY day) AS nth
    FROM net
)
SELECT
    customer_id,
    day,
    currency,
    CAST(closing - moved AS DECIMAL(18, 2)) AS opening_mrr,
    CAST(CASE WHEN nth = 1 THEN moved ELSE 0 END AS DECIMAL(18, 2)) AS new_mrr,
    CAST(CASE WHEN nth > 1 AND closing - moved > 0 AND moved > 0 THEN moved ELSE 0 END AS DECIMAL(18, 2))
        AS expansion_mrr,
    CAST(CASE WHEN nth > 1 AND closing > 0 AND moved < 0 THEN moved ELSE 0 END AS DECIMAL(18, 2)) AS contraction_mrr,
    CAST(CASE WHEN nth > 1 AND closing <= 0 AND moved < 0 THEN moved ELSE 0 END AS DECIMAL(18, 2)) AS churned_mrr,
    CAST(CASE WHEN nth > 1 AND closing - moved <= 0 AND moved > 0 THEN moved ELSE 0 END AS DECIMAL(18, 2))
        AS reactivation_mrr,
    CAST(closing AS DECIMAL(18, 2)) AS closing_mrr
FROM running
