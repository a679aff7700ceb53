-- Grain: one row per line of an order of order_fact.
-- Meaning: what was bought, with the order's day, customer and whether it counts; line_amount as the source has it.
-- Caveats: category, brand and title are the line's own, else the product's. Lines of orders that never came are left out
--   (order_lines says how many).
SELECT
    l.source_system || ':' || l.order_line_id AS order_line_key,
    o.order_key,
    CASE WHEN l.product_id IS NOT NULL THEN l.source_system || ':' || l.product_id END AS product_key,
    o.customer_id,
    o.order_day,
    o.is_counted,
    o.is_sale,
    coalesce(l.title, p.title) AS title,
    coalesce(l.category, p.category) AS category,
    coalesce(l.brand, p.brand) AS brand,
    CAST(l.quantity AS DOUBLE) AS quantity,
    l.unit_price,
    o.currency,
    CAST(l.line_total AS DECIMAL(18, 2)) AS line_amount,
    CAST(round(l.line_total * c.rate, 2) AS DECIMAL(18, 2)) AS line_reporting,
    CAST(l.refunded_quantity AS DOUBLE) AS refunded_quantity
FROM order_lines AS l
JOIN order_fact AS o ON o.source_system = l.source_system AND o.order_id = l.order_id
LEFT JOIN products AS p ON p.source_system = l.source_system AND p.product_id = l.product_id
LEFT JOIN currency_rate AS c ON c.currency = o.currency AND o.order_day >= c.from_day AND o.order_day < c.to_day
