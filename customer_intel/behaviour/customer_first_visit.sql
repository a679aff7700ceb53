-- Grain: one row per known customer with a visit.
-- Meaning: by which way, and on which device, the customer came for the first time.
-- Caveats: visits are told by web and product events; who only ordered or wrote has no row.
SELECT customer_id, started_at AS first_visit_at, channel AS first_source, device_type AS first_device
FROM (
    SELECT
        customer_id,
        started_at,
        channel,
        device_type,
        row_number() OVER (PARTITION BY customer_id ORDER BY started_at, session_id) AS place
    FROM session
    WHERE customer_id IS NOT NULL
)
WHERE place = 1
