-- Grain: one row per invoice made before as_of.
-- Meaning: what was billed and what is still owed; is_overdue: an open one past its due time.
--   Where the source does not say what is open, it is the total less what was paid.
-- Caveats: amounts owed of void, paid, refunded and draft invoices are nothing, whatever the source still says.
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_invoices GROUP BY source_system
),
first_seen AS (
    SELECT source_system, invoice_id, min(exported_at) AS seen_at FROM raw_invoices GROUP BY source_system, invoice_id
),
told AS (
    SELECT
        i.*,
        CASE WHEN s.seen_at = f.first_exported_at THEN least(i.created_at, s.seen_at) ELSE s.seen_at END AS known_at,
        CASE WHEN i.paid_at IS NOT NULL AND i.paid_at < day_start($as_of) AND coalesce(w.state, '') <> 'refunded'
            THEN 'paid' ELSE coalesce(w.state, 'unknown') END AS invoice_state,
        coalesce(i.amount_due, i.total - coalesce(i.amount_paid, 0)) AS owed,
        upper(trim(i.currency)) AS currency_code,
        local_day(i.created_at) AS invoice_day
    FROM invoices AS i
    LEFT JOIN first_seen AS s ON s.source_system = i.source_system AND s.invoice_id = i.invoice_id
    LEFT JOIN first_export AS f ON f.source_system = i.source_system
    LEFT JOIN state_word AS w
        ON w.source_system = i.source_system AND w.entity = 'invoices' AND w.word = coalesce(i.status, '')
)
SELECT
    t.source_system || ':' || t.invoice_id AS invoice_key,
    t.source_system,
    t.invoice_id,
    CASE WHEN t.subscription_id IS NOT NULL THEN t.source_system || ':' || t.subscription_id END AS subscription_key,
    r.customer_id,
    t.record_key,
    t.invoice_state AS state,
    t.status AS source_state,
    t.invoice_state NOT IN ('draft', 'void') AS is_billed,
    t.created_at AS billed_at,
    t.invoice_day,
    t.known_at,
    t.due_at,
    t.period_start,
    t.period_end,
    t.invoice_state IN ('open', 'uncollectible') AND t.owed > 0 AND t.due_at < day_start($as_of)
        AS is_overdue,
    t.currency_code AS currency,
    CAST(t.total AS DECIMAL(18, 2)) AS invoice_amount,
    CAST(CASE WHEN t.invoice_state IN ('open', 'uncollectible') THEN t.owed ELSE 0 END
        AS DECIMAL(18, 2)) AS due_amount,
    CAST(round(CASE WHEN t.invoice_state IN ('open', 'uncollectible') THEN t.owed ELSE 0 END * c.rate, 2)
        AS DECIMAL(18, 2)) AS due_reporting
FROM told AS t
LEFT JOIN customer_record AS r ON r.record_key = t.record_key
LEFT JOIN currency_rate AS c
    ON c.currency = t.currency_code AND t.invoice_day >= c.from_day AND t.invoice_day < c.to_day
WHERE t.invoice_day < $as_of
