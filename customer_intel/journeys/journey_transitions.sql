-- Grain: one row per pair of touchpoints that followed each other in a journey in the last transition_days, with '(start)'
--   and '(end)'.
-- Meaning: p is the share of the transitions out of from_step that went to to_step, with Wilson's 95 % interval;
--   expected_p is to_step's share of all transitions out of steps, what p would be if the next step did not depend on the
--   present one (of '(start)': its share of all steps); lift is p over expected_p. Seconds are those between the two steps; p90 is the least value with nine tenths
--   at or below it.
-- Caveats: transitions of one customer are not independent of each other, so the intervals are somewhat too narrow.
--   The last step of a journey is an exit once journey_gap_days are over, and is counted on that day.
WITH passed AS (
    SELECT
        customer_id,
        CASE WHEN is_start THEN '(start)' ELSE previous_touchpoint_id END AS from_step,
        touchpoint_id AS to_step,
        seconds_since_previous AS seconds
    FROM journey_step
    WHERE day >= $as_of - $transition_days AND day < $as_of
    UNION ALL
    -- An end is known, and counted, when the pause is longer than the gap.
    SELECT customer_id, last_touchpoint_id, '(end)', NULL
    FROM journey
    WHERE ended_at + INTERVAL $journey_gap_days DAY < CAST($as_of AS TIMESTAMP)
        AND ended_at + INTERVAL $journey_gap_days DAY >= CAST($as_of - $transition_days AS TIMESTAMP)
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY from_step, to_step ORDER BY seconds NULLS LAST, customer_id) AS nth,
        count(seconds) OVER (PARTITION BY from_step, to_step) AS timed
    FROM passed
),
pair AS (
    SELECT
        from_step,
        to_step,
        CAST(count(*) AS DOUBLE) AS n,
        count(DISTINCT customer_id) AS customers,
        median(seconds) AS median_seconds,
        min(seconds) FILTER (WHERE nth * 10 >= timed * 9) AS p90_seconds
    FROM ranked
    GROUP BY from_step, to_step
),
shared AS (
    SELECT
        *,
        sum(n) OVER (PARTITION BY from_step) AS n_from,
        sum(CASE WHEN from_step = '(start)' THEN 0 ELSE n END) OVER (PARTITION BY to_step) AS n_to,
        sum(CASE WHEN from_step = '(start)' THEN 0 ELSE n END) OVER () AS n_all,
        sum(n) OVER (PARTITION BY to_step) AS n_steps,
        sum(CASE WHEN to_step = '(end)' THEN 0 ELSE n END) OVER () AS n_steps_all
    FROM pair
),
measured AS (
    SELECT
        *,
        n / nullif(n_from, 0) AS p,
        CASE WHEN from_step = '(start)' THEN n_steps / nullif(n_steps_all, 0) ELSE n_to / nullif(n_all, 0) END AS expected_p,
        1.959963984540054 AS z
    FROM shared
)
SELECT
    from_step,
    to_step,
    CAST(round(n) AS BIGINT) AS n,
    CAST(customers AS BIGINT) AS customers,
    round(p, 9) AS p,
    round(greatest(0.0,
        (p + z * z / (2 * n_from)
            - z * sqrt(p * (1 - p) / n_from + z * z / (4 * n_from * n_from))) / (1 + z * z / n_from)
    ), 9) AS p_low,
    round(least(1.0,
        (p + z * z / (2 * n_from)
            + z * sqrt(p * (1 - p) / n_from + z * z / (4 * n_from * n_from))) / (1 + z * z / n_from)
    ), 9) AS p_high,
    round(expected_p, 9) AS expected_p,
    round(p / nullif(expected_p, 0), 6) AS lift,
    round(median_seconds, 3) AS median_seconds,
    round(p90_seconds, 3) AS p90_seconds,
    from_step = to_step AS is_loop,
    to_step = '(end)' AS is_exit,
    CAST($transition_days AS BIGINT) AS transition_days
FROM measured
