-- Grain: one row per customer with a ticket, a survey answer or a review before as_of.
-- Meaning: how the customer was served and what the customer said of it last.
-- Caveats: response and resolution times are medians over answered and solved tickets; open tickets are not in them.
--   Ratings are brought to five stars when their maximum is known.
WITH ticket AS (
    SELECT
        customer_id,
        opened_at,
        date_diff('day', ticket_day, $as_of) AS age,
        response_minutes,
        resolution_hours,
        CASE WHEN is_open THEN 1 ELSE 0 END AS is_open,
        reopens,
        CASE WHEN is_escalated THEN 1 ELSE 0 END AS is_escalated
    FROM ticket_fact
    WHERE customer_id IS NOT NULL
),
tickets_measured AS (
    SELECT
        customer_id,
        count(*) AS tickets_total,
        count(*) FILTER (WHERE age <= 90) AS tickets_90d,
        sum(is_open) AS tickets_open,
        sum(reopens) AS ticket_reopens,
        sum(is_escalated) AS tickets_escalated,
        max(opened_at) AS last_ticket_at,
        median(response_minutes) AS first_response_minutes_median,
        median(resolution_hours) AS resolution_hours_median
    FROM ticket
    GROUP BY customer_id
),
last_answer AS (
    SELECT customer_id, survey_type, score, pmf_answer, responded_at
    FROM survey_answer_fact
    WHERE customer_id IS NOT NULL AND (score IS NOT NULL OR pmf_answer IS NOT NULL)
    QUALIFY row_number() OVER (
        PARTITION BY customer_id, survey_type ORDER BY responded_at DESC, survey_answer_key
    ) = 1
),
answers AS (
    SELECT
        customer_id,
        max(score) FILTER (WHERE survey_type = 'nps') AS last_nps_score,
        max(responded_at) FILTER (WHERE survey_type = 'nps') AS last_nps_at,
        max(score) FILTER (WHERE survey_type = 'csat') AS last_csat_score,
        max(responded_at) FILTER (WHERE survey_type = 'csat') AS last_csat_at,
        max(score) FILTER (WHERE survey_type = 'ces') AS last_ces_score,
        max(responded_at) FILTER (WHERE survey_type = 'ces') AS last_ces_at,
        max(pmf_answer) FILTER (WHERE survey_type = 'pmf') AS last_pmf_answer,
        max(responded_at) FILTER (WHERE survey_type = 'pmf') AS last_pmf_at
    FROM last_answer
    GROUP BY customer_id
),
reviews_measured AS (
    SELECT customer_id, count(*) AS reviews_total, avg(stars) AS review_rating_mean
    FROM review_fact
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),
heard AS (
    SELECT customer_id FROM tickets_measured
    UNION
    SELECT customer_id FROM answers
    UNION
    SELECT customer_id FROM reviews_measured
)
SELECT
    h.customer_id,
    CAST(coalesce(t.tickets_total, 0) AS BIGINT) AS tickets_total,
    CAST(coalesce(t.tickets_90d, 0) AS BIGINT) AS tickets_90d,
    CAST(coalesce(t.tickets_open, 0) AS BIGINT) AS tickets_open,
    CAST(coalesce(t.ticket_reopens, 0) AS BIGINT) AS ticket_reopens,
    CAST(coalesce(t.tickets_escalated, 0) AS BIGINT) AS tickets_escalated,
    t.last_ticket_at,
    round(t.first_response_minutes_median, 2) AS first_response_minutes_median,
    round(t.resolution_hours_median, 2) AS resolution_hours_median,
    a.last_nps_score,
    a.last_nps_at,
    a.last_csat_score,
    a.last_csat_at,
    a.last_ces_score,
    a.last_ces_at,
    a.last_pmf_answer,
    a.last_pmf_at,
    CAST(coalesce(v.reviews_total, 0) AS BIGINT) AS reviews_total,
    round(v.review_rating_mean, 3) AS review_rating_mean
FROM heard AS h
LEFT JOIN tickets_measured AS t ON t.customer_id = h.customer_id
LEFT JOIN answers AS a ON a.customer_id = h.customer_id
LEFT JOIN reviews_measured AS v ON v.customer_id = h.customer_id
