-- Grain: one row per payment attempt before as_of.
-- Meaning: state is one word of a closed list; a payment with a failure code failed, whatever its word. is_counted: the
--   money came and was kept at least in part. Of an order or an invoice, it belongs to that one's customer, else to
--   the one that its own row names.
-- Caveats: known_at is when it was attempted where the source's first export brought it, else the export that first did.
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_payments GROUP BY source_system
),
first_seen AS (
    SELECT source_system, payment_id, min(exported_at) AS seen_at FROM raw_payments GROUP BY source_system, payment_id
),
told AS (
    SELECT
        p.source_system, p.payment_id, p.order_id, p.invoice_id, p.status, p.paid_at, p.method, p.amount,
        CASE WHEN p.failure_code IS NOT NULL THEN 'failed' ELSE coalesce(w.state, 'unknown') END AS payment_state,
        CASE WHEN s.seen_at = f.first_exported_at THEN least(p.paid_at, s.seen_at) ELSE s.seen_at END AS known_at,
        coalesce(o.record_key, i.record_key, p.record_key) AS record_key,
        local_day(p.paid_at) AS payment_day,
        upper(trim(p.currency)) AS currency_code
    FROM payments AS p
    LEFT JOIN first_seen AS s ON s.source_system = p.source_system AND s.payment_id = p.payment_id
    LEFT JOIN first_export AS f ON f.source_system = p.source_system
    LEFT JOIN state_word AS w
        ON w.source_system = p.source_system AND w.entity = 'payments' AND w.word = coalesce(p.status, '')
    LEFT JOIN orders AS o ON o.source_system = p.source_system AND o.order_id = p.order_id
    LEFT JOIN invoices AS i ON i.source_system = p.source_system AND i.invoice_id = p.invoice_id
)
SELECT
    t.source_system || ':' || t.payment_id AS payment_key,
    t.source_system,
    t.payment_id,
    CASE WHEN t.order_id IS NOT NULL THEN t.source_system || ':' || t.order_id END AS order_key,
    t.invoice_id,
    r.customer_id,
    t.record_key,
    t.payment_state AS state,
    t.status AS source_state,
    t.payment_state IN ('succeeded', 'partly_refunded', 'disputed') AS is_counted,
    t.payment_state = 'failed' AS is_failed,
    t.paid_at AS attempted_at,
    t.payment_day,
    t.known_at,
    lower(t.method) AS method,
    t.currency_code AS currency,
    CAST(t.amount AS DECIMAL(18, 2)) AS paid_amount,
    CAST(round(t.amount * c.rate, 2) AS DECIMAL(18, 2)) AS paid_reporting
FROM told AS t
LEFT JOIN customer_record AS r ON r.record_key = t.record_key
LEFT JOIN currency_rate AS c
    ON c.currency = t.currency_code AND t.payment_day >= c.from_day AND t.payment_day < c.to_day
WHERE t.payment_day < $as_of
