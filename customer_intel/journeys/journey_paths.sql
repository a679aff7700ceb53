-- Grain: one row per path variant, the most frequent ones.
-- Meaning: the touchpoints of a journey before its first conversion, repeats in a row told once, at most max_steps of
--   them: journeys that converted and journeys that did not share a variant, and conversion_rate says how many of
--   them did. '(start)' are journeys that began with the conversion; their rate is empty, it could be nothing but 1.
--   conversion_value is what first conversions brought; conversions in a row (the shop's order behind the page's
--   purchase) are one. coverage is the share of journeys that this and all more frequent variants explain.
-- Caveats: only journeys that began at least journey_gap_days before as_of, so that all had time to convert.
--   conversion_value is in the reporting currency; what has no rate brings nothing.
WITH conversion AS (
    SELECT
        *,
        min(step_no) OVER (PARTITION BY customer_id, journey_no) AS converted_at,
        step_no - row_number() OVER (PARTITION BY customer_id, journey_no ORDER BY step_no) + 1 AS run
    FROM journey_step
    WHERE is_conversion
),
valued AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id, journey_no ORDER BY step_no) AS nth
    FROM conversion
    WHERE run = converted_at AND revenue IS NOT NULL
),
first_conversion AS (
    SELECT c.customer_id, c.journey_no, c.converted_at, v.revenue AS value
    FROM conversion AS c
    LEFT JOIN valued AS v ON v.customer_id = c.customer_id AND v.journey_no = c.journey_no AND v.nth = 1
    WHERE c.step_no = c.converted_at
),
begun AS (
    SELECT
        s.customer_id,
        s.journey_no,
        s.step_no,
        CASE WHEN c.converted_at IS NULL OR s.step_no < c.converted_at THEN s.touchpoint_id END AS touchpoint_id,
        c.value,
        CASE WHEN c.converted_at IS NOT NULL THEN 1 ELSE 0 END AS converted,
        min(s.ts) OVER (PARTITION BY s.customer_id, s.journey_no) AS began_at
    FROM journey_step AS s
    LEFT JOIN first_conversion AS c ON c.customer_id = s.customer_id AND c.journey_no = s.journey_no
),
told AS (
    SELECT
        *,
        lag(touchpoint_id) OVER (PARTITION BY customer_id, journey_no ORDER BY step_no) AS touchpoint_before
    FROM begun
),
mature AS (
    SELECT
        *,
        sum(CASE WHEN touchpoint_id IS NULL OR touchpoint_before = touchpoint_id THEN 0 ELSE 1 END)
            OVER (PARTITION BY customer_id, journey_no ORDER BY step_no) AS k
    FROM told
    WHERE began_at + INTERVAL $journey_gap_days DAY <= CAST($as_of AS TIMESTAMP)
),
journey AS (
    SELECT
        customer_id,
        journey_no,
        max(converted) AS converted,
        max(value) AS value,
        max(k) AS n_steps,
        max(CASE WHEN k = 1 AND 1 <= $max_steps THEN touchpoint_id END) AS step_1,
        max(CASE WHEN k = 2 AND 2 <= $max_steps THEN touchpoint_id END) AS step_2,
        max(CASE WHEN k = 3 AND 3 <= $max_steps THEN touchpoint_id END) AS step_3,
        max(CASE WHEN k = 4 AND 4 <= $max_steps THEN touchpoint_id END) AS step_4,
        max(CASE WHEN k = 5 AND 5 <= $max_steps THEN touchpoint_id END) AS step_5,
        max(CASE WHEN k = 6 AND 6 <= $max_steps THEN touchpoint_id END) AS step_6,
        max(CASE WHEN k = 7 AND 7 <= $max_steps THEN touchpoint_id END) AS step_7,
        max(CASE WHEN k = 8 AND 8 <= $max_steps THEN touchpoint_id END) AS step_8,
        max(CASE WHEN k = 9 AND 9 <= $max_steps THEN touchpoint_id END) AS step_9,
        max(CASE WHEN k = 10 AND 10 <= $max_steps THEN touchpoint_id END) AS step_10
    FROM mature
    GROUP BY customer_id, journey_no
),
variant AS (
    SELECT
        concat_ws(
            ' > ', CASE WHEN n_steps = 0 THEN '(start)' END,
            step_1, step_2, step_3, step_4, step_5, step_6, step_7, step_8, step_9, step_10,
            CASE WHEN n_steps > $max_steps THEN '…' END
        ) AS path,
        least(n_steps, $max_steps) AS n_steps,
        customer_id,
        converted,
        value
    FROM journey
),
counted AS (
    SELECT
        path,
        max(n_steps) AS n_steps,
        count(*) AS n,
        count(DISTINCT customer_id) AS customers,
        sum(converted) AS n_converted,
        coalesce(sum(value), 0) AS conversion_value
    FROM variant
    GROUP BY path
),
ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY n DESC, path) AS path_rank,
        CAST(n AS DOUBLE) / nullif(sum(n) OVER (), 0) AS share,
        CAST(sum(n) OVER (ORDER BY n DESC, path ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DOUBLE)
            / nullif(sum(n) OVER (), 0) AS coverage,
        CASE WHEN n_steps > 0 THEN CAST(n_converted AS DOUBLE) / nullif(n, 0) END AS conversion_rate,
        1.959963984540054 AS z
    FROM counted
)
SELECT
    CAST(path_rank AS BIGINT) AS path_rank,
    path,
    CAST(n_steps AS BIGINT) AS n_steps,
    CAST(n AS BIGINT) AS n,
    CAST(customers AS BIGINT) AS customers,
    round(share, 9) AS share,
    round(coverage, 9) AS coverage,
    CAST(n_converted AS BIGINT) AS n_converted,
    round(conversion_rate, 9) AS conversion_rate,
    CASE WHEN conversion_rate IS NOT NULL THEN
        round(greatest(0.0, (conversion_rate + z * z / (2 * n)
            - z * sqrt(conversion_rate * (1 - conversion_rate) / n + z * z / (4.0 * n * n))) / (1 + z * z / n)), 9)
    END AS conversion_low,
    CASE WHEN conversion_rate IS NOT NULL THEN
        round(least(1.0, (conversion_rate + z * z / (2 * n)
            + z * sqrt(conversion_rate * (1 - conversion_rate) / n + z * z / (4.0 * n * n))) / (1 + z * z / n)), 9)
    END AS conversion_high,
    CAST(conversion_value AS DECIMAL(18, 2)) AS conversion_value
FROM ranked
WHERE path_rank <= $max_paths
