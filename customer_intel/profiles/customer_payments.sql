-- Grain: one row per customer with a payment or an invoice before as_of.
-- Meaning: whether paying works: failed attempts, whatever was to be paid, and what is owed past its due time.
-- Caveats: amount_overdue is in the reporting currency and empty where an amount has no rate.
WITH paid AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE is_failed AND date_diff('day', payment_day, $as_of) <= 90) AS payments_failed_90d
    FROM payment_fact
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),
owed AS (
    SELECT
        customer_id,
        count(*) FILTER (WHERE is_overdue) AS invoices_overdue,
        sum(CASE WHEN is_overdue THEN due_reporting ELSE 0 END) AS amount_overdue,
        sum(CASE WHEN is_overdue AND due_reporting IS NULL THEN 1 ELSE 0 END) AS n_without_rate
    FROM invoice_fact
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),
known AS (
    SELECT customer_id FROM paid
    UNION
    SELECT customer_id FROM owed
)
SELECT
    k.customer_id,
    CAST(coalesce(p.payments_failed_90d, 0) AS BIGINT) AS payments_failed_90d,
    CAST(coalesce(o.invoices_overdue, 0) AS BIGINT) AS invoices_overdue,
    CAST(CASE WHEN coalesce(o.n_without_rate, 0) = 0 THEN coalesce(o.amount_overdue, 0) END AS DECIMAL(18, 2))
        AS amount_overdue
FROM known AS k
LEFT JOIN paid AS p ON p.customer_id = k.customer_id
LEFT JOIN owed AS o ON o.customer_id = k.customer_id
