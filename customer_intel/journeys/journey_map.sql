-- Grain: one row per stage and channel in which known customers were.
-- Meaning: n_activities, customers and share are of the steps of the last transition_days. A visit of a stage begins where
--   a customer enters it and is told of the channel by which they did; time in it ends with its last step, the next stage
--   begins with the step after that. Scores are of survey answers of the last transition_days by customers who were there
--   in the feedback_days before; each answer once a cell. Of the journeys whose end became known in these days,
--   n_journeys passed here, n_ended had their last step here, and n_lost ended so without any conversion and at no
--   touchpoint where a journey may well end; drop_off is n_lost of n_journeys, with Wilson's 95 % interval.
-- Caveats: an answer counts in each cell where the customer had been, so cells are no comparison of one answer's causes.
--   Surveys on another scale than their kind's are left out. Journeys pass here with all their steps, however long ago.
WITH near AS (
    SELECT
        s.*,
        r.medium AS channel,
        r.owner,
        s.day >= $as_of - $transition_days AS is_recent,
        s.is_start
            OR coalesce(s.journey_stage <> lag(s.journey_stage) OVER w, FALSE) AS is_entry
    FROM journey_step AS s
    JOIN touchpoint_role AS r ON r.touchpoint_id = s.touchpoint_id
    WHERE s.day >= $as_of - $transition_days - $journey_gap_days - 1 AND s.day < $as_of
    WINDOW w AS (PARTITION BY s.customer_id ORDER BY s.ts, s.activity_id)
),
cell AS (
    SELECT
        journey_stage AS stage,
        channel,
        sum(CASE WHEN is_recent THEN 1 ELSE 0 END) AS n,
        count(DISTINCT CASE WHEN is_recent THEN customer_id END) AS customers
    FROM near
    GROUP BY journey_stage, channel
),
owned AS (
    SELECT stage, channel, owner
    FROM (SELECT journey_stage AS stage, channel, owner, count(*) AS n FROM near GROUP BY journey_stage, channel, owner)
    QUALIFY row_number() OVER (PARTITION BY stage, channel ORDER BY n DESC, owner) = 1
),
numbered AS (
    SELECT
        *,
        sum(CASE WHEN is_entry THEN 1 ELSE 0 END) OVER (
            PARTITION BY customer_id ORDER BY ts, activity_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS visit_no
    FROM near
),
visit AS (
    SELECT
        customer_id,
        visit_no,
        max(CASE WHEN is_entry THEN journey_stage END) AS stage,
        max(CASE WHEN is_entry THEN channel END) AS channel,
        max(CASE WHEN is_entry AND is_start THEN 1 ELSE 0 END) AS begins_journey,
        max(CASE WHEN is_entry AND is_recent THEN 1 ELSE 0 END) AS is_recent,
        min(ts) AS entered_at,
        max(ts) AS left_at
    FROM numbered
    WHERE visit_no > 0
    GROUP BY customer_id, visit_no
),
timed AS (
    SELECT
        stage,
        channel,
        is_recent,
        CAST(epoch_us(left_at) - epoch_us(entered_at) AS DOUBLE) / 1000000.0 AS seconds,
        CASE WHEN lead(begins_journey) OVER w = 0
            THEN CAST(epoch_us(lead(entered_at) OVER w) - epoch_us(entered_at) AS DOUBLE) / 1000000.0 END AS seconds_to_next
    FROM visit
    WINDOW w AS (PARTITION BY customer_id ORDER BY visit_no)
),
spent AS (
    SELECT
        stage,
        channel,
        count(*) AS n_visits,
        median(seconds) AS median_seconds,
        median(seconds_to_next) AS median_seconds_to_next
    FROM timed
    WHERE is_recent = 1
    GROUP BY stage, channel
),
odd_survey AS (
    SELECT metric, segment
    FROM nps_summary
    WHERE period = 'all' AND segment_type = 'survey' AND n = 0
),
answer AS (
    SELECT a.survey_answer_key, a.survey_type, a.customer_id, a.responded_at, a.score
    FROM survey_answer_fact AS a
    LEFT JOIN odd_survey AS o ON o.metric = a.survey_type AND o.segment = a.survey_id
    WHERE a.customer_id IS NOT NULL
        AND a.answer_day >= $as_of - $transition_days
        AND o.segment IS NULL
        AND a.score = floor(a.score)
        AND ((a.survey_type = 'nps' AND a.score BETWEEN 0 AND 10) OR (a.survey_type = 'csat' AND a.score BETWEEN 1 AND 5))
),
heard AS (
    SELECT n.journey_stage AS stage, n.channel, a.survey_answer_key, a.survey_type, a.score
    FROM answer AS a
    JOIN near AS n
        ON n.customer_id = a.customer_id
        AND n.ts <= a.responded_at
        AND n.ts >= a.responded_at - INTERVAL $feedback_days DAY
        AND n.activity_id <> 'survey_answered:' || a.survey_answer_key
    GROUP BY n.journey_stage, n.channel, a.survey_answer_key, a.survey_type, a.score
),
scored AS (
    SELECT
        stage,
        channel,
        sum(CASE WHEN survey_type = 'nps' THEN 1 ELSE 0 END) AS n_nps,
        sum(CASE WHEN survey_type = 'csat' THEN 1 ELSE 0 END) AS n_csat,
        sum(CASE WHEN survey_type = 'nps' THEN CASE WHEN score >= 9 THEN 100.0 WHEN score <= 6 THEN -100.0 ELSE 0.0 END END)
            AS nps_points,
        sum(CASE WHEN survey_type = 'csat' THEN CASE WHEN score >= 4 THEN 100.0 ELSE 0.0 END END) AS csat_points
    FROM heard
    GROUP BY stage, channel
),
ended AS (
    SELECT *
    FROM journey
    WHERE ended_at + INTERVAL $journey_gap_days DAY < CAST($as_of AS TIMESTAMP)
        AND ended_at + INTERVAL $journey_gap_days DAY >= CAST($as_of - $transition_days AS TIMESTAMP)
),
passed AS (
    SELECT stage, channel, count(*) AS n_journeys
    FROM (
        SELECT s.journey_stage AS stage, r.medium AS channel, e.customer_id, e.journey_no
        FROM ended AS e
        JOIN journey_step AS s ON s.customer_id = e.customer_id AND s.ts >= e.started_at AND s.ts <= e.ended_at
        JOIN touchpoint_role AS r ON r.touchpoint_id = s.touchpoint_id
        GROUP BY s.journey_stage, r.medium, e.customer_id, e.journey_no
    )
    GROUP BY stage, channel
),
dropped AS (
    SELECT
        r.stage,
        r.medium AS channel,
        count(*) AS n_ended,
        sum(CASE WHEN e.converted_at IS NULL AND NOT e.has_arrived THEN 1 ELSE 0 END) AS n_lost
    FROM ended AS e
    JOIN touchpoint_role AS r ON r.touchpoint_id = e.last_touchpoint_id
    GROUP BY r.stage, r.medium
),
measured AS (
    SELECT
        c.*,
        CAST(c.n AS DOUBLE) / nullif(sum(c.n) OVER (), 0) AS share,
        CAST(coalesce(p.n_journeys, 0) AS DOUBLE) AS n_journeys,
        coalesce(d.n_ended, 0) AS n_ended,
        coalesce(d.n_lost, 0) AS n_lost,
        CAST(coalesce(d.n_lost, 0) AS DOUBLE) / nullif(p.n_journeys, 0) AS drop_off,
        1.959963984540054 AS z
    FROM cell AS c
    LEFT JOIN passed AS p ON p.stage = c.stage AND p.channel = c.channel
    LEFT JOIN dropped AS d ON d.stage = c.stage AND d.channel = c.channel
)
SELECT
    m.stage,
    m.channel,
    o.owner,
    CAST(m.n AS BIGINT) AS n_activities,
    CAST(m.customers AS BIGINT) AS customers,
    round(coalesce(m.share, 0.0), 9) AS share,
    CAST(coalesce(s.n_visits, 0) AS BIGINT) AS n_visits,
    round(s.median_seconds, 3) AS median_seconds,
    round(s.median_seconds_to_next, 3) AS median_seconds_to_next,
    CAST(coalesce(f.n_nps, 0) AS BIGINT) AS n_nps,
    round(f.nps_points / nullif(f.n_nps, 0), 6) AS nps,
    CAST(coalesce(f.n_csat, 0) AS BIGINT) AS n_csat,
    round(f.csat_points / nullif(f.n_csat, 0), 6) AS csat,
    CAST(m.n_journeys AS BIGINT) AS n_journeys,
    CAST(m.n_ended AS BIGINT) AS n_ended,
    CAST(m.n_lost AS BIGINT) AS n_lost,
    round(m.drop_off, 9) AS drop_off,
    CASE WHEN m.n_journeys > 0 THEN
        round(greatest(0.0, (m.drop_off + m.z * m.z / (2 * m.n_journeys)
            - m.z * sqrt(m.drop_off * (1 - m.drop_off) / m.n_journeys + m.z * m.z / (4 * m.n_journeys * m.n_journeys)))
            / (1 + m.z * m.z / m.n_journeys)), 9)
    END AS drop_off_low,
    CASE WHEN m.n_journeys > 0 THEN
        round(least(1.0, (m.drop_off + m.z * m.z / (2 * m.n_journeys)
            + m.z * sqrt(m.drop_off * (1 - m.drop_off) / m.n_journeys + m.z * m.z / (4 * m.n_journeys * m.n_journeys)))
            / (1 + m.z * m.z / m.n_journeys)), 9)
    END AS drop_off_high,
    CAST($transition_days AS BIGINT) AS transition_days
FROM measured AS m
JOIN owned AS o ON o.stage = m.stage AND o.channel = m.channel
LEFT JOIN spent AS s ON s.stage = m.stage AND s.channel = m.channel
LEFT JOIN scored AS f ON f.stage = m.stage AND f.channel = m.channel
