-- What bench_behaviour.py holds the rooms behaviour and journeys against: their tables by hand, over `activity`.
SET VARIABLE as_of = (SELECT max(day) FROM activity);
CREATE TABLE act_daily AS
    SELECT customer_id, day, substr(touchpoint_id, position(':' IN touchpoint_id) + 1) AS act, count(*) AS n,
        min(ts) AS first_at, max(ts) AS last_at, min(known_at) AS known_at
    FROM activity WHERE customer_id IS NOT NULL AND is_own_act GROUP BY ALL;
CREATE TABLE visitor_act_daily AS
    SELECT anonymous_id, day, substr(touchpoint_id, position(':' IN touchpoint_id) + 1) AS act, count(*) AS n,
        min(ts) AS first_at, max(ts) AS last_at
    FROM activity WHERE customer_id IS NULL AND anonymous_id IS NOT NULL AND is_own_act GROUP BY ALL;
CREATE TABLE actor_act AS
    WITH done AS (
        SELECT customer_id AS actor_id, TRUE AS is_known, * EXCLUDE (customer_id, known_at) FROM act_daily
        WHERE day >= getvariable('as_of') - 180
        UNION ALL
        SELECT anonymous_id, FALSE, * EXCLUDE (anonymous_id) FROM visitor_act_daily WHERE day >= getvariable('as_of') - 180
    ), actor AS (SELECT actor_id, is_known, min(day) AS first_day, count(DISTINCT day) AS n_days FROM done GROUP BY ALL)
    SELECT actor_id, is_known, act, sum(n) AS n, min(first_at) AS first_at, max(last_at) AS last_at, count(*) AS active_days,
        count(*) FILTER (WHERE day > first_day) AS later_days, max(n_days) - 1 AS actor_later_days
    FROM done JOIN actor USING (actor_id, is_known) GROUP BY ALL;
CREATE TABLE funnel AS
    WITH e AS (
        SELECT coalesce(customer_id, anonymous_id) AS actor_id, ts, CASE split_part(touchpoint_id, ':', 2)
            WHEN 'product_view' THEN 1 WHEN 'add_to_cart' THEN 2 WHEN 'checkout' THEN 3 WHEN 'order_placed' THEN 4 END AS step
        FROM activity WHERE day >= getvariable('as_of') - 90
    ), one AS (
        SELECT *, max(CASE WHEN step = 1 THEN ts END) OVER w AS s1 FROM e WHERE step IS NOT NULL
        WINDOW w AS (PARTITION BY actor_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), two AS (
        SELECT *, max(CASE WHEN step = 2 AND ts <= s1 + INTERVAL 14 DAY THEN s1 END) OVER w AS s2 FROM one
        WINDOW w AS (PARTITION BY actor_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), three AS (
        SELECT *, max(CASE WHEN step = 3 AND ts <= s2 + INTERVAL 14 DAY THEN s2 END) OVER w AS s3 FROM two
        WINDOW w AS (PARTITION BY actor_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT actor_id, min(ts) FILTER (WHERE step = 1) AS entered_at,
        greatest(max(CASE WHEN step = 1 THEN 1 END), max(CASE WHEN step = 2 AND ts <= s1 + INTERVAL 14 DAY THEN 2 END),
            max(CASE WHEN step = 3 AND ts <= s2 + INTERVAL 14 DAY THEN 3 END),
            max(CASE WHEN step = 4 AND ts <= s3 + INTERVAL 14 DAY THEN 4 END)) AS steps
    FROM three GROUP BY actor_id HAVING entered_at IS NOT NULL;
CREATE TABLE funnel_step AS
    SELECT device_type, step, count(*) AS n FROM funnel JOIN range(1, 5) AS s(step) ON step <= steps
    LEFT JOIN (SELECT customer_id, any_value(device_type) AS device_type FROM activity
        WHERE day >= getvariable('as_of') - 90 GROUP BY 1) ON customer_id = actor_id GROUP BY ALL;
CREATE TABLE retention AS
    WITH active AS (SELECT DISTINCT customer_id, date_trunc('month', day) AS month FROM act_daily),
    born AS (SELECT customer_id, min(month) AS cohort FROM active GROUP BY 1)
    SELECT cohort, date_diff('month', cohort, month) AS period, count(*) AS n FROM active JOIN born USING (customer_id)
    GROUP BY ALL;
CREATE TABLE lifecycle AS
    WITH active AS (SELECT DISTINCT customer_id, date_trunc('week', day) AS week FROM act_daily),
    placed AS (SELECT *, lag(week) OVER (PARTITION BY customer_id ORDER BY week) AS before FROM active)
    SELECT week, count(*) FILTER (WHERE before IS NULL) AS new, count(*) FILTER (WHERE before = week - INTERVAL 7 DAY) AS returning,
        count(*) FILTER (WHERE before < week - INTERVAL 7 DAY) AS resurrecting FROM placed GROUP BY week;
CREATE TABLE stickiness AS
    WITH days AS (SELECT customer_id, date_trunc('month', day) AS month, count(DISTINCT day) AS days FROM act_daily GROUP BY ALL)
    SELECT month, days, count(*) AS n FROM days GROUP BY ALL;
CREATE TABLE feature_usage AS
    SELECT act, count(DISTINCT customer_id) AS adopters, count(*) AS days, sum(n) AS n FROM act_daily
    WHERE act LIKE '%:%' GROUP BY act;
CREATE TABLE step AS
    SELECT activity_id, customer_id, day, ts, activity, touchpoint_id, journey_stage, revenue,
        activity IN ('order_placed', 'subscription_started') AS is_conversion, lag(ts) OVER w AS before,
        lag(touchpoint_id) OVER w AS touchpoint_before
    FROM activity WHERE customer_id IS NOT NULL AND day < getvariable('as_of')
    WINDOW w AS (PARTITION BY customer_id ORDER BY ts, activity_id);
CREATE TABLE journey AS
    WITH numbered AS (
        SELECT *, sum(CASE WHEN before IS NULL OR ts > before + INTERVAL 30 DAY THEN 1 ELSE 0 END)
            OVER (PARTITION BY customer_id ORDER BY ts, activity_id) AS journey_no
        FROM step
    )
    SELECT customer_id, journey_no, min(ts) AS started_at, max(ts) AS ended_at, count(*) AS n_steps,
        min(ts) FILTER (WHERE is_conversion) AS converted_at, list(touchpoint_id ORDER BY ts, activity_id)[:6] AS path
    FROM numbered GROUP BY ALL;
CREATE TABLE paths AS
    SELECT path, count(*) AS n, count(converted_at) AS n_converted FROM journey GROUP BY path ORDER BY n DESC LIMIT 200;
CREATE TABLE transitions AS
    SELECT touchpoint_before, touchpoint_id, count(*) AS n, count(DISTINCT customer_id) AS customers,
        median(epoch(ts - before)) AS median_seconds
    FROM step WHERE day >= getvariable('as_of') - 90 GROUP BY ALL;
CREATE TABLE map AS
    SELECT journey_stage, split_part(touchpoint_id, ':', 1) AS channel, count(*) AS n, count(DISTINCT customer_id) AS customers
    FROM step WHERE day >= getvariable('as_of') - 90 GROUP BY ALL;
CREATE TABLE touchpoints AS
    SELECT touchpoint_id, count(*) AS n, count(DISTINCT customer_id) AS customers, min(day) AS first_seen, max(day) AS last_seen
    FROM activity GROUP BY touchpoint_id;
CREATE TABLE attribution_path AS
    WITH touch AS (
        SELECT DISTINCT customer_id, session_id, channel, min(ts) AS ts FROM activity
        WHERE customer_id IS NOT NULL AND session_id IS NOT NULL AND channel NOT IN ('web', 'app')
            AND day >= getvariable('as_of') - 180 GROUP BY ALL
    ), conversion AS (SELECT customer_id, ts FROM step WHERE is_conversion AND day >= getvariable('as_of') - 90)
    SELECT c.customer_id, c.ts, list(t.channel ORDER BY t.ts) AS path FROM conversion AS c
    LEFT JOIN touch AS t ON t.customer_id = c.customer_id AND t.ts < c.ts AND t.ts >= c.ts - INTERVAL 90 DAY GROUP BY ALL;
