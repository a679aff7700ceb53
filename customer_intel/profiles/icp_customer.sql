-- Grain: one row per active customer who may be profiled.
-- Meaning: what could be known of a customer before the first purchase, and what the customer brought in the first
--   icp_mature_days after it: orders less refunds, and recurring revenue by the day. Mature is who has been a customer for
--   longer than that. The best are those in best_segments or best_plans where a home declares them, else the best
--   icp_best_share of the mature by that value; equals stand or fall together.
-- Caveats: the visit counts only where it came before the purchase. Country and the organisation's traits are today's, as
--   no source keeps older ones. Nothing here is age, gender or what was bought; of a
--   language the country is left out, as only some sources say it. Amounts without a rate bring nothing.
WITH customer_from AS (
    SELECT customer_id, least(CAST(customer_since AS DATE), paying_since) AS since_day
    FROM customer_lifecycle
),
begun AS (
    SELECT customer_id, since_day FROM customer_from WHERE since_day IS NOT NULL
),
brought AS (
    SELECT b.customer_id, o.gross_reporting AS amount
    FROM begun AS b
    JOIN order_fact AS o ON o.customer_id = b.customer_id
    WHERE o.is_sale AND o.order_day >= b.since_day AND o.order_day < b.since_day + $icp_mature_days
    UNION ALL
    SELECT b.customer_id, -r.refund_reporting
    FROM begun AS b
    JOIN refund_fact AS r ON r.customer_id = b.customer_id
    WHERE r.is_counted AND r.refund_day >= b.since_day AND r.refund_day < b.since_day + $icp_mature_days
    UNION ALL
    SELECT
        b.customer_id,
        CAST(round(s.mrr_reporting * date_diff('day', CAST(greatest(s.valid_from, b.since_day) AS DATE),
            CAST(least(coalesce(s.valid_to, $as_of), CAST(b.since_day + $icp_mature_days AS DATE), $as_of) AS DATE)) / 30.4375, 2)
            AS DECIMAL(18, 2))
    FROM begun AS b
    JOIN subscription_fact AS s ON s.customer_id = b.customer_id
    WHERE s.mrr > 0 AND s.valid_from < b.since_day + $icp_mature_days AND coalesce(s.valid_to, $as_of) > b.since_day
),
valued AS (
    SELECT customer_id, sum(amount) AS first_value FROM brought GROUP BY customer_id
),
running_plan AS (
    SELECT customer_id, max(CASE WHEN position('|' || plan_name || '|' IN $best_plans) > 0 THEN 1 ELSE 0 END) AS is_declared
    FROM subscription_fact
    WHERE valid_to IS NULL AND is_running AND customer_id IS NOT NULL
    GROUP BY customer_id
),
known AS (
    SELECT
        c.customer_id,
        b.since_day,
        b.since_day IS NOT NULL AND b.since_day <= $as_of - $icp_mature_days AS is_mature,
        CAST(CASE WHEN b.since_day IS NOT NULL THEN coalesce(v.first_value, 0) END AS DECIMAL(18, 2)) AS first_value,
        coalesce(p.is_declared, 0) = 1 OR coalesce(position('|' || r.segment || '|' IN $best_segments) > 0, FALSE)
            AS is_declared,
        c.country,
        coalesce(c.industry, a.industry) AS industry,
        coalesce(c.employee_count, a.employee_count) AS employees,
        lower(c.department) AS department,
        lower(c.seniority) AS seniority,
        split_part(lower(c.language), '-', 1) AS language,
        CASE WHEN b.since_day IS NULL OR CAST(f.first_visit_at AS DATE) <= b.since_day THEN f.first_source END AS first_source,
        CASE WHEN b.since_day IS NULL OR CAST(f.first_visit_at AS DATE) <= b.since_day THEN f.first_device END AS first_device,
        k.account_key
    FROM customer AS c
    JOIN customer_id_registry AS g ON g.customer_id = c.customer_id AND g.status = 'active'
    LEFT JOIN begun AS b ON b.customer_id = c.customer_id
    LEFT JOIN valued AS v ON v.customer_id = c.customer_id
    LEFT JOIN running_plan AS p ON p.customer_id = c.customer_id
    LEFT JOIN rfm AS r ON r.customer_id = c.customer_id
    LEFT JOIN customer_account AS k ON k.customer_id = c.customer_id AND k.is_primary
    LEFT JOIN account AS a ON a.account_key = k.account_key
    LEFT JOIN customer_first_visit AS f ON f.customer_id = c.customer_id
),
ranked AS (
    SELECT
        *,
        rank() OVER (PARTITION BY is_mature ORDER BY first_value DESC NULLS LAST) AS place,
        count(*) OVER (PARTITION BY is_mature, first_value) AS n_equal,
        count(*) OVER (PARTITION BY is_mature) AS n_all
    FROM known
)
SELECT
    customer_id,
    account_key,
    since_day,
    is_mature,
    first_value,
    CASE
        WHEN $best_segments <> '' OR $best_plans <> '' THEN is_declared
        ELSE is_mature AND coalesce(first_value, 0) > 0 AND place <= $icp_best_share * n_all
            AND place + n_equal - 1 <= 2 * $icp_best_share * n_all
    END AS is_best,
    country,
    industry,
    CASE
        WHEN employees <= 10 THEN '1 to 10'
        WHEN employees <= 50 THEN '11 to 50'
        WHEN employees <= 200 THEN '51 to 200'
        WHEN employees <= 1000 THEN '201 to 1000'
        WHEN employees > 1000 THEN 'over 1000'
    END AS company_size,
    department,
    seniority,
    language,
    first_source,
    first_device,
    -- People of one organisation are kept together.
    CAST(position(left(md5(coalesce(account_key, customer_id)), 1) IN '0123456789abcdef') % 4 AS BIGINT) AS fold
FROM ranked
