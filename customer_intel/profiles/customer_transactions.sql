-- Grain: one row per customer with at least one order before as_of.
-- Meaning: what the customer bought and gave back. Amounts are in the reporting currency where a rate is known;
--   revenue is total minus refunded, of orders not cancelled. Gaps are whole days between days with an order.
-- Caveats: refunds and delivery dates are as the newest export has them, also when as_of lies before it.
WITH bought AS (
    SELECT
        r.customer_id,
        o.source_system,
        o.order_id,
        o.ordered_at,
        o.channel,
        date_diff('day', CAST(o.ordered_at AS DATE), $as_of) AS age,
        (o.cancelled_at IS NOT NULL AND o.cancelled_at < CAST($as_of AS TIMESTAMP))
            OR (o.cancelled_at IS NULL AND lower(coalesce(o.status, '')) IN ('cancelled', 'canceled', 'voided'))
            AS is_cancelled,
        CAST(round((o.total - coalesce(o.refunded, 0)) * coalesce(c.rate, 1.0), 2) AS DECIMAL(18, 2)) AS revenue,
        CAST(round(coalesce(o.refunded, 0) * coalesce(c.rate, 1.0), 2) AS DECIMAL(18, 2)) AS refunded,
        CAST(round(coalesce(o.discount, 0) * coalesce(c.rate, 1.0), 2) AS DECIMAL(18, 2)) AS discount,
        CASE WHEN o.delivered_at > o.promised_at AND o.delivered_at < CAST($as_of AS TIMESTAMP) THEN 1 ELSE 0 END
            AS is_late
    FROM orders AS o
    JOIN record_customer_map AS r ON r.record_key = o.record_key AND r.valid_to IS NULL
    LEFT JOIN currency_rate AS c
        ON c.currency = o.currency
        AND CAST(o.ordered_at AS DATE) >= c.from_day
        AND CAST(o.ordered_at AS DATE) < c.to_day
    WHERE o.ordered_at < CAST($as_of AS TIMESTAMP)
),
kept AS (
    SELECT * FROM bought WHERE NOT is_cancelled
),
gaps AS (
    SELECT customer_id, median(gap) AS order_gap_median_days, avg(gap) AS order_gap_mean_days
    FROM (
        SELECT
            customer_id,
            CAST(date_diff('day', lag(day) OVER (PARTITION BY customer_id ORDER BY day), day) AS DOUBLE) AS gap
        FROM (SELECT DISTINCT customer_id, CAST(ordered_at AS DATE) AS day FROM kept)
    )
    GROUP BY customer_id
),
line_category AS (
    SELECT
        k.customer_id,
        coalesce(l.category, p.category) AS category,
        sum(l.line_total) AS spent,
        sum(l.quantity) AS items
    FROM kept AS k
    JOIN order_lines AS l ON l.source_system = k.source_system AND l.order_id = k.order_id
    LEFT JOIN products AS p ON p.source_system = l.source_system AND p.product_id = l.product_id
    GROUP BY k.customer_id, coalesce(l.category, p.category)
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
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY spent DESC, category) = 1
),
failed AS (
    SELECT customer_id, sum(n) AS payments_failed_90d
    FROM activity_daily
    WHERE activity = 'payment_failed' AND day < $as_of AND date_diff('day', day, $as_of) <= 90
    GROUP BY customer_id
),
measured AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE NOT is_cancelled) AS orders_total,
        count(*) FILTER (WHERE NOT is_cancelled AND age <= 90) AS orders_90d,
        count(*) FILTER (WHERE NOT is_cancelled AND age <= 365) AS orders_365d,
        count(*) FILTER (WHERE is_cancelled) AS orders_cancelled,
        count(*) FILTER (WHERE refunded > 0) AS orders_refunded,
        count(*) FILTER (WHERE NOT is_cancelled AND discount > 0) AS orders_discounted,
        count(*) FILTER (WHERE is_late = 1 AND age <= 365) AS late_deliveries_365d,
        sum(CASE WHEN NOT is_cancelled THEN revenue ELSE 0 END) AS revenue_total,
        sum(CASE WHEN NOT is_cancelled AND age <= 90 THEN revenue ELSE 0 END) AS revenue_90d,
        sum(CASE WHEN NOT is_cancelled AND age <= 365 THEN revenue ELSE 0 END) AS revenue_365d,
        sum(refunded) AS refunded_total,
        sum(CASE WHEN NOT is_cancelled THEN discount ELSE 0 END) AS discount_total,
        min(ordered_at) FILTER (WHERE NOT is_cancelled) AS first_order_at,
        max(ordered_at) FILTER (WHERE NOT is_cancelled) AS last_order_at
    FROM bought
    GROUP BY customer_id
)
SELECT
    m.customer_id,
    CAST(m.orders_total AS BIGINT) AS orders_total,
    CAST(m.orders_90d AS BIGINT) AS orders_90d,
    CAST(m.orders_365d AS BIGINT) AS orders_365d,
    CAST(m.orders_cancelled AS BIGINT) AS orders_cancelled,
    CAST(m.orders_refunded AS BIGINT) AS orders_refunded,
    CAST(m.revenue_total AS DECIMAL(18, 2)) AS revenue_total,
    CAST(m.revenue_90d AS DECIMAL(18, 2)) AS revenue_90d,
    CAST(m.revenue_365d AS DECIMAL(18, 2)) AS revenue_365d,
    CAST(round(m.revenue_total / nullif(m.orders_total, 0), 2) AS DECIMAL(18, 2)) AS average_order_value,
    CAST(m.refunded_total AS DECIMAL(18, 2)) AS refunded_total,
    round(CAST(m.refunded_total AS DOUBLE) / nullif(CAST(m.revenue_total + m.refunded_total AS DOUBLE), 0), 4)
        AS refund_share,
    CAST(m.discount_total AS DECIMAL(18, 2)) AS discount_total,
    round(CAST(m.orders_discounted AS DOUBLE) / nullif(m.orders_total, 0), 4) AS discounted_order_share,
    m.first_order_at,
    m.last_order_at,
    CAST(date_diff('day', CAST(m.last_order_at AS DATE), $as_of) AS BIGINT) AS days_since_order,
    round(g.order_gap_median_days, 2) AS order_gap_median_days,
    round(g.order_gap_mean_days, 2) AS order_gap_mean_days,
    CAST(round(coalesce(i.items_total, 0), 0) AS BIGINT) AS items_total,
    CAST(coalesce(i.categories_bought, 0) AS BIGINT) AS categories_bought,
    f.category AS top_category,
    round(CAST(f.spent AS DOUBLE) / nullif(CAST(i.spent AS DOUBLE), 0), 4) AS top_category_share,
    CAST(m.late_deliveries_365d AS BIGINT) AS late_deliveries_365d,
    CAST(coalesce(x.payments_failed_90d, 0) AS BIGINT) AS payments_failed_90d
FROM measured AS m
LEFT JOIN gaps AS g ON g.customer_id = m.customer_id
LEFT JOIN items AS i ON i.customer_id = m.customer_id
LEFT JOIN favourite AS f ON f.customer_id = m.customer_id
LEFT JOIN failed AS x ON x.customer_id = m.customer_id
