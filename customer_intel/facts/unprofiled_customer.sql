-- Grain: one row per customer about whom no score, segment or stage may be made.
-- Meaning: who denied or withdrew profiling, or asked for restriction of processing or for erasure
--   (GDPR art. 18, 17). Tables that judge
--   customers are `without` this one, so they never see these people.
-- Caveats: an unverified request for restriction counts until it is found to be false (verified = false).
WITH restricted AS (
    SELECT r.customer_id, e.received_at
    FROM erasure_requests AS e
    JOIN customer_record AS r ON r.record_key = e.record_key
    WHERE e.request_type IN ('restriction', 'erasure') AND coalesce(e.verified, TRUE) AND e.received_at < CAST($as_of AS TIMESTAMP)
    UNION ALL
    SELECT i.customer_id, e.received_at
    FROM erasure_requests AS e
    JOIN customer_identifier AS i ON i.value_norm = lower(trim(e.subject_id))
    WHERE e.request_type IN ('restriction', 'erasure') AND coalesce(e.verified, TRUE) AND e.received_at < CAST($as_of AS TIMESTAMP)
        AND lower(e.subject_id_type) IN ('email', 'phone')
    UNION ALL
    SELECT g.customer_id, e.received_at
    FROM erasure_requests AS e
    JOIN customer_id_alias AS g ON g.alias_customer_id = e.subject_id
    WHERE e.request_type IN ('restriction', 'erasure') AND coalesce(e.verified, TRUE) AND e.received_at < CAST($as_of AS TIMESTAMP)
),
barred AS (
    SELECT customer_id, status AS reason, CASE status WHEN 'denied' THEN 2 ELSE 3 END AS place, collected_at AS since
    FROM consent_state
    WHERE purpose = 'profiling' AND status IN ('denied', 'withdrawn')
    UNION ALL
    SELECT customer_id, 'restricted', 1, received_at
    FROM restricted
)
SELECT customer_id, reason, CAST(since AS TIMESTAMP) AS since
FROM barred
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY place, since) = 1
