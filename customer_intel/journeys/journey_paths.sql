-- Grain: one row per path variant, the most frequent ones.
-- Meaning: the touchpoints of a journey before its first conversion, repeats in a row told once, at most max_steps of
--   them (journey has each): journeys that converted and journeys that did not share a variant, and conversion_rate says how many of
--   them did. '(start)' are journeys that began with the conversion; their rate is empty, it could be nothing but 1.
--   conversion_value is what first conversions brought; conversions in a row (the shop's order behind the page's
--   purchase) are one. coverage is the share of journeys that this and all more frequent variants explain.
-- Caveats: only journeys that began at least journey_gap_days before as_of, so that all had time to convert.
--   conversion_value is in the reporting currency; what has no rate brings nothing.
WITH variant AS (
    SELECT
        path,
        least(n_path_steps, $max_steps) AS n_steps,
        customer_id,
        CASE WHEN converted_at IS NOT NULL THEN 1 ELSE 0 END AS converted,
        conversion_value AS value
    FROM journey
    WHERE started_at + INTERVAL $journey_gap_days DAY <= CAST($as_of AS TIMESTAMP)
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
