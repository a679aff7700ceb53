-- Grain: one row per day from the first day of any fact, the day before as_of where there is none, to as_of.
-- Meaning: the calendar to which facts join by their day columns.
-- Caveats: weeks are ISO weeks, Monday first; a week belongs to the year of its Thursday.
WITH bounds AS (
    SELECT greatest(coalesce(min(first_day), $as_of - 1), $as_of - 36500) AS first_day FROM source_start
),
digit AS (
    SELECT d FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v(d)
),
counted AS (
    SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS k
    FROM digit AS a
    CROSS JOIN digit AS b
    CROSS JOIN digit AS c
    CROSS JOIN digit AS e
    CROSS JOIN (SELECT d FROM digit WHERE d < 4) AS f
),
listed AS (
    SELECT $as_of - k AS day FROM counted CROSS JOIN bounds WHERE $as_of - k >= bounds.first_day
)
SELECT
    day,
    CAST(extract(year FROM day) AS BIGINT) AS year,
    CAST(extract(quarter FROM day) AS BIGINT) AS quarter,
    CAST(extract(month FROM day) AS BIGINT) AS month,
    CAST(extract(day FROM day) AS BIGINT) AS day_of_month,
    CAST(date_trunc('month', day) AS DATE) AS month_start,
    CAST(date_trunc('week', day) AS DATE) AS week_start,
    CAST(date_diff('day', CAST(date_trunc('week', day) AS DATE), day) + 1 AS BIGINT) AS weekday,
    date_diff('day', CAST(date_trunc('week', day) AS DATE), day) >= 5 AS is_weekend
FROM listed
