-- Grain: one row per party record that belongs to a customer today.
-- Meaning: the one place that says whose a record is; later rooms join it by record_key.
-- Caveats: today's answer, also for the past: a merge tonight moves yesterday's orders.
SELECT record_key, customer_id
FROM record_customer_map
WHERE valid_to IS NULL
