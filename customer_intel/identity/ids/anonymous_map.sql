-- Grain: one row per device (anonymous_id) and stretch of time in which its anonymous events are one person's.
-- Meaning: login stretches run from a person's first identified event to the last and $device_days days on, or, on a
--   device that somebody else used within those days, $device_minutes minutes on; never into another person's stretch.
--   Backfill stretches reach back $device_days days before a login, only where nobody else used the device in the
--   $device_days days before and after it.
-- Caveats: ends_at is exclusive. Stretches of one device do not overlap. Identified events need no map.
WITH seen AS (
    SELECT e.anonymous_id, e.record_key, m.customer_id, e.occurred_at
    FROM events AS e
    JOIN record_customer_map AS m ON m.record_key = e.record_key AND m.valid_to IS NULL
    WHERE e.anonymous_id IS NOT NULL AND e.occurred_at < $as_of
),
-- Of several people at the very same moment the first in the alphabet: the order of the file must not decide.
stepped AS (
    SELECT
        *,
        lag(customer_id)
            OVER (PARTITION BY anonymous_id ORDER BY occurred_at, customer_id, record_key) AS last_customer_id,
        lag(occurred_at) OVER (PARTITION BY anonymous_id ORDER BY occurred_at, customer_id, record_key) AS last_at
    FROM seen
),
numbered AS (
    SELECT
        *,
        sum(
            CASE
                WHEN last_customer_id = customer_id AND occurred_at <= last_at + INTERVAL $device_days DAY THEN 0
                ELSE 1
            END
        ) OVER (
            PARTITION BY anonymous_id ORDER BY occurred_at, customer_id, record_key ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM stepped
),
stretch AS (
    SELECT
        anonymous_id,
        stretch,
        customer_id,
        min(record_key) AS record_key,
        min(occurred_at) AS starts_at,
        max(occurred_at) AS last_seen_at
    FROM numbered
    GROUP BY anonymous_id, stretch, customer_id
),
neighbour AS (
    SELECT
        *,
        lag(last_seen_at) OVER (PARTITION BY anonymous_id ORDER BY stretch) AS last_person_at,
        lead(starts_at) OVER (PARTITION BY anonymous_id ORDER BY stretch) AS next_starts_at,
        lead(customer_id) OVER (PARTITION BY anonymous_id ORDER BY stretch) AS next_customer_id
    FROM stretch
),
login AS (
    SELECT
        *,
        least(
            last_seen_at + CASE
                WHEN next_customer_id <> customer_id AND next_starts_at < last_seen_at + INTERVAL $device_days DAY
                    THEN INTERVAL $device_minutes MINUTE
                ELSE INTERVAL $device_days DAY
            END,
            coalesce(next_starts_at, TIMESTAMP '9999-12-31 00:00:00')
        ) AS ends_at
    FROM neighbour
),
backfill AS (
    SELECT
        *,
        greatest(
            starts_at - INTERVAL $device_days DAY,
            coalesce(lag(ends_at) OVER (PARTITION BY anonymous_id ORDER BY stretch), TIMESTAMP '1970-01-01 00:00:00')
        ) AS reaches_back_to
    FROM login
)
SELECT anonymous_id, customer_id, record_key, starts_at, ends_at, 'login' AS method
FROM login
WHERE ends_at > starts_at
UNION ALL
SELECT anonymous_id, customer_id, record_key, reaches_back_to, starts_at, 'backfill'
FROM backfill
WHERE reaches_back_to < starts_at
    AND (last_person_at IS NULL OR last_person_at < starts_at - INTERVAL $device_days DAY)
    AND (
        next_customer_id IS NULL OR next_customer_id = customer_id
        OR next_starts_at >= starts_at + INTERVAL $device_days DAY
    )
