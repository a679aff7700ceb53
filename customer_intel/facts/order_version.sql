-- Grain: one row per order and stretch of time in which the company knew the same of it.
-- Meaning: known_from is when it was ordered where the source's first export brought it (the past comes along), else the
--   export that first said so; known_to is the next change's, empty while it stands. state is what the source's word
--   (state_word), its dates and amounts say; cancelled_at ends it only from its own moment on. A row with a negative
--   total or the word of a credit note is a return of an order (refund_fact), never one.
-- Caveats: an undated change is known from the export that first shows it. What was known at T: known_from <= T and
--   (known_to is null or known_to > T).
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_orders GROUP BY source_system
),
exported AS (
    SELECT
        *,
        max(updated_at) OVER (
            PARTITION BY source_system, order_id ORDER BY exported_at, source_file, source_row
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS newest_update
    FROM raw_orders
),
-- The row that stands after each export: an older change that comes late changes nothing.
standing AS (
    SELECT *
    FROM exported
    WHERE coalesce(_deleted, FALSE) OR newest_update IS NULL OR updated_at = newest_update
    QUALIFY row_number() OVER (
        PARTITION BY source_system, order_id, exported_at ORDER BY source_file DESC, source_row DESC
    ) = 1
),
read_state AS (
    SELECT
        o.*,
        w.state AS word_state,
        w.basis AS word_basis,
        abs(coalesce(o.refunded, 0)) AS refunded_total
    FROM standing AS o
    LEFT JOIN state_word AS w
        ON w.source_system = o.source_system AND w.entity = 'orders' AND w.word = coalesce(o.status, '')
),
judged AS (
    SELECT
        *,
        CASE
            WHEN coalesce(_deleted, FALSE) THEN 'deleted'
            WHEN total < 0 OR word_state = 'credit_note' THEN 'credit_note'
            WHEN word_state = 'returned' AND refunded_total > 0 AND refunded_total < total THEN 'partly_returned'
            WHEN word_state IN ('paid', 'fulfilled', 'partly_returned') AND refunded_total >= total AND total > 0
                THEN 'returned'
            WHEN word_state IN ('paid', 'fulfilled') AND refunded_total > 0 THEN 'partly_returned'
            WHEN word_basis = 'absent' AND (shipped_at IS NOT NULL OR delivered_at IS NOT NULL) THEN 'fulfilled'
            ELSE coalesce(word_state, 'unknown')
        END AS state,
        CASE WHEN word_state = 'returned' AND refunded_total = 0 THEN greatest(total, 0) ELSE refunded_total END
            AS refunded_so_far
    FROM read_state
),
compared AS (
    SELECT
        *,
        concat_ws(
            '|', state, CAST(total AS VARCHAR), CAST(refunded_so_far AS VARCHAR), coalesce(CAST(cancelled_at AS VARCHAR), '-'),
            coalesce(status, '-'), CAST(ordered_at AS VARCHAR), currency, coalesce(record_key, '-')
        ) AS said
    FROM judged
),
changed AS (
    SELECT *
    FROM (
        SELECT *, lag(exported_at) OVER w AS exported_before, lag(said) OVER w AS said_before
        FROM compared
        WINDOW w AS (PARTITION BY source_system, order_id ORDER BY exported_at)
    )
    WHERE said_before IS NULL OR said <> said_before
),
placed AS (
    SELECT
        c.*,
        CASE
            WHEN c.exported_before IS NULL AND c.exported_at = f.first_exported_at THEN least(c.ordered_at, c.exported_at)
            ELSE c.exported_at
        END AS known_from
    FROM changed AS c
    JOIN first_export AS f ON f.source_system = c.source_system
)
SELECT
    c.source_system || ':' || c.order_id AS order_key,
    c.source_system,
    c.order_id,
    CAST(row_number() OVER (PARTITION BY c.source_system, c.order_id ORDER BY c.exported_at) AS BIGINT) AS version_no,
    c.known_from,
    min(c.known_from) OVER (PARTITION BY c.source_system, c.order_id) AS first_known_at,
    lead(c.exported_at) OVER (PARTITION BY c.source_system, c.order_id ORDER BY c.exported_at) AS known_to,
    c.exported_at,
    c.exported_before,
    c.record_key,
    c.state,
    c.status AS source_state,
    CASE
        -- A credit note that is only drawn up, or tried, has given nothing back.
        WHEN c.state = 'credit_note' THEN c.word_state NOT IN ('draft', 'placed', 'failed', 'test', 'unknown')
        ELSE position('|' || c.state || '|' IN $counted_order_states) > 0 OR c.state IN ('cancelled', 'returned')
    END AS may_count,
    c.state = 'credit_note' AS is_return,
    c.state <> 'cancelled' AND c.cancelled_at IS NULL AS stays_sale,
    -- From here on it is known not to count: the source's date of it, else the export that shows it.
    CASE
        WHEN c.cancelled_at IS NOT NULL THEN c.cancelled_at
        WHEN c.state IN ('cancelled', 'returned') THEN coalesce(c.refunded_at, c.exported_at)
    END AS counts_until,
    c.ordered_at,
    local_day(c.ordered_at) AS order_day,
    c.cancelled_at,
    c.refunded_at,
    c.updated_at,
    c.delivered_at,
    upper(trim(c.currency)) AS currency,
    c.total AS gross_amount,
    CAST(c.refunded_so_far AS DECIMAL(18, 2)) AS refunded_so_far,
    c.returns_order_id
FROM placed AS c
