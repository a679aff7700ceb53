-- Grain: one row per subscription and stretch of time in which the company knew the same of it.
-- Meaning: as order_version: known_from is the start where the source's first export brought it, else the export that first
--   said so. changed_at is when it became so: the start, or the source's last change, if it lies between two exports, else
--   just before the export. monthly_price: price of a period less its discount, never below zero, brought to a month; days
--   and weeks by one factor (365 / 12 days a month).
-- Caveats: word_state is the source's word (state_word); what the dates make of it is subscription_fact's.
WITH first_export AS (
    SELECT source_system, min(exported_at) AS first_exported_at FROM raw_subscriptions GROUP BY source_system
),
exported AS (
    SELECT
        *,
        max(updated_at) OVER (
            PARTITION BY source_system, subscription_id ORDER BY exported_at, source_file, source_row
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS newest_update
    FROM raw_subscriptions
),
standing AS (
    SELECT *
    FROM exported
    WHERE coalesce(_deleted, FALSE) OR newest_update IS NULL OR updated_at = newest_update
    QUALIFY row_number() OVER (
        PARTITION BY source_system, subscription_id, exported_at ORDER BY source_file DESC, source_row DESC
    ) = 1
),
read_state AS (
    SELECT
        s.*,
        CASE WHEN coalesce(s._deleted, FALSE) THEN 'deleted' ELSE coalesce(w.state, 'unknown') END AS word_state,
        greatest(
            CAST(coalesce(s.unit_amount, 0) AS DOUBLE) * coalesce(s.quantity, 1) - CAST(coalesce(s.discount, 0) AS DOUBLE), 0.0
        ) / nullif(coalesce(s.interval_count, 1), 0)
            * CASE lower(s.billing_interval)
                WHEN 'year' THEN 1.0 / 12.0 WHEN 'annual' THEN 1.0 / 12.0 WHEN 'quarter' THEN 1.0 / 3.0
                WHEN 'week' THEN 365.0 / 84.0 WHEN 'day' THEN 365.0 / 12.0 ELSE 1.0
            END AS monthly
    FROM standing AS s
    LEFT JOIN state_word AS w
        ON w.source_system = s.source_system AND w.entity = 'subscriptions' AND w.word = coalesce(s.status, '')
),
compared AS (
    SELECT
        *,
        concat_ws(
            '|', word_state, CAST(round(coalesce(monthly, 0), 2) AS VARCHAR), plan_id, CAST(coalesce(quantity, 1) AS VARCHAR),
            coalesce(CAST(trial_end AS VARCHAR), '-'), coalesce(CAST(canceled_at AS VARCHAR), '-'),
            coalesce(CAST(ended_at AS VARCHAR), '-'), CAST(coalesce(cancel_at_period_end, FALSE) AS VARCHAR),
            CASE WHEN cancel_at_period_end THEN CAST(current_period_end AS VARCHAR) ELSE '-' END, currency, record_key,
            CAST(started_at AS VARCHAR)
        ) AS said,
        lag(exported_at) OVER (PARTITION BY source_system, subscription_id ORDER BY exported_at) AS exported_before
    FROM read_state
),
changed AS (
    SELECT *
    FROM (
        SELECT *, lag(said) OVER (PARTITION BY source_system, subscription_id ORDER BY exported_at) AS said_before
        FROM compared
    )
    WHERE said_before IS NULL OR said <> said_before
),
placed AS (
    SELECT
        c.*,
        CASE
            WHEN c.exported_before IS NULL AND c.exported_at = f.first_exported_at THEN least(c.started_at, c.exported_at)
            ELSE c.exported_at
        END AS known_from
    FROM changed AS c
    JOIN first_export AS f ON f.source_system = c.source_system
)
SELECT
    c.source_system || ':' || c.subscription_id AS subscription_key,
    c.source_system,
    c.subscription_id,
    CAST(row_number() OVER (PARTITION BY c.source_system, c.subscription_id ORDER BY c.exported_at) AS BIGINT) AS version_no,
    c.known_from,
    min(c.known_from) OVER (PARTITION BY c.source_system, c.subscription_id) AS first_known_at,
    lead(c.exported_at) OVER (PARTITION BY c.source_system, c.subscription_id ORDER BY c.exported_at) AS known_to,
    c.exported_at,
    CASE
        WHEN c.exported_before IS NULL THEN c.started_at
        WHEN c.updated_at > c.exported_before THEN least(c.updated_at, before_export(c.exported_at))
        ELSE before_export(c.exported_at)
    END AS changed_at,
    -- What a first export shows was not always so: since the source's last change, as far as it tells.
    CASE
        WHEN c.exported_before IS NULL
            THEN greatest(c.started_at, least(coalesce(c.updated_at, c.exported_at), before_export(c.exported_at)))
    END AS state_since,
    c.record_key,
    c.account_id,
    c.word_state,
    c.status AS source_state,
    c.word_state NOT IN ('never_started', 'deleted') AS has_begun,
    -- Whether it may bring recurring revenue, as far as this version's own export knows (pays_now) or before it.
    -- That an ended one has no seats any more says nothing of what it cost.
    c.word_state NOT IN ('never_started', 'unknown', 'deleted', 'free')
        AND (coalesce(c.monthly, 0) > 0 OR (c.word_state = 'ended' AND coalesce(c.quantity, 1) = 0 AND c.unit_amount > 0)) AS may_pay,
    c.word_state NOT IN ('trial', 'unpaid') AS pays_now,
    c.plan_id,
    c.plan_name,
    c.quantity,
    c.billing_interval,
    upper(trim(c.currency)) AS currency,
    CAST(round(coalesce(c.monthly, 0), 2) AS DECIMAL(18, 2)) AS monthly_price,
    c.started_at,
    CASE
        WHEN c.trial_end > coalesce(c.trial_start, c.started_at) THEN c.trial_end
    END AS trial_end,
    coalesce(c.cancel_at_period_end, FALSE) AS is_canceling,
    c.current_period_end,
    c.canceled_at,
    -- When it ended, or will, as far as this version knows; a word of an end without a time ends with its change.
    CASE
        WHEN c.ended_at IS NOT NULL THEN c.ended_at
        WHEN c.word_state = 'ended'
            -- Not before an export that still showed it running.
            THEN coalesce(c.canceled_at, CASE
                WHEN c.exported_before IS NULL OR c.updated_at > c.exported_before
                    THEN least(coalesce(c.updated_at, c.exported_at), before_export(c.exported_at))
                ELSE before_export(c.exported_at)
            END)
        WHEN c.cancel_at_period_end AND c.current_period_end > c.exported_at THEN c.current_period_end
    END AS ends_at,
    c.cancellation_reason
FROM placed AS c
