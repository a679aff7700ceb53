-- Grain: one row per touchpoint.
-- Meaning: what journeys take it for: whether it is a step of theirs, what they are for (is_conversion), a place where
--   they may well end (is_arrival), its stage and the team that owns it. Conversions that config/behaviour.yaml declares
--   count alone. Where it declares none, shipped ones and the words of conversion_activities do; where a company has
--   neither, what the data proposes. A stage is the one that config/activity.yaml names; where it names none, a
--   conversion is a purchase, a feature or core action is usage, and a funnel's step before the last is consideration.
-- Caveats: of a declared conversion its acts count, not a condition on columns. An owner is what touchpoint_owners says
--   of the touchpoint, its medium:activity, its medium or its stage, in this order, else the same of default_owners.
WITH known AS (
    SELECT
        touchpoint_id,
        substr(touchpoint_id, position(':' IN touchpoint_id) + 1) AS act,
        split_part(touchpoint_id, ':', 1) AS medium,
        min(activity) AS activity,
        min(journey_stage) AS named_stage
    FROM touchpoint_day
    GROUP BY touchpoint_id
),
last_step AS (
    SELECT name, max(position) AS last_position FROM behaviour_definition WHERE kind = 'funnel' GROUP BY name
),
told AS (
    SELECT
        k.touchpoint_id,
        max(CASE WHEN d.kind = 'conversion' AND d.origin = 'declared' THEN 1 ELSE 0 END) AS declared,
        max(CASE WHEN d.kind = 'conversion' AND d.origin = 'shipped' THEN 1 ELSE 0 END) AS shipped,
        max(CASE WHEN d.kind = 'conversion' AND d.origin = 'proposed' THEN 1 ELSE 0 END) AS proposed,
        max(CASE WHEN d.kind IN ('feature', 'core_action') THEN 1 ELSE 0 END) AS feature,
        max(CASE WHEN d.kind = 'funnel' AND d.position < l.last_position THEN 1 ELSE 0 END) AS funnel
    FROM known AS k
    JOIN behaviour_definition AS d
        ON position('|' || k.activity || '|' IN d.acts) > 0 OR position('|' || k.act || '|' IN d.acts) > 0
    LEFT JOIN last_step AS l ON d.kind = 'funnel' AND l.name = d.name
    GROUP BY k.touchpoint_id
),
spoken AS (
    SELECT
        k.*,
        coalesce(t.declared, 0) AS declared,
        coalesce(t.proposed, 0) AS proposed,
        coalesce(t.feature, 0) AS feature,
        coalesce(t.funnel, 0) AS funnel,
        greatest(
            coalesce(t.shipped, 0),
            CASE WHEN position('|' || k.activity || '|' IN $conversion_activities) > 0 THEN 1 ELSE 0 END
        ) AS worded
    FROM known AS k
    LEFT JOIN told AS t ON t.touchpoint_id = k.touchpoint_id
),
said AS (
    SELECT coalesce(max(declared), 0) AS any_declared, coalesce(max(worded), 0) AS any_worded
    FROM (
        SELECT declared, worded FROM spoken
        UNION ALL
        -- A declared act that nobody has done yet is declared all the same.
        SELECT 1, 0 FROM behaviour_definition WHERE kind = 'conversion' AND origin = 'declared'
    )
),
judged AS (
    SELECT
        s.*,
        CASE
            WHEN a.any_declared = 1 THEN s.declared
            WHEN a.any_worded = 1 THEN s.worded
            ELSE s.proposed
        END = 1 AS is_conversion
    FROM spoken AS s
    CROSS JOIN said AS a
),
staged AS (
    SELECT
        *,
        CASE
            WHEN named_stage <> 'other' THEN named_stage
            WHEN is_conversion THEN 'purchase'
            WHEN feature = 1 THEN 'usage'
            WHEN funnel = 1 THEN 'consideration'
            ELSE 'other'
        END AS stage,
        CASE
            WHEN named_stage <> 'other' THEN 'named'
            WHEN is_conversion OR feature = 1 OR funnel = 1 THEN 'definition'
            ELSE 'unknown'
        END AS stage_basis
    FROM judged
),
owned AS (
    SELECT
        *,
        coalesce(
            nullif(split_part(split_part($touchpoint_owners, '|' || touchpoint_id || '=', 2), '|', 1), ''),
            nullif(split_part(split_part($touchpoint_owners, '|' || medium || ':' || activity || '=', 2), '|', 1), ''),
            nullif(split_part(split_part($touchpoint_owners, '|' || medium || '=', 2), '|', 1), ''),
            nullif(split_part(split_part($touchpoint_owners, '|' || stage || '=', 2), '|', 1), '')
        ) AS own_owner,
        coalesce(
            nullif(split_part(split_part($default_owners, '|' || medium || '=', 2), '|', 1), ''),
            nullif(split_part(split_part($default_owners, '|' || stage || '=', 2), '|', 1), '')
        ) AS default_owner
    FROM staged
)
SELECT
    touchpoint_id,
    activity,
    medium,
    stage,
    stage_basis,
    position('|' || activity || '|' IN $left_out_activities) = 0 AS is_step,
    is_conversion,
    is_conversion
        OR position('|' || activity || '|' IN $arrival_activities) > 0
        OR position('|' || stage || '|' IN $arrival_stages) > 0 AS is_arrival,
    coalesce(own_owner, default_owner, 'unknown') AS owner,
    CASE WHEN own_owner IS NOT NULL THEN 'own' WHEN default_owner IS NOT NULL THEN 'default' ELSE 'unknown' END
        AS owner_basis
FROM owned
