-- Grain: one row per customer with an order before as_of, counted or not, or a credit note.
-- Meaning: what the customer bought and gave back, from order_fact and refund_fact. Orders are those that count; revenue is
--   what was charged, on the day of the order, less what was given back, on the day of the refund. Amounts are in the
--   reporting currency and empty where one of them has no rate; revenue_total_own is the same in the customer's own
--   currency, empty where there are several. Gaps are whole days between days with an order.
-- Caveats: delivery dates are as the newest export has them.
WITH bought AS (
    SELECT
        *,
        date_diff('day', order_day, $as_of) AS age,
        CASE WHEN is_sale AND gross_reporting IS NULL THEN 1 ELSE 0 END AS lacks_rate,
        CASE WHEN delivered_at > promised_at AND delivered_at < CAST($as_of AS TIMESTAMP) THEN 1 ELSE 0 END AS is_late
    FROM order_fact
    WHERE customer_id IS NOT NULL
),
money AS (
    SELECT customer_id, age, currency, gross_amount AS own_amount, gross_reporting AS amount, lacks_rate FROM bought WHERE is_sale
    UNION ALL
    SELECT customer_id, date_diff('day', refund_day, $as_of), currency, -refund_amount, -refund_reporting,
        CASE WHEN refund_reporting IS NULL THEN 1 ELSE 0 END
    FROM refund_fact
    WHERE is_counted AND customer_id IS NOT NULL
),
earned AS (
    SELECT
        customer_id,
        sum(amount) AS revenue_total,
        sum(CASE WHEN age <= 90 THEN amount ELSE 0 END) AS revenue_90d,
        sum(CASE WHEN age <= 365 THEN amount ELSE 0 END) AS revenue_365d,
        sum(own_amount) AS revenue_total_own,
        min(currency) AS least_currency,
        max(currency) AS greatest_currency,
        sum(lacks_rate) AS n_without_rate
    FROM money
    GROUP BY customer_id
),
refunded AS (
    SELECT
        customer_id,
        sum(refund_reporting) AS refunded_total,
        count(DISTINCT coalesce(order_key, refund_key)) AS orders_refunded,
        sum(CASE WHEN refund_reporting IS NULL THEN 1 ELSE 0 END) AS n_without_rate
    FROM refund_fact
    WHERE is_counted AND customer_id IS NOT NULL
    GROUP BY customer_id
),
gaps AS (
    SELECT customer_id, median(gap) AS order_gap_median_days, avg(gap) AS order_gap_mean_days
    FROM (
        SELECT
            customer_id,
            CAST(date_diff('day', lag(order_day) OVER (PARTITION BY customer_id ORDER BY order_day), order_day) AS DOUBLE)
                AS gap
        FROM (SELECT DISTINCT customer_id, order_day FROM bought WHERE is_counted)
    )
    GROUP BY customer_id
),
line_category AS (
    SELECT customer_id, category, sum(line_reporting) AS spent, sum(quantity) AS items
    FROM order_line_fact
    WHERE is_counted AND customer_id IS NOT NULL
    GROUP BY customer_id, category
),
items AS (
    SELECT
        customer_id,
        sum(items) AS items_total,
        sum(spent) FILTER (WHERE category IS NOT NULL) AS spent,
        count(DISTINCT category) AS categories_bought
    FROM line_category
    GROUP BY customer_id
),
favourite AS (
    SELECT customer_id, category, spent
    FROM line_category
    WHERE category IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY spent DESC NULLS LAST, category) = 1
),
measured AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE is_counted) AS orders_total,
        count(*) FILTER (WHERE is_counted AND age <= 90) AS orders_90d,
        count(*) FILTER (WHERE is_counted AND age <= 365) AS orders_365d,
        count(*) FILTER (WHERE is_cancelled) AS orders_cancelled,
        count(*) FILTER (WHERE is_counted AND discount_amount > 0) AS orders_discounted,
        count(*) FILTER (WHERE is_late = 1 AND is_sale AND age <= 365) AS late_deliveries_365d,
        sum(CASE WHEN is_counted THEN discount_reporting ELSE 0 END) AS discount_total,
        sum(CASE WHEN is_counted AND discount_amount <> 0 AND discount_reporting IS NULL THEN 1 ELSE 0 END) AS discounts_without_rate,
        min(ordered_at) FILTER (WHERE is_counted) AS first_order_at,
        max(ordered_at) FILTER (WHERE is_counted) AS last_order_at,
        min(order_day) FILTER (WHERE is_counted) AS first_order_day,
        max(order_day) FILTER (WHERE is_counted) AS last_order_day
    FROM bought
    GROUP BY customer_id
),
known AS (
    SELECT customer_id FROM measured
    UNION
    SELECT customer_id FROM earned
)
SELECT
    k.customer_id,
    CAST(coalesce(m.orders_total, 0) AS BIGINT) AS orders_total,
    CAST(coalesce(m.orders_90d, 0) AS BIGINT) AS orders_90d,
    CAST(coalesce(m.orders_365d, 0) AS BIGINT) AS orders_365d,
    CAST(coalesce(m.orders_cancelled, 0) AS BIGINT) AS orders_cancelled,
    CAST(coalesce(r.orders_refunded, 0) AS BIGINT) AS orders_refunded,
    CAST(CASE WHEN coalesce(e.n_without_rate, 0) = 0 THEN coalesce(e.revenue_total, 0) END AS DECIMAL(18, 2)) AS revenue_total,
    CAST(CASE WHEN coalesce(e.n_without_rate, 0) = 0 THEN coalesce(e.revenue_90d, 0) END AS DECIMAL(18, 2)) AS revenue_90d,
    CAST(CASE WHEN coalesce(e.n_without_rate, 0) = 0 THEN coalesce(e.revenue_365d, 0) END AS DECIMAL(18, 2)) AS revenue_365d,
    CASE WHEN e.least_currency = e.greatest_currency THEN e.least_currency END AS order_currency,
    CAST(CASE WHEN e.least_currency = e.greatest_currency THEN e.revenue_total_own END AS DECIMAL(18, 2))
        AS revenue_total_own,
    CAST(CASE WHEN coalesce(e.n_without_rate, 0) = 0
        THEN round(e.revenue_total / nullif(m.orders_total, 0), 2) END AS DECIMAL(18, 2)) AS average_order_value,
    CAST(CASE WHEN coalesce(r.n_without_rate, 0) = 0 THEN coalesce(r.refunded_total, 0) END AS DECIMAL(18, 2))
        AS refunded_total,
    CASE WHEN coalesce(e.n_without_rate, 0) = 0 THEN round(
        CAST(coalesce(r.refunded_total, 0) AS DOUBLE)
        / nullif(CAST(e.revenue_total + coalesce(r.refunded_total, 0) AS DOUBLE), 0), 4
    ) END AS refund_share,
    CAST(CASE WHEN coalesce(m.discounts_without_rate, 0) = 0 THEN coalesce(m.discount_total, 0) END AS DECIMAL(18, 2))
        AS discount_total,
    round(CAST(m.orders_discounted AS DOUBLE) / nullif(m.orders_total, 0), 4) AS discounted_order_share,
    m.first_order_at,
    m.first_order_day,
    m.last_order_at,
    CAST(date_diff('day', m.last_order_day, $as_of) AS BIGINT) AS days_since_order,
    round(g.order_gap_median_days, 2) AS order_gap_median_days,
    round(g.order_gap_mean_days, 2) AS order_gap_mean_days,
    CAST(round(coalesce(i.items_total, 0), 0) AS BIGINT) AS items_total,
    CAST(coalesce(i.categories_bought, 0) AS BIGINT) AS categories_bought,
    f.category AS top_category,
    round(CAST(f.spent AS DOUBLE) / nullif(CAST(i.spent AS DOUBLE), 0), 4) AS top_category_share,
    CAST(coalesce(m.late_deliveries_365d, 0) AS BIGINT) AS late_deliveries_365d
FROM known AS k
LEFT JOIN measured AS m ON m.customer_id = k.customer_id
LEFT JOIN earned AS e ON e.customer_id = k.customer_id
LEFT JOIN refunded AS r ON r.customer_id = k.customer_id
LEFT JOIN gaps AS g ON g.customer_id = k.customer_id
LEFT JOIN items AS i ON i.customer_id = k.customer_id
LEFT JOIN favourite AS f ON f.customer_id = k.customer_id
