-- Grain: one row per active customer of the id registry who may be profiled.
-- Meaning: a prospect never paid for anything; trialing while a trial runs and nothing was paid; then new, active, at risk,
--   lapsed by the last sign of life: an order, an own act, a running payment. churned when the last paid subscription ended
--   and no order was ever placed.
-- Caveats: the first day of a source is no return: somebody seen again only because a source began counts as away by what
--   the other sources say.
WITH ordered AS (
    SELECT
        customer_id,
        min(order_day) FILTER (WHERE is_counted) AS first_order_day,
        max(order_day) FILTER (WHERE is_counted) AS last_order_day,
        count(*) FILTER (WHERE is_counted) AS orders
    FROM order_fact
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),
subscribed AS (
    SELECT
        customer_id,
        min(valid_from) FILTER (WHERE mrr > 0) AS paying_since,
        max(CASE WHEN mrr > 0 AND valid_to IS NULL THEN 1 ELSE 0 END) AS is_paying,
        max(valid_to) FILTER (WHERE mrr > 0) AS paid_until,
        max(CASE WHEN is_trial AND valid_to IS NULL THEN 1 ELSE 0 END) AS is_trialing,
        min(valid_from) FILTER (WHERE is_trial AND valid_to IS NULL) AS trialing_since
    FROM subscription_fact
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),
own_day AS (
    SELECT customer_id, day, lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS previous_day
    FROM customer_day
    WHERE is_active AND day < $as_of
),
-- Days after a pause in which a source began less than active_days before: whoever is seen then need not have been away.
began_between AS (
    SELECT DISTINCT o.customer_id, o.day
    FROM own_day AS o
    JOIN source_start AS s ON s.first_day > o.previous_day AND s.first_day <= o.day
    WHERE date_diff('day', o.previous_day, o.day) > $active_days AND date_diff('day', s.first_day, o.day) <= $active_days
),
came AS (
    SELECT
        o.customer_id,
        max(o.day) AS last_own_day,
        max(o.day) FILTER (
            WHERE o.previous_day IS NULL OR (date_diff('day', o.previous_day, o.day) > $active_days AND b.day IS NULL)
        ) AS active_since
    FROM own_day AS o
    LEFT JOIN began_between AS b ON b.customer_id = o.customer_id AND b.day = o.day
    GROUP BY o.customer_id
),
told AS (
    SELECT
        g.customer_id,
        g.born_as_of,
        least(o.first_order_day, s.paying_since) AS since_day,
        greatest(o.last_order_day, c.last_own_day, s.paying_since) AS last_sign_on,
        c.active_since,
        coalesce(s.is_paying, 0) = 1 AS is_paying,
        coalesce(s.is_trialing, 0) = 1 AS is_trialing,
        s.trialing_since,
        s.paying_since,
        s.paid_until,
        coalesce(o.orders, 0) AS orders
    FROM customer_id_registry AS g
    LEFT JOIN ordered AS o ON o.customer_id = g.customer_id
    LEFT JOIN subscribed AS s ON s.customer_id = g.customer_id
    LEFT JOIN came AS c ON c.customer_id = g.customer_id
    WHERE g.status = 'active'
),
stage AS (
    SELECT
        *,
        CASE
            WHEN since_day IS NULL AND is_trialing THEN 'trialing'
            WHEN since_day IS NULL THEN 'prospect'
            WHEN orders = 0 AND NOT is_paying THEN 'churned'
            WHEN date_diff('day', since_day, $as_of) <= $new_days THEN 'new'
            WHEN is_paying OR date_diff('day', last_sign_on, $as_of) <= $active_days THEN 'active'
            WHEN date_diff('day', last_sign_on, $as_of) <= $at_risk_days THEN 'at_risk'
            ELSE 'lapsed'
        END AS lifecycle_stage
    FROM told
)
SELECT
    l.customer_id,
    l.lifecycle_stage,
    CAST(CASE l.lifecycle_stage
        WHEN 'prospect' THEN coalesce(CAST(c.first_seen_at AS DATE), l.born_as_of)
        WHEN 'trialing' THEN l.trialing_since
        WHEN 'churned' THEN l.paid_until
        WHEN 'new' THEN l.since_day
        WHEN 'active' THEN greatest(l.since_day + $new_days, l.active_since)
        WHEN 'at_risk' THEN l.last_sign_on + $active_days
        ELSE l.last_sign_on + $at_risk_days
    END AS DATE) AS lifecycle_since,
    l.since_day AS customer_since,
    l.last_sign_on,
    l.active_since,
    l.paying_since
FROM stage AS l
LEFT JOIN customer AS c ON c.customer_id = l.customer_id
