-- Grain: one row per subscription and stretch of days with one state, plan and price, begun before as_of.
-- Meaning: a stretch holds from valid_from until, not including, valid_to (empty: still). trial until the trial's end;
--   then what the source says, since it says so: active, past_due, paused, unpaid; ending once an end is known that lies
--   ahead (ends_on); free at no price; ended from its end on. mrr is monthly_price where the state counts, else nothing:
--   it begins at conversion, and a trial that lapsed is neither new nor churned. mrr_reporting at the rate of as_of.
-- Caveats: where a source sends subscription_events with their mrr, that is the price from each event on. Prices before the
--   first export of a source without events are today's. A state that a first export shows undated is taken to hold
--   since the source's last change, and to have been active before.
WITH newest AS (
    SELECT
        *,
        CASE
            WHEN trial_end IS NOT NULL AND ends_at IS NOT NULL
                AND ends_at <= trial_end + INTERVAL $trial_grace_hours HOUR THEN greatest(ends_at, trial_end)
            ELSE trial_end
        END AS trial_until
    FROM subscription_version
    WHERE known_to IS NULL AND has_begun
),
period AS (
    SELECT
        v.*,
        lead(v.changed_at) OVER (PARTITION BY v.subscription_key ORDER BY v.version_no) AS next_changed_at,
        lead(CASE WHEN v.word_state = 'ended' THEN v.ends_at END)
            OVER (PARTITION BY v.subscription_key ORDER BY v.version_no) AS next_end,
        lag(v.ends_at) OVER (PARTITION BY v.subscription_key ORDER BY v.version_no) AS end_before
    FROM subscription_version AS v
    WHERE v.word_state <> 'deleted'
),
piece AS (
    SELECT n.subscription_key, n.version_no, n.started_at AS from_at, n.trial_until AS to_at, 'trial' AS state,
        n.started_at AS not_before
    FROM newest AS n
    WHERE n.trial_until IS NOT NULL
    UNION ALL
    -- What went before a state that a first export shows without saying since when.
    SELECT p.subscription_key, p.version_no, p.changed_at, p.state_since, 'active', NULL
    FROM period AS p
    WHERE p.version_no = 1 AND p.state_since > p.changed_at AND p.word_state IN ('past_due', 'paused', 'unpaid', 'ending')
    UNION ALL
    SELECT
        p.subscription_key,
        p.version_no,
        CASE
            WHEN p.version_no = 1 AND p.state_since > p.changed_at AND p.word_state IN ('past_due', 'paused', 'unpaid', 'ending')
                THEN p.state_since
            ELSE p.changed_at
        END,
        least(coalesce(p.next_changed_at, TIMESTAMP '9999-12-31'), coalesce(p.ends_at, TIMESTAMP '9999-12-31'),
              coalesce(p.next_end, TIMESTAMP '9999-12-31')),
        CASE
            -- Before the first payment of one that began after all.
            WHEN p.word_state = 'never_started' THEN 'unpaid'
            WHEN p.word_state = 'ended' AND p.version_no = 1 AND p.ends_at < day_start($as_of) THEN 'active'
            WHEN p.word_state = 'ended' OR (p.word_state = 'active' AND (p.is_canceling OR p.ends_at IS NOT NULL)) THEN 'ending'
            ELSE p.word_state
        END,
        NULL
    FROM period AS p
),
-- Between the trial's end and the subscription's.
framed AS (
    SELECT
        p.subscription_key,
        p.version_no,
        greatest(p.from_at, coalesce(p.not_before, n.trial_until, p.from_at)) AS from_at,
        coalesce(p.to_at, TIMESTAMP '9999-12-31') AS to_at,
        p.state
    FROM piece AS p
    JOIN newest AS n ON n.subscription_key = p.subscription_key
    UNION ALL
    -- Until the source shows it running again.
    SELECT
        p.subscription_key,
        p.version_no,
        CASE WHEN p.end_before <= p.changed_at THEN greatest(p.ends_at, p.changed_at) ELSE p.ends_at END,
        coalesce(p.next_changed_at, TIMESTAMP '9999-12-31'),
        'ended'
    FROM period AS p
    JOIN newest AS n ON n.subscription_key = p.subscription_key
    WHERE p.ends_at < day_start($as_of)
),
event_price AS (
    SELECT
        subscription_key,
        occurred_at AS from_at,
        coalesce(
            lead(occurred_at) OVER (PARTITION BY subscription_key ORDER BY occurred_at, event_id), TIMESTAMP '9999-12-31'
        ) AS to_at,
        mrr
    FROM subscription_change
    WHERE mrr IS NOT NULL
),
price_period AS (
    SELECT subscription_key, from_at, to_at, mrr FROM event_price
    UNION ALL
    SELECT subscription_key, TIMESTAMP '1900-01-01', min(from_at), NULL FROM event_price GROUP BY subscription_key
),
priced AS (
    SELECT
        f.subscription_key,
        f.version_no,
        f.state,
        greatest(f.from_at, coalesce(e.from_at, f.from_at)) AS from_at,
        least(f.to_at, coalesce(e.to_at, f.to_at)) AS to_at,
        e.mrr AS event_mrr
    FROM framed AS f
    LEFT JOIN price_period AS e
        ON e.subscription_key = f.subscription_key AND f.state <> 'ended' AND e.from_at < f.to_at AND e.to_at > f.from_at
    WHERE f.from_at < f.to_at
),
dated AS (
    SELECT
        *,
        local_day(from_at) AS valid_from,
        CASE WHEN to_at < day_start($as_of + 1) THEN local_day(to_at) END AS until_day
    FROM priced
),
stretch AS (
    SELECT *, CASE WHEN until_day < $as_of THEN until_day END AS valid_to
    FROM dated
    WHERE valid_from < $as_of AND (until_day IS NULL OR until_day > valid_from)
),
described AS (
    SELECT
        s.subscription_key,
        v.source_system,
        v.subscription_id,
        r.customer_id,
        v.record_key,
        v.account_id,
        s.valid_from,
        s.valid_to,
        greatest(v.known_from, s.from_at) AS known_at,
        CASE
            WHEN s.state IN ('active', 'past_due', 'ending') AND coalesce(s.event_mrr, v.monthly_price) = 0
                AND NOT (s.event_mrr IS NULL AND v.may_pay) THEN 'free'
            ELSE s.state
        END AS state,
        v.source_state,
        v.plan_id,
        v.plan_name,
        CAST(round(coalesce(v.quantity, 1), 0) AS BIGINT) AS seats,
        v.billing_interval,
        v.currency,
        CASE WHEN s.state = 'ended' THEN 0 ELSE coalesce(s.event_mrr, v.monthly_price) END AS monthly_price,
        local_day(n.started_at) AS started_on,
        local_day(n.trial_end) AS trial_ends_on,
        local_day(n.ends_at) AS ends_on,
        n.current_period_end,
        n.canceled_at,
        n.cancellation_reason,
        -- Of a running one that is not paid in full, too: an end is known that lies ahead.
        s.valid_to IS NULL AND s.state <> 'ended' AND (n.is_canceling OR coalesce(n.ends_at >= day_start($as_of), FALSE))
            AS is_to_end
    FROM stretch AS s
    JOIN subscription_version AS v ON v.subscription_key = s.subscription_key AND v.version_no = s.version_no
    JOIN newest AS n ON n.subscription_key = s.subscription_key
    LEFT JOIN customer_record AS r ON r.record_key = n.record_key
),
counted AS (
    SELECT
        *,
        CAST(CASE WHEN position('|' || state || '|' IN $counted_subscription_states) > 0 THEN monthly_price ELSE 0 END
            AS DECIMAL(18, 2)) AS mrr
    FROM described
),
-- Of two that hold at once the later word counts.
parted AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY subscription_key ORDER BY valid_from) AS next_from
    FROM (
        SELECT *
        FROM counted
        QUALIFY row_number() OVER (PARTITION BY subscription_key, valid_from ORDER BY known_at DESC, state) = 1
    )
)
SELECT
    d.subscription_key,
    d.source_system,
    d.subscription_id,
    d.customer_id,
    d.record_key,
    d.account_id,
    d.valid_from,
    least(coalesce(d.valid_to, d.next_from), coalesce(d.next_from, d.valid_to)) AS valid_to,
    d.known_at,
    d.state,
    d.source_state,
    d.state NOT IN ('ended', 'unknown') AS is_running,
    d.state = 'trial' AS is_trial,
    d.state = 'ending' OR d.is_to_end AS is_ending,
    d.state IN ('past_due', 'unpaid') AS is_dunning,
    d.state IN ('active', 'past_due', 'ending', 'paused') AS is_kept,
    d.plan_id,
    d.plan_name,
    d.seats,
    d.billing_interval,
    d.currency,
    CAST(d.monthly_price AS DECIMAL(18, 2)) AS monthly_price,
    d.mrr,
    CAST(round(d.mrr * c.rate, 2) AS DECIMAL(18, 2)) AS mrr_reporting,
    d.started_on,
    d.trial_ends_on,
    d.ends_on,
    d.current_period_end,
    d.canceled_at,
    d.cancellation_reason
FROM parted AS d
LEFT JOIN currency_rate AS c ON c.currency = d.currency AND $as_of - 1 >= c.from_day AND $as_of - 1 < c.to_day
