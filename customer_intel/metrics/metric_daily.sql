-- Grain: one row per metric, day, dimension and member, each day from the metric's first on (given metrics: their own days).
-- Meaning: the value of the window that ends with the day. Sums, means and shares are differences of running totals,
--   distinct counts the running total of who entered and who left the window. Interval: a mean's by Student's t (quantile
--   by Abramowitz and Stegun 26.7.5), a share's by Wilson. complete: each source of the metric's kinds of records began
--   before the window did, and was exported after its last day.
-- Caveats: a sum with one amount that nobody knows is empty, and so are the windows that hold it.
WITH known AS (
    SELECT DISTINCT entry, metric_kind FROM metric
),
ranked AS (
    SELECT entry, dimension, member, row_number() OVER (PARTITION BY entry, dimension ORDER BY sum(n) DESC, member) AS place
    FROM metric_row
    WHERE day < $as_of
    GROUP BY entry, dimension, member
),
-- What lies before the calendar (a forged date, somebody known before any fact) counts from its first day on.
calendar AS (
    SELECT min(day) AS first_day FROM date
),
placed AS (
    SELECT
        r.entry,
        k.metric_kind,
        greatest(r.day, c.first_day) AS day,
        r.dimension,
        CASE WHEN k.metric_kind = 'distinct' OR p.place <= $members_max THEN r.member ELSE 'other' END AS member,
        CASE WHEN r.gap_days >= 0 THEN greatest(r.day - CAST(r.gap_days AS INTEGER), c.first_day) END AS before_day,
        r.n,
        r.n_unknown,
        CAST(r.total AS DECIMAL(38, 6)) AS total,
        CAST(r.squares AS DECIMAL(38, 6)) AS squares
    FROM metric_row AS r
    CROSS JOIN calendar AS c
    JOIN known AS k ON k.entry = r.entry
    JOIN ranked AS p ON p.entry = r.entry AND p.dimension = r.dimension AND p.member = r.member
    WHERE r.day < $as_of AND k.metric_kind <> 'given'
),
-- What moves running totals: entries' own rows, and for each window of a distinct count who enters and who leaves it.
moved AS (
    SELECT entry AS series, day, dimension, member, sum(n) AS n, sum(n_unknown) AS n_unknown, sum(total) AS total, sum(squares) AS squares
    FROM placed
    WHERE metric_kind <> 'distinct'
    GROUP BY entry, day, dimension, member
    UNION ALL
    SELECT series, day, dimension, member, 0, 0, sum(step), 0
    FROM (
        SELECT m.metric AS series, v.day, v.dimension, v.member, CAST(v.n AS DECIMAL(38, 6)) AS step
        FROM placed AS v
        JOIN metric AS m ON m.entry = v.entry AND m.metric_kind = 'distinct'
        WHERE v.before_day IS NULL OR v.day >= v.before_day + CAST(m.window_days AS INTEGER)
        UNION ALL
        SELECT m.metric, v.day + CAST(m.window_days AS INTEGER), v.dimension, v.member, CAST(-v.n AS DECIMAL(38, 6))
        FROM placed AS v
        JOIN metric AS m ON m.entry = v.entry AND m.metric_kind = 'distinct'
        UNION ALL
        -- Who comes again within the window does not leave it in between.
        SELECT m.metric, v.before_day + CAST(m.window_days AS INTEGER), v.dimension, v.member, CAST(v.n AS DECIMAL(38, 6))
        FROM placed AS v
        JOIN metric AS m ON m.entry = v.entry AND m.metric_kind = 'distinct'
        WHERE v.day < v.before_day + CAST(m.window_days AS INTEGER)
    ) AS entered_and_left
    WHERE day < $as_of
    GROUP BY series, day, dimension, member
),
source AS (
    SELECT m.metric, s.source_system, s.first_day, s.last_export_date
    FROM metric AS m
    JOIN source_start AS s ON strpos(concat('|', m.entities, '|'), concat('|', s.entity, '|')) > 0
),
-- From the first day of its sources on nothing is known to be nothing; what names no source begins with its first row.
begun AS (
    SELECT
        m.series,
        CASE
            WHEN min(t.first_day) IS NULL THEN min(m.day)
            ELSE least(min(m.day), greatest(min(t.first_day), min(c.first_day)))
        END AS first_day
    FROM (SELECT series, min(day) AS day FROM moved GROUP BY series) AS m
    CROSS JOIN calendar AS c
    LEFT JOIN metric AS k ON m.series = CASE WHEN k.metric_kind = 'distinct' THEN k.metric ELSE k.entry END
    LEFT JOIN source AS t ON t.metric = k.metric
    GROUP BY m.series
),
cell AS (
    SELECT m.series, m.dimension, m.member, d.day, b.first_day
    FROM (SELECT DISTINCT series, dimension, member FROM moved) AS m
    JOIN begun AS b ON b.series = m.series
    JOIN date AS d ON d.day >= b.first_day AND d.day < $as_of
),
running AS (
    SELECT
        c.series,
        c.dimension,
        c.member,
        c.day,
        c.first_day,
        sum(coalesce(m.n, 0)) OVER (PARTITION BY c.series, c.dimension, c.member ORDER BY c.day) AS n,
        sum(coalesce(m.n_unknown, 0)) OVER (PARTITION BY c.series, c.dimension, c.member ORDER BY c.day) AS n_unknown,
        sum(coalesce(m.total, 0)) OVER (PARTITION BY c.series, c.dimension, c.member ORDER BY c.day) AS total,
        sum(coalesce(m.squares, 0)) OVER (PARTITION BY c.series, c.dimension, c.member ORDER BY c.day) AS squares
    FROM cell AS c
    LEFT JOIN moved AS m ON m.series = c.series AND m.dimension = c.dimension AND m.member = c.member AND m.day = c.day
),
windowed AS (
    SELECT
        m.metric,
        m.metric_kind,
        m.window_days,
        a.day,
        a.dimension,
        a.member,
        a.first_day,
        a.n - coalesce(b.n, 0) AS n,
        a.n_unknown - coalesce(b.n_unknown, 0) AS n_unknown,
        a.total - coalesce(b.total, 0) AS total,
        CAST(a.total - coalesce(b.total, 0) AS DOUBLE) / nullif(a.n - coalesce(b.n, 0), 0) AS mean,
        CAST(a.squares - coalesce(b.squares, 0) AS DOUBLE) AS squares
    FROM metric AS m
    JOIN running AS a ON a.series = CASE WHEN m.metric_kind = 'distinct' THEN m.metric ELSE m.entry END
    LEFT JOIN running AS b
        ON m.metric_kind NOT IN ('level', 'distinct') AND b.series = a.series AND b.dimension = a.dimension
        AND b.member = a.member AND b.day = a.day - CAST(m.window_days AS INTEGER)
    WHERE a.day >= $as_of - $history_days
),
-- Of the whole every source must have told, of a source's own figures that source.
told AS (
    SELECT metric, 'all' AS source_system, max(first_day) AS first_day, min(last_export_date) - 1 AS last_day FROM source GROUP BY metric
    UNION ALL
    SELECT metric, source_system, max(first_day), min(last_export_date) - 1 FROM source GROUP BY metric, source_system
    UNION ALL
    -- What names no kind of record leans on all sources: what a stale one has not told is missing.
    SELECT m.metric, 'all', NULL, min(s.export_date) - 1
    FROM metric AS m
    CROSS JOIN source_state AS s
    WHERE m.entities = '' AND m.entry NOT IN ('exported_files', 'exported_rows', 'exported_rows_ever', 'quarantined_rows')
        AND s.stale_since IS NOT NULL
    GROUP BY m.metric
),
measured AS (
    SELECT
        w.*,
        sqrt(greatest(w.squares - CAST(w.n AS DOUBLE) * w.mean * w.mean, 0) / nullif(w.n - 1, 0) / nullif(w.n, 0)) AS error,
        CAST(1.959963984540054 AS DOUBLE) AS z,
        CAST(nullif(w.n - 1, 0) AS DOUBLE) AS v,
        w.day - CAST(w.window_days AS INTEGER) + 1 >= coalesce(t.first_day, w.first_day) AND w.day <= coalesce(t.last_day, w.day)
            AS complete
    FROM windowed AS w
    LEFT JOIN told AS t
        ON t.metric = w.metric AND t.source_system = CASE WHEN w.dimension = 'source_system' THEN w.member ELSE 'all' END
),
-- The interval's centre, half its width, and what both are divided by.
ranged AS (
    SELECT
        *,
        CASE metric_kind WHEN 'mean' THEN mean WHEN 'share' THEN mean + z * z / (2 * nullif(n, 0)) END AS centre,
        CASE metric_kind
            WHEN 'mean' THEN error * (
                z + (z * z * z + z) / (4 * v) + (5 * z * z * z * z * z + 16 * z * z * z + 3 * z) / (96 * v * v)
                + (3 * z * z * z * z * z * z * z + 19 * z * z * z * z * z + 17 * z * z * z - 15 * z) / (384 * v * v * v)
            )
            WHEN 'share' THEN z * sqrt(mean * (1 - mean) / nullif(n, 0) + z * z / (4.0 * nullif(n * n, 0)))
        END AS half,
        CASE metric_kind WHEN 'share' THEN 1 + z * z / nullif(n, 0) ELSE 1 END AS scale
    FROM measured
),
bounded AS (
    SELECT
        *,
        greatest((centre - half) / scale, CASE WHEN metric_kind = 'share' THEN 0 END) AS low,
        least((centre + half) / scale, CASE WHEN metric_kind = 'share' THEN 1 END) AS high
    FROM ranged
)
SELECT
    metric,
    day,
    dimension,
    member,
    round(CASE
        WHEN n_unknown > 0 THEN NULL
        WHEN metric_kind IN ('mean', 'share') THEN mean
        ELSE CAST(total AS DOUBLE)
    END, 9) AS value,
    CASE WHEN metric_kind NOT IN ('level', 'distinct') THEN CAST(n AS BIGINT) END AS n,
    round(CASE WHEN n >= 5 OR (metric_kind = 'share' AND n > 0) THEN low END, 9) AS low,
    round(CASE WHEN n >= 5 OR (metric_kind = 'share' AND n > 0) THEN high END, 9) AS high,
    complete
FROM bounded
UNION ALL
SELECT
    m.metric, r.day, r.dimension, r.member, CASE WHEN r.n_unknown = 0 THEN r.total END, r.n, r.low, r.high,
    m.entities <> '' OR r.day <= coalesce(t.last_day, r.day)
FROM metric_row AS r
JOIN metric AS m ON m.entry = r.entry AND m.metric_kind = 'given'
LEFT JOIN told AS t ON t.metric = m.metric AND t.source_system = 'all'
WHERE r.day < $as_of AND r.day >= $as_of - $history_days
