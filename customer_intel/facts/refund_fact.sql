-- Grain: one row per time that money was given back: each rise of an order's refunded amount, and each credit note.
-- Meaning: happened_at is the source's date of the refund where it has one, else the order's last change before the
--   export that first shows it; known_at is that export, or the refund's own date where the source's first export brought
--   it dated. A credit note returns the order that it names, else the customer's newest earlier one of the same amount,
--   else stands alone. is_counted: it takes from revenue; a refund of an order that never counted does not, nor does a
--   credit note of an order whose own refunded amount says it already.
-- Caveats: an amount that a source corrects downwards is a negative refund. Reporting amounts of a refund take the rate of
--   its order's day, so that an order given back whole nets to nothing.
WITH said AS (
    SELECT
        *,
        coalesce(lag(refunded_so_far) OVER (PARTITION BY order_key ORDER BY version_no), 0) AS refunded_before
    FROM order_version
    WHERE state NOT IN ('credit_note', 'deleted')
),
refund AS (
    SELECT
        order_key || ':r' || CAST(version_no AS VARCHAR) AS refund_key,
        'refund' AS refund_kind,
        order_key,
        source_system,
        record_key,
        refunded_so_far - refunded_before AS amount,
        refunded_at IS NOT NULL AS is_dated,
        CASE
            WHEN refunded_at IS NOT NULL THEN refunded_at
            WHEN exported_before IS NULL
                THEN least(greatest(coalesce(updated_at, cancelled_at, delivered_at, ordered_at), ordered_at),
                           before_export(exported_at))
            WHEN updated_at > exported_before
                THEN least(updated_at, before_export(exported_at))
            ELSE before_export(exported_at)
        END AS happened_at,
        CASE WHEN refunded_at IS NOT NULL AND known_from < exported_at THEN refunded_at ELSE exported_at END AS known_at
    FROM said
    WHERE refunded_so_far <> refunded_before
),
note AS (
    SELECT v.*, r.customer_id, CAST(abs(v.gross_amount) AS DECIMAL(18, 2)) AS amount
    FROM order_version AS v
    LEFT JOIN customer_record AS r ON r.record_key = v.record_key
    WHERE v.state = 'credit_note' AND v.known_to IS NULL
),
returned_line AS (
    SELECT DISTINCT n.order_key AS note_key, l.source_system || ':' || o.order_id AS order_key
    FROM note AS n
    JOIN order_lines AS l ON l.source_system = n.source_system AND l.order_id = n.order_id
    JOIN order_lines AS o
        ON o.source_system = l.source_system
        AND o.order_id <> l.order_id
        AND (o.product_id = l.product_id OR (l.product_id IS NULL AND o.sku = l.sku))
),
ordered AS (
    SELECT v.order_key, v.source_system, v.order_id, v.ordered_at, v.gross_amount, v.currency, v.refunded_so_far, v.state,
        r.customer_id
    FROM order_version AS v
    LEFT JOIN customer_record AS r ON r.record_key = v.record_key
    WHERE v.state NOT IN ('credit_note', 'deleted') AND v.known_to IS NULL
),
ranked_order AS (
    SELECT
        o.*,
        row_number() OVER (
            PARTITION BY o.customer_id, o.source_system, o.currency, o.gross_amount ORDER BY o.ordered_at DESC, o.order_key
        ) AS nth
    FROM ordered AS o
    JOIN (
        SELECT customer_id, max(ordered_at) AS last_note_at FROM note WHERE customer_id IS NOT NULL GROUP BY customer_id
    ) AS l ON l.customer_id = o.customer_id AND o.ordered_at <= l.last_note_at
    WHERE o.state IN ('paid', 'fulfilled', 'partly_returned', 'returned')
),
candidate AS (
    SELECT n.order_key AS note_key, o.order_key, 1 AS way, o.ordered_at
    FROM note AS n
    JOIN ordered AS o ON o.source_system = n.source_system AND o.order_id = n.returns_order_id
    UNION ALL
    SELECT n.order_key, o.order_key, CASE WHEN p.order_key IS NOT NULL THEN 2 ELSE 3 END, o.ordered_at
    FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY customer_id, source_system, currency, amount, returns_order_id IS NULL
                ORDER BY ordered_at DESC, order_key
            ) AS nth
        FROM note
    ) AS n
    JOIN ranked_order AS o
        ON o.customer_id = n.customer_id
        AND o.source_system = n.source_system
        AND o.currency = n.currency
        AND o.gross_amount >= n.amount
        AND o.ordered_at <= n.ordered_at
    LEFT JOIN returned_line AS p ON p.note_key = n.order_key AND p.order_key = o.order_key
    -- Of several notes alike each takes another order.
    WHERE n.returns_order_id IS NULL AND (p.order_key IS NOT NULL OR (o.gross_amount = n.amount AND o.nth = n.nth))
),
linked AS (
    SELECT note_key, order_key
    FROM candidate
    QUALIFY row_number() OVER (PARTITION BY note_key ORDER BY way, ordered_at DESC, order_key) = 1
),
credit AS (
    SELECT
        n.order_key AS refund_key,
        'credit_note' AS refund_kind,
        l.order_key,
        n.source_system,
        n.record_key,
        n.amount,
        TRUE AS is_dated,
        n.ordered_at AS happened_at,
        n.known_from AS known_at,
        n.currency,
        coalesce(o.refunded_so_far, 0) >= n.amount AS is_said_twice,
        n.may_count
    FROM note AS n
    LEFT JOIN linked AS l ON l.note_key = n.order_key
    LEFT JOIN ordered AS o ON o.order_key = l.order_key
),
given_back AS (
    SELECT
        r.refund_key, r.refund_kind, r.order_key, r.source_system, r.record_key, r.amount, r.is_dated, r.happened_at,
        r.known_at, o.currency, FALSE AS is_said_twice, TRUE AS may_count
    FROM refund AS r
    JOIN ordered AS o ON o.order_key = r.order_key
    UNION ALL
    SELECT
        refund_key, refund_kind, order_key, source_system, record_key, amount, is_dated, happened_at, known_at, currency,
        is_said_twice, may_count
    FROM credit
)
SELECT
    g.refund_key,
    g.refund_kind,
    g.order_key,
    g.source_system,
    r.customer_id,
    g.record_key,
    g.happened_at,
    local_day(g.happened_at) AS refund_day,
    g.known_at,
    g.is_dated,
    g.may_count AND NOT g.is_said_twice AND (
        g.order_key IS NULL
        OR position('|' || o.state || '|' IN $counted_order_states) > 0
        OR o.state IN ('partly_returned', 'returned')
    ) AND NOT (o.cancelled_at IS NOT NULL AND o.cancelled_at < day_start($as_of)) AS is_counted,
    g.currency,
    CAST(g.amount AS DECIMAL(18, 2)) AS refund_amount,
    CAST(round(g.amount * c.rate, 2) AS DECIMAL(18, 2)) AS refund_reporting
FROM given_back AS g
LEFT JOIN (
    SELECT order_key, state, order_day, cancelled_at FROM order_version WHERE known_to IS NULL
) AS o ON o.order_key = g.order_key
LEFT JOIN customer_record AS r ON r.record_key = g.record_key
LEFT JOIN currency_rate AS c
    ON c.currency = g.currency
    AND coalesce(o.order_day, local_day(g.happened_at)) >= c.from_day
    AND coalesce(o.order_day, local_day(g.happened_at)) < c.to_day
WHERE local_day(g.happened_at) < $as_of
