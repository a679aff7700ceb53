-- Grain: one row per journey of a known customer.
-- Meaning: n_steps and ended_at are of all its steps so far. path is what came before the first conversion, or all where
--   there is none: repeats in a row told once, at most ten of them, '…' for more; '(start)' when it began with the
--   conversion. n_path_steps counts them all. n_conversions counts what starts_conversion does, conversion_value is what
--   the first of them brought, whichever of its tellings (the page's purchase, the shop's order) has an amount.
-- Caveats: until journey_gap_days after ended_at it may go on. conversion_value is in the reporting currency, empty where
--   nothing converted or nothing has a rate. A customer's rows depend on that customer's steps alone.
WITH begun AS (
    SELECT
        customer_id,
        ts AS started_at,
        touchpoint_id AS first_touchpoint_id,
        row_number() OVER w AS journey_no,
        coalesce(lead(ts) OVER w, TIMESTAMP '9999-12-31') AS before_at
    FROM journey_step
    WHERE is_start
    WINDOW w AS (PARTITION BY customer_id ORDER BY ts)
),
lived AS (
    SELECT b.customer_id, b.journey_no, count(*) AS n_steps, max(s.ts) AS ended_at
    FROM journey_step AS s
    JOIN begun AS b ON b.customer_id = s.customer_id AND s.ts >= b.started_at AND s.ts < b.before_at
    GROUP BY b.customer_id, b.journey_no
),
ended AS (
    SELECT l.customer_id, l.journey_no, s.touchpoint_id AS last_touchpoint_id, s.is_arrival
    FROM journey_step AS s
    JOIN lived AS l ON l.customer_id = s.customer_id AND l.ended_at = s.ts
    QUALIFY row_number() OVER (PARTITION BY l.customer_id, l.journey_no ORDER BY s.activity_id DESC) = 1
),
-- run: tellings of one conversion; the first run is the first conversion.
conversion AS (
    SELECT
        b.customer_id,
        b.journey_no,
        s.ts,
        s.activity_id,
        s.revenue,
        s.repeats_activity_id,
        row_number() OVER w AS nth,
        sum(CASE WHEN s.starts_conversion THEN 1 ELSE 0 END) OVER w AS run
    FROM journey_step AS s
    JOIN begun AS b ON b.customer_id = s.customer_id AND s.ts >= b.started_at AND s.ts < b.before_at
    WHERE s.is_conversion
    WINDOW w AS (PARTITION BY b.customer_id, b.journey_no ORDER BY s.ts, s.activity_id)
),
brought AS (
    SELECT customer_id, journey_no, max(run) AS n_conversions FROM conversion GROUP BY customer_id, journey_no
),
-- The record of the first conversion, however late it comes; else what was told before the next conversion.
worth AS (
    SELECT c.customer_id, c.journey_no, c.revenue
    FROM conversion AS c
    JOIN conversion AS f ON f.customer_id = c.customer_id AND f.journey_no = c.journey_no AND f.nth = 1
    WHERE c.revenue IS NOT NULL
        AND (c.repeats_activity_id = f.activity_id OR (c.repeats_activity_id IS NULL AND c.run = 1))
    QUALIFY row_number() OVER (
        PARTITION BY c.customer_id, c.journey_no
        ORDER BY CASE WHEN c.repeats_activity_id = f.activity_id THEN 1 ELSE 0 END, c.ts, c.activity_id
    ) = 1
),
told AS (
    SELECT
        b.customer_id,
        b.journey_no,
        b.started_at,
        b.before_at,
        b.first_touchpoint_id,
        c.ts AS converted_at,
        c.activity_id AS conversion_id,
        v.revenue AS conversion_value
    FROM begun AS b
    LEFT JOIN conversion AS c ON c.customer_id = b.customer_id AND c.journey_no = b.journey_no AND c.nth = 1
    LEFT JOIN worth AS v ON v.customer_id = b.customer_id AND v.journey_no = b.journey_no
),
passed AS (
    SELECT
        t.customer_id,
        t.journey_no,
        s.touchpoint_id,
        row_number() OVER (PARTITION BY t.customer_id, t.journey_no ORDER BY s.ts, s.activity_id) AS k
    FROM journey_step AS s
    JOIN told AS t ON t.customer_id = s.customer_id AND s.ts >= t.started_at AND s.ts < t.before_at
    WHERE (s.is_start OR s.touchpoint_id <> s.previous_touchpoint_id)
        AND (
            t.converted_at IS NULL OR s.ts < t.converted_at
            OR (s.ts = t.converted_at AND s.activity_id < t.conversion_id)
        )
),
way AS (
    SELECT
        customer_id,
        journey_no,
        max(k) AS n_path_steps,
        max(CASE WHEN k = 1 THEN touchpoint_id END) AS step_1,
        max(CASE WHEN k = 2 THEN touchpoint_id END) AS step_2,
        max(CASE WHEN k = 3 THEN touchpoint_id END) AS step_3,
        max(CASE WHEN k = 4 THEN touchpoint_id END) AS step_4,
        max(CASE WHEN k = 5 THEN touchpoint_id END) AS step_5,
        max(CASE WHEN k = 6 THEN touchpoint_id END) AS step_6,
        max(CASE WHEN k = 7 THEN touchpoint_id END) AS step_7,
        max(CASE WHEN k = 8 THEN touchpoint_id END) AS step_8,
        max(CASE WHEN k = 9 THEN touchpoint_id END) AS step_9,
        max(CASE WHEN k = 10 THEN touchpoint_id END) AS step_10
    FROM passed
    GROUP BY customer_id, journey_no
)
SELECT
    t.customer_id,
    CAST(t.journey_no AS BIGINT) AS journey_no,
    t.started_at,
    l.ended_at,
    CAST(l.n_steps AS BIGINT) AS n_steps,
    t.first_touchpoint_id,
    e.last_touchpoint_id,
    e.is_arrival AS has_arrived,
    CAST(coalesce(b.n_conversions, 0) AS BIGINT) AS n_conversions,
    CAST(coalesce(sum(coalesce(b.n_conversions, 0)) OVER (
        PARTITION BY t.customer_id ORDER BY t.journey_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS BIGINT) AS n_before,
    t.converted_at,
    CAST(t.conversion_value AS DECIMAL(18, 2)) AS conversion_value,
    CAST(coalesce(w.n_path_steps, 0) AS BIGINT) AS n_path_steps,
    concat_ws(
        ' > ', CASE WHEN w.n_path_steps IS NULL THEN '(start)' END,
        w.step_1, w.step_2, w.step_3, w.step_4, w.step_5, w.step_6, w.step_7, w.step_8, w.step_9, w.step_10,
        CASE WHEN w.n_path_steps > 10 THEN '…' END
    ) AS path
FROM told AS t
JOIN lived AS l ON l.customer_id = t.customer_id AND l.journey_no = t.journey_no
JOIN ended AS e ON e.customer_id = t.customer_id AND e.journey_no = t.journey_no
LEFT JOIN brought AS b ON b.customer_id = t.customer_id AND b.journey_no = t.journey_no
LEFT JOIN way AS w ON w.customer_id = t.customer_id AND w.journey_no = t.journey_no
