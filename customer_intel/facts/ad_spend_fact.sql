-- Grain: one row per source, channel, campaign and day of advertising.
-- Meaning: what advertising cost before as_of, in its own currency and in the reporting currency at the rate of its day.
-- Caveats: the day is the platform's own. Channel in small letters, without blanks around it.
SELECT
    s.source_system || ':' || s.channel || ':' || s.campaign_id || ':' || CAST(s.date AS VARCHAR) AS ad_spend_key,
    s.source_system,
    lower(trim(s.channel)) AS channel,
    s.campaign_id,
    s.campaign_name,
    s.date AS spend_day,
    upper(trim(s.currency)) AS currency,
    CAST(s.cost AS DECIMAL(18, 2)) AS cost,
    CAST(round(s.cost * c.rate, 2) AS DECIMAL(18, 2)) AS cost_reporting,
    CAST(s.impressions AS BIGINT) AS impressions,
    CAST(s.clicks AS BIGINT) AS clicks
FROM ad_spend AS s
LEFT JOIN currency_rate AS c
    ON c.currency = upper(trim(s.currency)) AND s.date >= c.from_day AND s.date < c.to_day
WHERE s.date < $as_of
