-- Grain: one row per product that a source lists or an order line names.
-- Meaning: what can be bought; joins to order_line_fact by product_key.
-- Caveats: a product that only lines name has what the last of them by key says.
WITH named AS (
    SELECT
        source_system, product_id, sku, title, category, brand, CAST(NULL AS DECIMAL(18, 2)) AS price,
        CAST(NULL AS DECIMAL(18, 2)) AS cost, CAST(NULL AS VARCHAR) AS status, 2 AS way, order_line_id AS told_by
    FROM order_lines
    WHERE product_id IS NOT NULL
    UNION ALL
    SELECT source_system, product_id, sku, title, category, brand, price, cost, status, 1, ''
    FROM products
)
SELECT
    source_system || ':' || product_id AS product_key,
    source_system,
    product_id,
    sku,
    title,
    category,
    brand,
    price,
    cost,
    status
FROM named
QUALIFY row_number() OVER (PARTITION BY source_system, product_id ORDER BY way, told_by DESC) = 1
