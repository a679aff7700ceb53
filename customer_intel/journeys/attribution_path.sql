-- Grain: one row per touch of a path, and one for each conversion that no touch came before.
-- Meaning: a path is what touched a customer before a conversion of the last attribution_days, within attribution_days
--   before it and after the conversion before that; or, of those who did not convert since, what touched them in the
--   last attribution_days. Touches are messages and advertisements (touch_events), visits by other channels than
--   direct_channels (by themselves, from a search, by a link), and other touchpoints of the teams in attribution_owners; never each page that was viewed. A touch of the same channel
--   within same_touch_minutes (the click and the visit that it began) is the same touch.
-- Caveats: visits by direct_channels are nobody's touch: a conversion without any has the channel (none). Customers with
--   an open path may convert yet. conversion_value is in the reporting currency, empty where nothing has a rate.
WITH touch AS (
    SELECT a.customer_id, a.ts, lower(t.channel) AS channel, lower(t.campaign_id) AS campaign, a.activity_id AS touch_ref
    FROM activity AS a
    JOIN touch_fact AS t ON a.activity_id = 'touch:' || t.touch_key
    WHERE a.customer_id IS NOT NULL
        AND a.day >= $as_of - 2 * $attribution_days AND a.day < $as_of
        AND position('|' || t.touch_event || '|' IN $touch_events) > 0
    UNION ALL
    SELECT customer_id, started_at, lower(channel), lower(utm_campaign), session_id
    FROM session
    WHERE customer_id IS NOT NULL
        AND day >= $as_of - 2 * $attribution_days AND day < $as_of
        AND position('|' || lower(channel) || '|' IN $direct_channels) = 0
    UNION ALL
    SELECT a.customer_id, a.ts, r.medium, NULL, a.activity_id
    FROM activity AS a
    JOIN touchpoint_role AS r ON r.touchpoint_id = a.touchpoint_id
    WHERE a.customer_id IS NOT NULL
        AND a.day >= $as_of - 2 * $attribution_days AND a.day < $as_of
        AND position('|' || r.owner || '|' IN $attribution_owners) > 0
        AND position('|' || r.medium || '|' IN $direct_channels) = 0
        AND NOT starts_with(a.activity_id, 'touch:')
        AND a.session_id IS NULL
),
named AS (
    SELECT
        *,
        lag(ts) OVER (PARTITION BY customer_id, channel ORDER BY ts, touch_ref) AS ts_before,
        coalesce(
            campaign,
            lead(campaign) OVER (PARTITION BY customer_id, channel ORDER BY ts, touch_ref)
        ) AS known_campaign
    FROM touch
),
counted_touch AS (
    SELECT customer_id, ts, channel, known_campaign AS campaign, touch_ref
    FROM named
    WHERE ts_before IS NULL OR ts > ts_before + INTERVAL $same_touch_minutes MINUTE
),
telling AS (
    SELECT
        customer_id,
        ts,
        activity_id,
        revenue,
        starts_conversion,
        repeats_activity_id,
        sum(CASE WHEN starts_conversion THEN 1 ELSE 0 END) OVER (
            PARTITION BY customer_id ORDER BY ts, activity_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS conversion_no
    FROM journey_step
    WHERE is_conversion AND day >= $as_of - 2 * $attribution_days - 1 AND day < $as_of
),
-- A record's amount is that of the conversion that it repeats, however late it comes.
worth AS (
    SELECT t.customer_id, coalesce(f.conversion_no, t.conversion_no) AS conversion_no, t.revenue
    FROM telling AS t
    LEFT JOIN telling AS f
        ON f.customer_id = t.customer_id AND f.activity_id = t.repeats_activity_id AND f.starts_conversion
    WHERE t.revenue IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY t.customer_id, coalesce(f.conversion_no, t.conversion_no) ORDER BY t.ts, t.activity_id
    ) = 1
),
conversion AS (
    SELECT t.customer_id, t.conversion_no, t.ts AS converted_at, w.revenue AS conversion_value
    FROM telling AS t
    LEFT JOIN worth AS w ON w.customer_id = t.customer_id AND w.conversion_no = t.conversion_no
    WHERE t.starts_conversion
),
happened AS (
    SELECT customer_id, ts, 0 AS is_conversion, touch_ref AS ref, channel, campaign FROM counted_touch
    UNION ALL
    SELECT customer_id, converted_at, 1, CAST(conversion_no AS VARCHAR), NULL, NULL FROM conversion
),
numbered AS (
    SELECT
        *,
        sum(is_conversion) OVER (
            PARTITION BY customer_id ORDER BY ts, is_conversion, ref ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - is_conversion AS path_no
    FROM happened
),
goal AS (
    SELECT n.customer_id, n.path_no, c.converted_at, c.conversion_value
    FROM numbered AS n
    JOIN conversion AS c ON c.customer_id = n.customer_id AND CAST(c.conversion_no AS VARCHAR) = n.ref
    WHERE n.is_conversion = 1
),
placed AS (
    SELECT n.customer_id, n.path_no, n.ts, n.ref, n.channel, n.campaign, g.converted_at, g.conversion_value
    FROM numbered AS n
    LEFT JOIN goal AS g ON g.customer_id = n.customer_id AND g.path_no = n.path_no
    WHERE n.is_conversion = 0
        AND n.ts >= coalesce(g.converted_at, CAST($as_of AS TIMESTAMP)) - INTERVAL $attribution_days DAY
        AND (g.converted_at IS NULL OR g.converted_at >= CAST($as_of - $attribution_days AS TIMESTAMP))
),
told AS (
    SELECT
        customer_id,
        path_no,
        row_number() OVER (PARTITION BY customer_id, path_no ORDER BY ts, ref) AS touch_no,
        channel,
        campaign,
        ts AS touched_at,
        converted_at,
        conversion_value
    FROM placed
    UNION ALL
    SELECT g.customer_id, g.path_no, 1, '(none)', NULL, g.converted_at, g.converted_at, g.conversion_value
    FROM goal AS g
    LEFT JOIN placed AS p ON p.customer_id = g.customer_id AND p.path_no = g.path_no
    WHERE p.customer_id IS NULL AND g.converted_at >= CAST($as_of - $attribution_days AS TIMESTAMP)
)
SELECT
    customer_id,
    CAST(path_no AS BIGINT) AS path_no,
    CAST(touch_no AS BIGINT) AS touch_no,
    channel,
    campaign,
    touched_at,
    converted_at,
    CAST(epoch_us(converted_at) - epoch_us(touched_at) AS DOUBLE) / 86400000000.0 AS days_before,
    CAST(conversion_value AS DECIMAL(18, 2)) AS conversion_value,
    -- One customer in four is kept apart, to judge by what was not fitted.
    substr(md5(customer_id), 1, 1) IN ('0', '1', '2', '3') AS is_held_out
FROM told
