-- Grain: one row per device (anonymous_id) and stretch of time in which its anonymous events are one person's.
-- Meaning: login stretches run from a person's first identified event to the last and $device_days days on, or, on a
--   device that somebody else used within those days, $device_minutes minutes on; never into another person's stretch.
--   Backfill stretches reach back $device_days days before a login, only where nobody else used the device in the
--   $device_days days before and after it.
-- Caveats: ends_at is exclusive. Stretches of one device do not overlap. Identified events need no map. A further login
--   of the same person moves ends_at and nothing else.
WITH shared AS (
    SELECT e.anonymous_id
    FROM events AS e
    JOIN record_customer_map AS m ON m.record_key = e.record_key AND m.valid_to IS NULL
    WHERE e.anonymous_id IS NOT NULL AND e.occurred_at < $as_of
    GROUP BY e.anonymous_id
    HAVING min(m.customer_id) <> max(m.customer_id)
),
-- What one person did within $device_days is of one stretch where nobody else used the device: only pieces of time are
-- put in order, and moments where several people did.
seen AS (
    SELECT
        anonymous_id,
        customer_id,
        piece,
        min(record_key) AS record_key,
        min(occurred_at) AS first_at,
        max(occurred_at) AS last_at
    FROM (
        SELECT
            e.anonymous_id,
            m.customer_id,
            e.record_key,
            e.occurred_at,
            CASE
                WHEN d.anonymous_id IS NOT NULL THEN epoch_us(e.occurred_at)
                ELSE (epoch_us(e.occurred_at) + 62135596800000000) // ($device_days * 86400000000 + 1)
            END AS piece
        FROM events AS e
        JOIN record_customer_map AS m ON m.record_key = e.record_key AND m.valid_to IS NULL
        LEFT JOIN shared AS d ON d.anonymous_id = e.anonymous_id
        WHERE e.anonymous_id IS NOT NULL AND e.occurred_at < $as_of
    )
    GROUP BY anonymous_id, customer_id, piece
),
-- Of several people at the very same moment the first in the alphabet: the order of the file must not decide.
stepped AS (
    SELECT
        *,
        lag(customer_id) OVER w AS previous_customer_id,
        lag(last_at) OVER w AS previous_at
    FROM seen
    WINDOW w AS (PARTITION BY anonymous_id ORDER BY first_at, customer_id)
),
numbered AS (
    SELECT
        *,
        sum(
            CASE
                WHEN previous_customer_id = customer_id AND first_at <= previous_at + INTERVAL $device_days DAY THEN 0
                ELSE 1
            END
        ) OVER (PARTITION BY anonymous_id ORDER BY first_at, customer_id ROWS UNBOUNDED PRECEDING) AS stretch
    FROM stepped
),
stretch AS (
    SELECT
        anonymous_id,
        stretch,
        customer_id,
        min(record_key) AS record_key,
        min(first_at) AS starts_at,
        max(last_at) AS last_seen_at
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
