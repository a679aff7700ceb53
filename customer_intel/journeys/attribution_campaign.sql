-- Grain: one row per campaign that touched somebody or that money was spent on.
-- Meaning: conversions credited alike to all touches of a path (linear) and to the last touch, what they brought, and what
--   the campaign cost in the last attribution_days. Spending is the campaign's whose name is its id, else its name;
--   capitals and blanks around do not count.
-- Caveats: touches without a campaign are in attribution alone, so conversions here sum to less. channel is (several)
--   where touches of more than one carry it, (none) where only spending does. cost is empty where a part has no rate.
WITH touch AS (
    SELECT
        *,
        lower(trim(campaign)) AS campaign_name,
        max(touch_no) OVER (PARTITION BY customer_id, path_no) AS n_touches
    FROM attribution_path
    WHERE channel <> '(none)'
),
credited AS (
    SELECT
        campaign_name,
        CASE WHEN min(channel) = max(channel) THEN min(channel) ELSE '(several)' END AS channel,
        sum(CASE WHEN converted_at IS NOT NULL THEN CAST(1 AS DOUBLE) / nullif(n_touches, 0) ELSE 0.0 END) AS linear_conversions,
        sum(CASE WHEN converted_at IS NOT NULL AND touch_no = n_touches THEN 1 ELSE 0 END) AS last_conversions,
        CASE WHEN count(converted_at) = 0 OR count(conversion_value) > 0
            THEN sum(CAST(coalesce(conversion_value, 0) AS DOUBLE) / nullif(n_touches, 0)) END AS conversion_value
    FROM touch
    WHERE campaign_name IS NOT NULL
    GROUP BY campaign_name
),
passed AS (
    SELECT campaign_name, count(*) AS n_paths, sum(won) AS n_converted
    FROM (
        SELECT campaign_name, customer_id, path_no, max(CASE WHEN converted_at IS NOT NULL THEN 1 ELSE 0 END) AS won
        FROM touch
        WHERE campaign_name IS NOT NULL
        GROUP BY campaign_name, customer_id, path_no
    )
    GROUP BY campaign_name
),
spent AS (
    SELECT
        coalesce(
            i.campaign_name, n.campaign_name, lower(trim(s.campaign_name)), lower(trim(s.campaign_id))
        ) AS campaign_name,
        s.cost_reporting
    FROM ad_spend_fact AS s
    LEFT JOIN credited AS i ON i.campaign_name = lower(trim(s.campaign_id))
    LEFT JOIN credited AS n ON n.campaign_name = lower(trim(s.campaign_name))
    WHERE s.cost IS NOT NULL AND s.spend_day >= $as_of - $attribution_days AND s.spend_day < $as_of
),
paid AS (
    SELECT
        campaign_name,
        CASE WHEN count(*) = count(cost_reporting) THEN sum(cost_reporting) END AS cost
    FROM spent
    GROUP BY campaign_name
),
named AS (
    SELECT campaign_name FROM credited
    UNION
    SELECT campaign_name FROM paid
)
SELECT
    n.campaign_name AS campaign,
    coalesce(c.channel, '(none)') AS channel,
    CAST(coalesce(p.n_paths, 0) AS BIGINT) AS n_paths,
    CAST(coalesce(p.n_converted, 0) AS BIGINT) AS n_converted,
    round(coalesce(c.linear_conversions, 0.0), 6) AS linear_conversions,
    CAST(coalesce(c.last_conversions, 0) AS BIGINT) AS last_conversions,
    CAST(round(CASE WHEN c.campaign_name IS NULL THEN 0.0 ELSE c.conversion_value END, 2) AS DECIMAL(18, 2))
        AS conversion_value,
    CAST(s.cost AS DECIMAL(18, 2)) AS cost,
    CAST(CASE WHEN c.linear_conversions > 0 THEN round(CAST(s.cost AS DOUBLE) / c.linear_conversions, 2) END AS DECIMAL(18, 2))
        AS cost_per_conversion,
    CASE WHEN s.cost > 0 THEN
        round(CASE WHEN c.campaign_name IS NULL THEN 0.0 ELSE c.conversion_value END / CAST(s.cost AS DOUBLE), 6)
    END AS return_on_spend
FROM named AS n
LEFT JOIN credited AS c ON c.campaign_name = n.campaign_name
LEFT JOIN passed AS p ON p.campaign_name = n.campaign_name
LEFT JOIN paid AS s ON s.campaign_name = n.campaign_name
