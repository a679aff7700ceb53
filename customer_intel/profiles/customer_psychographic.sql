-- Grain: one row per customer of whom orders, answers, tickets or use of features say something of the kind.
-- Meaning: interests, pains, price sensitivity and type of adopter, each with its evidence in words. Interests: categories
--   bought on two days or more, the most frequent first. Pains: reasons given with a bad score (stated), topics of two
--   tickets or more (observed): the part of the product, else a kind of ticket that says what it is about. Price sensitivity: the share of the own orders that had a discount against that of all orders of
--   the same months; high or low only where Wilson's 99 % interval leaves that out. Adopter type: how many of the customers who
--   were there when a product or feature first appeared, and come about as often (a fifth of all), took it before this one
--   (mid-ranks), over all such things; early or late only where the mean of as many uniform ranks would hardly lie as far
--   off (99 %).
-- Caveats: below evidence_min_orders orders or evidence_min_items things nothing is said. What a source had within four weeks of
--   its start may be older than it, and is left out; of the others the 200 that most took. Nothing is guessed from age,
--   gender or place. Who may not be profiled has no row.
WITH bought AS (
    SELECT customer_id, CAST(date_trunc('month', order_day) AS DATE) AS month_start, order_key, order_day,
        CASE WHEN discount_amount > 0 THEN 1 ELSE 0 END AS is_discounted
    FROM order_fact
    WHERE is_counted AND customer_id IS NOT NULL
),
offered AS (
    SELECT month_start, CAST(sum(is_discounted) AS DOUBLE) / count(*) AS share FROM bought GROUP BY month_start
),
discounts AS (
    SELECT b.customer_id, count(*) AS n, sum(b.is_discounted) AS k, round(sum(o.share), 6) AS expected
    FROM bought AS b
    JOIN offered AS o ON o.month_start = b.month_start
    GROUP BY b.customer_id
    HAVING count(*) >= $evidence_min_orders
),
priced AS (
    SELECT
        customer_id,
        n,
        k,
        expected,
        (CAST(k AS DOUBLE) / n + 3.317448300515711 / n) / (1 + 6.634896601021213 / n) AS middle,
        2.5758293035489004 * sqrt(CAST(k AS DOUBLE) / n * (1 - CAST(k AS DOUBLE) / n) / n + 1.6587241502553033 / (n * n))
            / (1 + 6.634896601021213 / n) AS half
    FROM discounts
    WHERE expected > 0
),
sensitive AS (
    SELECT
        customer_id,
        CASE
            WHEN middle - half > expected / n THEN 'high'
            WHEN middle + half < expected / n THEN 'low'
            ELSE 'unsure'
        END AS price_sensitivity,
        concat(k, ' of ', n, ' orders with a discount, where ', CAST(CAST(expected AS DECIMAL(18, 1)) AS VARCHAR),
            ' would be usual in those months') AS price_sensitivity_evidence
    FROM priced
),
-- ---- interests
category_days AS (
    SELECT customer_id, category, count(DISTINCT order_day) AS days, sum(line_reporting) AS spent
    FROM order_line_fact
    WHERE is_counted AND customer_id IS NOT NULL AND category IS NOT NULL
    GROUP BY customer_id, category
    HAVING count(DISTINCT order_day) >= 2
),
liked AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY days DESC, spent DESC NULLS LAST, category) AS place
    FROM category_days
),
order_days AS (
    SELECT customer_id, count(DISTINCT order_day) AS days FROM bought GROUP BY customer_id
),
interested AS (
    SELECT
        l.customer_id,
        concat_ws('|', max(CASE WHEN l.place = 1 THEN l.category END), max(CASE WHEN l.place = 2 THEN l.category END),
            max(CASE WHEN l.place = 3 THEN l.category END)) AS interests_observed,
        concat_ws('; ',
            max(CASE WHEN l.place = 1 THEN concat(l.category, ' on ', l.days, ' of ', d.days, ' days with an order') END),
            max(CASE WHEN l.place = 2 THEN concat(l.category, ' on ', l.days) END),
            max(CASE WHEN l.place = 3 THEN concat(l.category, ' on ', l.days) END)) AS interests_evidence
    FROM liked AS l
    JOIN order_days AS d ON d.customer_id = l.customer_id
    WHERE l.place <= 3
    GROUP BY l.customer_id
),
-- ---- pains
complaint AS (
    SELECT customer_id, topic AS pain, 0 AS is_stated, count(*) AS n
    FROM (
        SELECT customer_id, coalesce(product_area, CASE WHEN lower(type) NOT IN ('question', 'incident', 'problem', 'task',
            'request', 'other') THEN type END) AS topic
        FROM ticket_fact
        WHERE customer_id IS NOT NULL
    ) AS ticket
    WHERE topic IS NOT NULL
    GROUP BY customer_id, topic
    HAVING count(*) >= 2
    UNION ALL
    SELECT customer_id, reason_code, 1, count(*)
    FROM survey_answer_fact
    WHERE customer_id IS NOT NULL AND reason_code IS NOT NULL AND survey_type = 'nps' AND score <= 6
    GROUP BY customer_id, reason_code
),
told AS (
    SELECT customer_id, pain, max(is_stated) AS is_stated, sum(n) AS n,
        sum(CASE WHEN is_stated = 1 THEN n ELSE 0 END) AS answers, sum(CASE WHEN is_stated = 0 THEN n ELSE 0 END) AS tickets
    FROM complaint
    GROUP BY customer_id, pain
),
hurting AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY is_stated DESC, n DESC, pain) AS place FROM told
),
pained AS (
    SELECT
        customer_id,
        concat_ws('|', max(CASE WHEN place = 1 THEN pain END), max(CASE WHEN place = 2 THEN pain END),
            max(CASE WHEN place = 3 THEN pain END)) AS pains,
        CASE WHEN max(is_stated) = 1 THEN 'stated' ELSE 'observed' END AS pains_basis,
        concat_ws('; ', max(CASE WHEN place = 1 THEN concat(pain, ': ', answers, ' answers, ', tickets, ' tickets') END),
            max(CASE WHEN place = 2 THEN concat(pain, ': ', answers, ' answers, ', tickets, ' tickets') END),
            max(CASE WHEN place = 3 THEN concat(pain, ': ', answers, ' answers, ', tickets, ' tickets') END)) AS pains_evidence
    FROM hurting
    WHERE place <= 3
    GROUP BY customer_id
),
-- ---- adopters
feature_act AS (
    SELECT DISTINCT a.act, d.name
    FROM (SELECT DISTINCT act FROM act_daily) AS a
    JOIN behaviour_definition AS d
        ON d.kind = 'feature'
        AND (position('|' || a.act || '|' IN d.acts) > 0 OR position('|' || split_part(a.act, ':', 1) || '|' IN d.acts) > 0)
),
first_use AS (
    SELECT a.customer_id, 'feature:' || f.name AS item, min(a.day) AS day
    FROM act_daily AS a
    JOIN feature_act AS f ON f.act = a.act
    GROUP BY a.customer_id, f.name
    UNION ALL
    SELECT customer_id, 'product:' || product_key, min(order_day)
    FROM order_line_fact
    WHERE is_counted AND customer_id IS NOT NULL AND product_key IS NOT NULL
    GROUP BY customer_id, product_key
),
began AS (
    SELECT min(CASE WHEN entity = 'orders' THEN first_day END) AS orders_began,
        min(CASE WHEN entity = 'events' THEN first_day END) AS events_began
    FROM source_start
),
appeared AS (
    SELECT item, first_day, n
    FROM (
        SELECT
            u.item,
            u.first_day,
            u.n,
            row_number() OVER (ORDER BY u.n DESC, u.item) AS place
        FROM (SELECT item, min(day) AS first_day, count(*) AS n FROM first_use GROUP BY item) AS u
        CROSS JOIN began AS b
        WHERE u.first_day >= CASE WHEN starts_with(u.item, 'product:') THEN b.orders_began ELSE b.events_began END + 28
            AND u.n >= 30
    ) AS ranked
    WHERE place <= 200
),
-- Who comes often meets what is new sooner: each is compared with those who come about as often.
came AS (
    SELECT customer_id, sum(CASE WHEN is_active THEN 1 ELSE 0 END) AS days FROM customer_day GROUP BY customer_id
),
there AS (
    SELECT
        customer_id,
        start_day,
        CASE WHEN n_all >= 300 THEN least(floor(5 * standing), 4) ELSE 0 END AS stratum
    FROM (
        SELECT
            e.customer_id,
            CAST(e.first_active_at AS DATE) AS start_day,
            percent_rank() OVER (
                ORDER BY coalesce(c.days, 0) / (1.0 + date_diff('day', CAST(e.first_active_at AS DATE), $as_of))
            ) AS standing,
            count(*) OVER () AS n_all
        FROM customer_engagement AS e
        LEFT JOIN came AS c ON c.customer_id = e.customer_id
        WHERE e.first_active_at IS NOT NULL
    ) AS placed_by_days
),
start_count AS (
    SELECT start_day, stratum, count(*) AS customers FROM there GROUP BY start_day, stratum
),
eligible AS (
    SELECT a.item, a.first_day, s.stratum, sum(s.customers) AS n
    FROM appeared AS a
    JOIN start_count AS s ON s.start_day < a.first_day
    GROUP BY a.item, a.first_day, s.stratum
    HAVING sum(s.customers) >= 30
),
adopted AS (
    SELECT u.customer_id, u.item, t.stratum, u.day, e.n AS n_eligible
    FROM first_use AS u
    JOIN there AS t ON t.customer_id = u.customer_id
    JOIN eligible AS e ON e.item = u.item AND e.stratum = t.stratum AND t.start_day < e.first_day
),
ranked AS (
    SELECT
        customer_id,
        item,
        stratum,
        (rank() OVER (PARTITION BY item, stratum ORDER BY day)
            + (count(*) OVER (PARTITION BY item, stratum, day) - 1) / 2.0 - 0.5) / n_eligible AS early,
        count(*) OVER (PARTITION BY item, stratum) AS n_adopted,
        n_eligible
    FROM adopted
),
-- Where those stand who never took it: in the middle of what is left.
never AS (
    SELECT e.item, e.stratum, e.first_day, (coalesce(max(r.n_adopted), 0) + e.n) / 2.0 / e.n AS late
    FROM eligible AS e
    LEFT JOIN ranked AS r ON r.item = e.item AND r.stratum = e.stratum
    GROUP BY e.item, e.stratum, e.first_day, e.n
),
by_start AS (
    SELECT s.start_day, s.stratum, count(*) AS items, CAST(sum(CAST(n.late AS DECIMAL(18, 9))) AS DOUBLE) AS late
    FROM start_count AS s
    JOIN never AS n ON n.first_day > s.start_day AND n.stratum = s.stratum
    GROUP BY s.start_day, s.stratum
),
taken AS (
    SELECT r.customer_id, count(*) AS taken, CAST(sum(CAST(r.early - n.late AS DECIMAL(18, 9))) AS DOUBLE) AS moved
    FROM ranked AS r
    JOIN never AS n ON n.item = r.item AND n.stratum = r.stratum
    GROUP BY r.customer_id
),
placed AS (
    SELECT t.customer_id, s.items, coalesce(k.taken, 0) AS taken, round((s.late + coalesce(k.moved, 0)) / s.items, 6) AS mean
    FROM there AS t
    JOIN by_start AS s ON s.start_day = t.start_day AND s.stratum = t.stratum
    LEFT JOIN taken AS k ON k.customer_id = t.customer_id
    WHERE s.items >= $evidence_min_items
),
adopter AS (
    SELECT
        customer_id,
        CASE
            WHEN mean < 0.5 - 2.5758293035489004 / sqrt(12.0 * items) THEN 'early'
            WHEN mean > 0.5 + 2.5758293035489004 / sqrt(12.0 * items) THEN 'late'
            ELSE 'unsure'
        END AS adopter_type,
        concat('took ', taken, ' of ', items, ' new products and features, on average after ',
            CAST(CAST(100 * mean AS DECIMAL(18, 0)) AS VARCHAR), ' of 100 customers who were there and come about as often') AS adopter_type_evidence
    FROM placed
),
known AS (
    SELECT customer_id FROM sensitive
    UNION
    SELECT customer_id FROM interested
    UNION
    SELECT customer_id FROM pained
    UNION
    SELECT customer_id FROM adopter
)
SELECT
    k.customer_id,
    i.interests_observed,
    i.interests_evidence,
    p.pains,
    p.pains_basis,
    p.pains_evidence,
    s.price_sensitivity,
    CASE WHEN s.price_sensitivity IS NOT NULL THEN 'inferred' END AS price_sensitivity_basis,
    s.price_sensitivity_evidence,
    a.adopter_type,
    CASE WHEN a.adopter_type IS NOT NULL THEN 'inferred' END AS adopter_type_basis,
    a.adopter_type_evidence
FROM known AS k
LEFT JOIN interested AS i ON i.customer_id = k.customer_id
LEFT JOIN pained AS p ON p.customer_id = k.customer_id
LEFT JOIN sensitive AS s ON s.customer_id = k.customer_id
LEFT JOIN adopter AS a ON a.customer_id = k.customer_id
