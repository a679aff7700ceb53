-- Grain: one row per funnel and actor (customer, or anonymous visitor) who entered it in the last funnel_days days.
-- Meaning: who converted and who dropped where, the people behind funnel_step. is_undecided: not converted, and the window of
--   the last start is not over.
-- Caveats: entered_at is the first start in the period, and its channel and device are told; segment, first source and
--   plan are those of today, of customers who may be profiled.
WITH funnel AS (
    SELECT name, count(*) AS n_steps, max(within_days) AS within_days
    FROM behaviour_definition
    WHERE kind = 'funnel'
    GROUP BY name
),
reached AS (
    SELECT *, max(step) OVER (PARTITION BY funnel, actor_id) AS steps_reached
    FROM funnel_customer_step
),
person AS (
    SELECT
        r.funnel,
        r.actor_id,
        max(r.customer_id) AS customer_id,
        min(r.reached_at) AS entered_at,
        max(r.last_start_at) AS last_start_at,
        max(r.steps_reached) AS steps_reached,
        max(CASE WHEN r.step = r.steps_reached THEN r.step_name END) AS step_name,
        max(CASE WHEN r.step = f.n_steps THEN r.reached_at END) AS converted_at,
        max(f.within_days) AS within_days,
        max(r.channel) AS channel,
        max(r.device_type) AS device_type,
        max(r.source_system) AS source_system
    FROM reached AS r
    JOIN funnel AS f ON f.name = r.funnel
    GROUP BY r.funnel, r.actor_id
)
SELECT
    p.funnel,
    p.actor_id,
    p.customer_id,
    p.entered_at,
    p.last_start_at,
    CAST(p.steps_reached AS BIGINT) AS steps_reached,
    p.step_name,
    p.converted_at IS NOT NULL AS is_converted,
    p.converted_at,
    p.converted_at IS NULL AND (
        p.within_days IS NULL
        OR epoch_us(p.last_start_at) + p.within_days * 86400000000 >= epoch_us(CAST($as_of AS TIMESTAMP))
    ) AS is_undecided,
    p.channel,
    p.device_type,
    p.source_system,
    c.segment,
    c.first_source,
    c.plan_name
FROM person AS p
LEFT JOIN behaviour_customer AS c ON c.customer_id = p.customer_id
