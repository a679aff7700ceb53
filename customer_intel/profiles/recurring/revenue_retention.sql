-- Grain: one row per month, currency, breakdown and member of it, from the first month with recurring revenue on.
-- Meaning: what became of the recurring revenue that a month opened with, from mrr_movement. ChartMogul's definitions:
--   net retention = (opening + expansion + reactivation - contraction - churn) / opening; gross retention = (opening -
--   contraction - churn) / opening; quick ratio = (new + expansion + reactivation) / (contraction + churn). The figures over
--   12 months follow the customers who paid when the month eleven months earlier opened until this month closed: what they
--   pay now (net), and no more of it than they paid then (gross). Intervals hold 95 %: of gross retention Wilson's, for as
--   many customers of equal weight as the amounts are worth (Kish 1965); of net retention that and the interval of what was
--   gained, a ratio of sums over customers (Cochran 1977, 6.4), brought together (MOVER, Zou and Donner 2008).
-- Caveats: currencies stay apart. A member is what the customer was when the month opened (who came in it: on coming);
--   country, industry and tier are today's, as no source keeps older ones; segments are unknown before the first night. A
--   month that as_of cuts short is not whole. Net retention has no interval below 40 customers: it would be too narrow.
WITH month AS (
    SELECT DISTINCT month_start FROM date WHERE day < $as_of
),
opened AS (
    SELECT s.customer_id, s.currency, m.month_start, s.plan, s.cohort_month, s.mrr AS opening
    FROM month AS m
    JOIN paying_stretch AS s ON s.valid_from < m.month_start AND (s.valid_to IS NULL OR s.valid_to >= m.month_start)
),
came AS (
    SELECT customer_id, currency, CAST(date_trunc('month', valid_from) AS DATE) AS month_start, plan, cohort_month
    FROM paying_stretch
    QUALIFY row_number() OVER (
        PARTITION BY customer_id, currency, date_trunc('month', valid_from) ORDER BY valid_from
    ) = 1
),
moved AS (
    SELECT
        customer_id,
        currency,
        CAST(date_trunc('month', day) AS DATE) AS month_start,
        sum(new_mrr) AS new,
        sum(expansion_mrr) AS expansion,
        sum(contraction_mrr) AS contraction,
        sum(churned_mrr) AS churned,
        sum(reactivation_mrr) AS reactivation
    FROM mrr_movement
    GROUP BY customer_id, currency, date_trunc('month', day)
),
cell AS (
    SELECT
        coalesce(o.customer_id, m.customer_id) AS customer_id,
        coalesce(o.currency, m.currency) AS currency,
        coalesce(o.month_start, m.month_start) AS month_start,
        coalesce(o.plan, c.plan, 'unknown') AS plan,
        coalesce(o.cohort_month, c.cohort_month) AS cohort_month,
        CAST(coalesce(o.opening, 0) AS DECIMAL(18, 2)) AS opening,
        CAST(coalesce(m.new, 0) AS DECIMAL(18, 2)) AS new,
        CAST(coalesce(m.expansion, 0) AS DECIMAL(18, 2)) AS expansion,
        CAST(coalesce(m.contraction, 0) AS DECIMAL(18, 2)) AS contraction,
        CAST(coalesce(m.churned, 0) AS DECIMAL(18, 2)) AS churned,
        CAST(coalesce(m.reactivation, 0) AS DECIMAL(18, 2)) AS reactivation
    FROM opened AS o
    FULL JOIN moved AS m
        ON m.customer_id = o.customer_id AND m.currency = o.currency AND m.month_start = o.month_start
    LEFT JOIN came AS c
        ON c.customer_id = m.customer_id AND c.currency = m.currency AND c.month_start = m.month_start
),
kept AS (
    SELECT
        *,
        CAST(expansion + reactivation AS DECIMAL(18, 2)) AS gain,
        CAST(opening + contraction + churned AS DECIMAL(18, 2)) AS gross,
        CAST(opening + new + expansion + contraction + churned + reactivation AS DECIMAL(18, 2)) AS closing
    FROM cell
),
-- What they paid eleven months before the month opened, and what when it closed.
year_ago AS (
    SELECT
        b.customer_id,
        b.currency,
        CAST(b.month_start + INTERVAL 11 MONTH AS DATE) AS month_start,
        b.plan,
        b.cohort_month,
        b.opening AS base,
        CAST(coalesce(n.closing, 0) AS DECIMAL(18, 2)) AS now
    FROM opened AS b
    JOIN month AS m ON m.month_start = CAST(b.month_start + INTERVAL 11 MONTH AS DATE)
    LEFT JOIN kept AS n
        ON n.customer_id = b.customer_id AND n.currency = b.currency AND n.month_start = m.month_start
    WHERE CAST(b.month_start + INTERVAL 12 MONTH AS DATE) <= $as_of
),
-- So that no month is missing in which nobody paid.
every_month AS (
    SELECT f.currency, m.month_start
    FROM (SELECT currency, min(valid_from) AS first_day FROM paying_stretch GROUP BY currency) AS f
    JOIN month AS m ON m.month_start >= CAST(date_trunc('month', f.first_day) AS DATE)
),
told AS (
    SELECT customer_id, currency, month_start, plan, cohort_month, opening, new, expansion, contraction, churned, reactivation,
        closing, gain, gross, CAST(0 AS DECIMAL(18, 2)) AS base, CAST(0 AS DECIMAL(18, 2)) AS now, 1 AS is_month
    FROM kept
    UNION ALL
    SELECT customer_id, currency, month_start, plan, cohort_month, 0, 0, 0, 0, 0, 0, 0, 0, 0, base, now, 0
    FROM year_ago
    UNION ALL
    SELECT NULL, currency, month_start, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM every_month
),
placed AS (
    SELECT
        t.*,
        CAST(least(t.now, t.base) AS DECIMAL(18, 2)) AS kept,
        b.breakdown,
        CASE b.breakdown
            WHEN 'all' THEN 'all'
            WHEN 'plan' THEN t.plan
            WHEN 'cohort' THEN left(CAST(t.cohort_month AS VARCHAR), 4)
            WHEN 'segment' THEN coalesce(h.segment, 'unknown')
            WHEN 'country' THEN coalesce(c.country, 'unknown')
            WHEN 'industry' THEN coalesce(c.industry, 'unknown')
            ELSE coalesce(c.account_tier, 'unknown')
        END AS member
    FROM told AS t
    CROSS JOIN (
        VALUES ('all'), ('plan'), ('cohort'), ('segment'), ('country'), ('industry'), ('account_tier')
    ) AS b(breakdown)
    LEFT JOIN customer AS c ON c.customer_id = t.customer_id
    LEFT JOIN segment_history AS h
        ON h.customer_id = t.customer_id AND h.valid_from <= t.month_start
        AND (h.valid_to IS NULL OR h.valid_to > t.month_start)
    WHERE t.customer_id IS NOT NULL OR b.breakdown = 'all'
),
summed AS (
    SELECT
        month_start,
        currency,
        breakdown,
        member,
        sum(CASE WHEN opening > 0 THEN 1 ELSE 0 END) AS customers_opening,
        sum(CASE WHEN opening <= 0 AND closing > 0 AND new > 0 THEN 1 ELSE 0 END) AS customers_new,
        sum(CASE WHEN is_month = 1 AND opening <= 0 AND closing > 0 AND new <= 0 THEN 1 ELSE 0 END) AS customers_reactivated,
        sum(CASE WHEN opening > 0 AND closing <= 0 THEN 1 ELSE 0 END) AS customers_churned,
        sum(CASE WHEN closing > 0 THEN 1 ELSE 0 END) AS customers_closing,
        sum(opening) AS opening_mrr,
        sum(new) AS new_mrr,
        sum(expansion) AS expansion_mrr,
        sum(reactivation) AS reactivation_mrr,
        sum(contraction) AS contraction_mrr,
        sum(churned) AS churned_mrr,
        sum(closing) AS closing_mrr,
        sum(is_month) AS n,
        CAST(sum(opening) AS DOUBLE) AS x,
        CAST(sum(opening * opening) AS DOUBLE) AS xx,
        CAST(sum(gross) AS DOUBLE) AS g,
        CAST(sum(gain) AS DOUBLE) AS a,
        CAST(sum(gain * gain) AS DOUBLE) AS aa,
        CAST(sum(gain * opening) AS DOUBLE) AS ax,
        sum(CASE WHEN base > 0 THEN 1 ELSE 0 END) AS customers_year_ago,
        CAST(sum(base) AS DOUBLE) AS b,
        CAST(sum(base * base) AS DOUBLE) AS bb,
        CAST(sum(kept) AS DOUBLE) AS v,
        CAST(sum(now - kept) AS DOUBLE) AS w,
        CAST(sum((now - kept) * (now - kept)) AS DOUBLE) AS ww,
        CAST(sum((now - kept) * base) AS DOUBLE) AS wb
    FROM placed
    GROUP BY month_start, currency, breakdown, member
),
rated AS (
    SELECT
        *,
        (g + a) / nullif(x, 0) AS net_share,
        g / nullif(x, 0) AS gross_share,
        (v + w) / nullif(b, 0) AS net_year,
        v / nullif(b, 0) AS gross_year,
        CAST(customers_churned AS DOUBLE) / nullif(customers_opening, 0) AS logo,
        -- Half of the interval of what was gained, over what there was.
        1.959963984540054 * sqrt(greatest(aa - 2 * a / nullif(x, 0) * ax + a / nullif(x, 0) * a / nullif(x, 0) * xx, 0.0)
            * n / nullif(n - 1, 0)) / nullif(x, 0) AS gain_half,
        1.959963984540054 * sqrt(greatest(ww - 2 * w / nullif(b, 0) * wb + w / nullif(b, 0) * w / nullif(b, 0) * bb, 0.0)
            * customers_year_ago / nullif(customers_year_ago - 1, 0)) / nullif(b, 0) AS gain_half_year
    FROM summed
),
-- One row per share p of n customers of equal weight.
share AS (
    SELECT month_start, currency, breakdown, member, 'gross' AS name, gross_share AS p, x * x / nullif(xx, 0) AS n
    FROM rated
    WHERE gross_share BETWEEN 0 AND 1
    UNION ALL
    SELECT month_start, currency, breakdown, member, 'logo', logo, CAST(customers_opening AS DOUBLE)
    FROM rated
    WHERE customers_opening > 0
    UNION ALL
    SELECT month_start, currency, breakdown, member, 'gross_year', gross_year, b * b / nullif(bb, 0)
    FROM rated
    WHERE customers_year_ago > 0
),
wilson AS (
    SELECT
        *,
        (p + 1.920729410347062 / n) / (1 + 3.841458820694124 / n) AS middle,
        1.959963984540054 * sqrt(greatest(p * (1 - p), 0.0) / n + 0.960364705173531 / (n * n)) / (1 + 3.841458820694124 / n)
            AS half
    FROM share
    WHERE n > 0
),
bound AS (
    SELECT
        month_start,
        currency,
        breakdown,
        member,
        max(CASE WHEN name = 'gross' THEN greatest(middle - half, 0.0) END) AS gross_low,
        max(CASE WHEN name = 'gross' THEN least(middle + half, 1.0) END) AS gross_high,
        max(CASE WHEN name = 'logo' THEN greatest(middle - half, 0.0) END) AS logo_low,
        max(CASE WHEN name = 'logo' THEN least(middle + half, 1.0) END) AS logo_high,
        max(CASE WHEN name = 'gross_year' THEN greatest(middle - half, 0.0) END) AS gross_year_low,
        max(CASE WHEN name = 'gross_year' THEN least(middle + half, 1.0) END) AS gross_year_high
    FROM wilson
    GROUP BY month_start, currency, breakdown, member
)
SELECT
    r.month_start,
    r.currency,
    r.breakdown,
    r.member,
    CAST(r.month_start + INTERVAL 1 MONTH AS DATE) <= $as_of AS is_whole,
    CAST(r.customers_opening AS BIGINT) AS customers_opening,
    CAST(r.customers_new AS BIGINT) AS customers_new,
    CAST(r.customers_reactivated AS BIGINT) AS customers_reactivated,
    CAST(r.customers_churned AS BIGINT) AS customers_churned,
    CAST(r.customers_closing AS BIGINT) AS customers_closing,
    CAST(r.opening_mrr AS DECIMAL(18, 2)) AS opening_mrr,
    CAST(r.new_mrr AS DECIMAL(18, 2)) AS new_mrr,
    CAST(r.expansion_mrr AS DECIMAL(18, 2)) AS expansion_mrr,
    CAST(r.reactivation_mrr AS DECIMAL(18, 2)) AS reactivation_mrr,
    CAST(r.contraction_mrr AS DECIMAL(18, 2)) AS contraction_mrr,
    CAST(r.churned_mrr AS DECIMAL(18, 2)) AS churned_mrr,
    CAST(r.closing_mrr AS DECIMAL(18, 2)) AS closing_mrr,
    round(r.net_share, 6) AS net_retention,
    CASE WHEN r.customers_opening >= 40 THEN round(r.net_share - sqrt((r.gross_share - b.gross_low) * (r.gross_share - b.gross_low)
        + least(r.gain_half, r.a / r.x) * least(r.gain_half, r.a / r.x)), 6) END AS net_retention_low,
    CASE WHEN r.customers_opening >= 40 THEN round(r.net_share + sqrt((b.gross_high - r.gross_share)
        * (b.gross_high - r.gross_share) + r.gain_half * r.gain_half), 6) END AS net_retention_high,
    round(r.gross_share, 6) AS gross_retention,
    round(b.gross_low, 6) AS gross_retention_low,
    round(b.gross_high, 6) AS gross_retention_high,
    round(CAST(r.new_mrr + r.expansion_mrr + r.reactivation_mrr AS DOUBLE)
        / nullif(-CAST(r.contraction_mrr + r.churned_mrr AS DOUBLE), 0), 4) AS quick_ratio,
    round(r.logo, 6) AS logo_churn,
    round(b.logo_low, 6) AS logo_churn_low,
    round(b.logo_high, 6) AS logo_churn_high,
    CAST(r.customers_year_ago AS BIGINT) AS customers_year_ago,
    round(r.net_year, 6) AS net_retention_12m,
    CASE WHEN r.customers_year_ago >= 40 THEN round(r.net_year - sqrt((r.gross_year - b.gross_year_low)
        * (r.gross_year - b.gross_year_low) + least(r.gain_half_year, r.w / r.b) * least(r.gain_half_year, r.w / r.b)), 6)
        END AS net_retention_12m_low,
    CASE WHEN r.customers_year_ago >= 40 THEN round(r.net_year + sqrt((b.gross_year_high - r.gross_year)
        * (b.gross_year_high - r.gross_year) + r.gain_half_year * r.gain_half_year), 6) END AS net_retention_12m_high,
    round(r.gross_year, 6) AS gross_retention_12m,
    round(b.gross_year_low, 6) AS gross_retention_12m_low,
    round(b.gross_year_high, 6) AS gross_retention_12m_high
FROM rated AS r
LEFT JOIN bound AS b
    ON b.month_start = r.month_start AND b.currency = r.currency AND b.breakdown = r.breakdown AND b.member = r.member
-- By what is known of nobody, nothing is told.
QUALIFY max(CASE WHEN r.member <> 'unknown' THEN 1 ELSE 0 END) OVER (PARTITION BY r.breakdown) = 1
