-- Grain: one row per order placed before as_of.
-- Meaning: state is one word of a closed list, source_state the source's own. is_counted: it is an order of the business's;
--   is_sale: besides, those given back whole: what was charged and what was given back both happened. gross_amount is what
--   was charged (discounts taken off, tax and shipping in it); net_amount is gross minus refunds of a sale, else nothing.
--   Amounts named _reporting are in the reporting currency, at the rate of the order's day; empty where there is none.
-- Caveats: a cancelled order is no sale, whenever it was cancelled. lines_agree compares the lines' sum with the amounts
--   that shops give: with or without tax, shipping and discount; empty for an order without lines.
WITH given_back AS (
    SELECT
        order_key,
        sum(refund_amount) AS refunded_amount,
        sum(refund_reporting) AS refunded_reporting
    FROM refund_fact
    WHERE order_key IS NOT NULL AND is_counted
    GROUP BY order_key
),
line_sum AS (
    SELECT source_system, order_id, sum(line_total) AS lines_amount, count(*) AS n_lines
    FROM order_lines
    GROUP BY source_system, order_id
),
told AS (
    SELECT
        v.order_key,
        v.order_day,
        v.source_state,
        v.currency,
        v.known_from,
        v.first_known_at,
        o.source_system,
        o.order_id,
        o.record_key,
        o.account_id,
        o.ordered_at,
        o.cancelled_at,
        o.channel,
        o.discount_code,
        o.promised_at,
        o.shipped_at,
        o.delivered_at,
        o.total AS gross,
        coalesce(o.discount, 0) AS discount,
        coalesce(o.tax, 0) AS tax,
        coalesce(o.shipping, 0) AS shipping,
        o.subtotal,
        l.lines_amount,
        l.n_lines,
        coalesce(g.refunded_amount, 0) AS refunded,
        g.refunded_reporting,
        CASE
            WHEN o.cancelled_at IS NOT NULL AND o.cancelled_at < day_start($as_of)
                AND v.state NOT IN ('test', 'draft')
                THEN 'cancelled'
            -- Given back on a day that is yet to come.
            WHEN v.state = 'returned' AND v.refunded_at >= day_start($as_of) THEN 'paid'
            WHEN v.state IN ('paid', 'fulfilled', 'partly_returned') AND o.total > 0
                AND coalesce(g.refunded_amount, 0) >= o.total THEN 'returned'
            WHEN v.state IN ('paid', 'fulfilled') AND coalesce(g.refunded_amount, 0) > 0 THEN 'partly_returned'
            ELSE v.state
        END AS state
    FROM order_version AS v
    JOIN orders AS o ON o.source_system = v.source_system AND o.order_id = v.order_id
    LEFT JOIN given_back AS g ON g.order_key = v.order_key
    LEFT JOIN line_sum AS l ON l.source_system = v.source_system AND l.order_id = v.order_id
    WHERE v.known_to IS NULL AND v.state NOT IN ('credit_note', 'deleted') AND v.order_day < $as_of
),
counted AS (
    SELECT
        *,
        position('|' || state || '|' IN $counted_order_states) > 0 AS is_counted,
        position('|' || state || '|' IN $counted_order_states) > 0 OR state = 'returned' AS is_sale
    FROM told
)
SELECT
    o.order_key,
    o.source_system,
    o.order_id,
    r.customer_id,
    o.record_key,
    o.account_id,
    o.state,
    o.source_state,
    o.is_counted,
    o.is_sale,
    o.state = 'cancelled' AS is_cancelled,
    o.state NOT IN ('draft', 'test') AS is_attempt,
    o.ordered_at,
    o.order_day,
    o.known_from AS known_at,
    o.first_known_at,
    o.cancelled_at,
    o.channel,
    o.discount_code,
    o.currency,
    CAST(o.gross AS DECIMAL(18, 2)) AS gross_amount,
    CAST(o.discount AS DECIMAL(18, 2)) AS discount_amount,
    CAST(o.tax AS DECIMAL(18, 2)) AS tax_amount,
    CAST(o.shipping AS DECIMAL(18, 2)) AS shipping_amount,
    CAST(CASE WHEN o.is_sale THEN o.refunded ELSE 0 END AS DECIMAL(18, 2)) AS refunded_amount,
    CAST(CASE WHEN o.is_sale THEN o.gross - o.refunded ELSE 0 END AS DECIMAL(18, 2)) AS net_amount,
    CAST(round(o.gross * c.rate, 2) AS DECIMAL(18, 2)) AS gross_reporting,
    CAST(round(o.discount * c.rate, 2) AS DECIMAL(18, 2)) AS discount_reporting,
    CAST(round(o.tax * c.rate, 2) AS DECIMAL(18, 2)) AS tax_reporting,
    CAST(CASE WHEN c.rate IS NULL THEN NULL WHEN o.is_sale THEN coalesce(o.refunded_reporting, 0) ELSE 0 END
        AS DECIMAL(18, 2)) AS refunded_reporting,
    CAST(CASE
        WHEN c.rate IS NULL THEN NULL
        WHEN o.is_sale THEN CAST(round(o.gross * c.rate, 2) AS DECIMAL(18, 2)) - coalesce(o.refunded_reporting, 0)
        ELSE 0
    END AS DECIMAL(18, 2)) AS net_reporting,
    o.promised_at,
    o.shipped_at,
    o.delivered_at,
    CAST(o.n_lines AS BIGINT) AS n_lines,
    CAST(o.lines_amount AS DECIMAL(18, 2)) AS lines_amount,
    CASE WHEN o.n_lines > 0 THEN
        least(
            abs(o.lines_amount - o.gross),
            abs(o.lines_amount - o.gross + o.shipping),
            abs(o.lines_amount - o.gross + o.tax),
            abs(o.lines_amount - o.gross + o.tax + o.shipping),
            abs(o.lines_amount - o.gross - o.discount),
            abs(o.lines_amount - o.gross - o.discount + o.shipping),
            abs(o.lines_amount - o.gross - o.discount + o.tax),
            abs(o.lines_amount - o.gross - o.discount + o.tax + o.shipping),
            abs(o.lines_amount - coalesce(o.subtotal, o.gross)),
            abs(o.lines_amount - coalesce(o.subtotal - o.discount, o.gross))
        ) <= 0.01 * (1 + o.n_lines)
    END AS lines_agree
FROM counted AS o
LEFT JOIN customer_record AS r ON r.record_key = o.record_key
LEFT JOIN currency_rate AS c ON c.currency = o.currency AND o.order_day >= c.from_day AND o.order_day < c.to_day
