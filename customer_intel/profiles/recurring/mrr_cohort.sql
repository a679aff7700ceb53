-- Grain: one row per cohort (month of the first payment), months since, currency, breakdown and member of it.
-- Meaning: how much of a cohort's recurring revenue is left after so many months, and how many of its customers still pay,
--   as each month closes; month 0 is the one they came in. Shares are of what the cohort paid when its first month closed.
-- Caveats: currencies stay apart, and a customer has a cohort in each. The plan is the first one; country and account tier are
--   today's. A month that as_of cuts short is left out. A cohort that had left when its first month closed has no shares.
WITH month AS (
    SELECT DISTINCT month_start FROM date WHERE day < $as_of AND CAST(month_start + INTERVAL 1 MONTH AS DATE) <= $as_of
),
first_plan AS (
    SELECT customer_id, currency, plan
    FROM paying_stretch
    QUALIFY row_number() OVER (PARTITION BY customer_id, currency ORDER BY valid_from) = 1
),
closed AS (
    SELECT s.customer_id, s.currency, s.cohort_month, m.month_start, s.mrr
    FROM month AS m
    JOIN paying_stretch AS s
        ON s.valid_from < CAST(m.month_start + INTERVAL 1 MONTH AS DATE)
        AND (s.valid_to IS NULL OR s.valid_to >= CAST(m.month_start + INTERVAL 1 MONTH AS DATE))
),
born AS (
    SELECT DISTINCT customer_id, currency, cohort_month FROM paying_stretch
),
named AS (
    SELECT
        n.customer_id,
        n.currency,
        n.cohort_month,
        b.breakdown,
        CASE b.breakdown
            WHEN 'all' THEN 'all'
            WHEN 'plan' THEN f.plan
            WHEN 'country' THEN coalesce(c.country, 'unknown')
            ELSE coalesce(c.account_tier, 'unknown')
        END AS member
    FROM born AS n
    JOIN first_plan AS f ON f.customer_id = n.customer_id AND f.currency = n.currency
    LEFT JOIN customer AS c ON c.customer_id = n.customer_id
    CROSS JOIN (VALUES ('all'), ('plan'), ('country'), ('account_tier')) AS b(breakdown)
),
cohort AS (
    SELECT cohort_month, currency, breakdown, member, count(*) AS customers_ever
    FROM named
    GROUP BY cohort_month, currency, breakdown, member
),
held AS (
    SELECT n.cohort_month, c.month_start, n.currency, n.breakdown, n.member, count(*) AS customers, sum(c.mrr) AS mrr
    FROM closed AS c
    JOIN named AS n ON n.customer_id = c.customer_id AND n.currency = c.currency
    GROUP BY n.cohort_month, c.month_start, n.currency, n.breakdown, n.member
),
filled AS (
    SELECT
        k.cohort_month,
        m.month_start,
        12 * (extract(year FROM m.month_start) - extract(year FROM k.cohort_month))
            + extract(month FROM m.month_start) - extract(month FROM k.cohort_month) AS months_since,
        k.currency,
        k.breakdown,
        k.member,
        k.customers_ever,
        coalesce(h.customers, 0) AS customers,
        coalesce(h.mrr, 0) AS mrr
    FROM cohort AS k
    JOIN month AS m ON m.month_start >= k.cohort_month
    LEFT JOIN held AS h
        ON h.cohort_month = k.cohort_month AND h.month_start = m.month_start AND h.currency = k.currency
        AND h.breakdown = k.breakdown AND h.member = k.member
),
based AS (
    SELECT
        *,
        first_value(customers) OVER (
            PARTITION BY cohort_month, currency, breakdown, member ORDER BY month_start
        ) AS customers_first,
        first_value(mrr) OVER (PARTITION BY cohort_month, currency, breakdown, member ORDER BY month_start) AS mrr_first
    FROM filled
)
SELECT
    cohort_month,
    CAST(months_since AS BIGINT) AS months_since,
    currency,
    breakdown,
    member,
    month_start,
    CAST(customers_ever AS BIGINT) AS customers_ever,
    CAST(customers AS BIGINT) AS customers_paying,
    CAST(mrr AS DECIMAL(18, 2)) AS mrr,
    round(CAST(customers AS DOUBLE) / nullif(customers_first, 0), 6) AS customers_share,
    round(CAST(mrr AS DOUBLE) / nullif(CAST(mrr_first AS DOUBLE), 0), 6) AS mrr_share
FROM based
-- By what is known of nobody, nothing is told.
QUALIFY max(CASE WHEN member <> 'unknown' THEN 1 ELSE 0 END) OVER (PARTITION BY breakdown) = 1
