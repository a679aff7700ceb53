-- Grain: one row per active customer of the id registry.
-- Meaning: everything known of a customer before as_of, flat. Counts of customers who never did a thing are 0;
--   times, averages and scores of things that never happened are empty. Lifecycle: see customer_lifecycle. Amounts are
--   in the reporting currency (currency_use) and empty where one of them has no rate.
-- Caveats: whoever may not be profiled (unprofiled_customer) has facts, but no score, no segment and the stage not_profiled.
--   Completeness is the share of ten fields of
--   identity and person that are filled. An email may be used for marketing only when a consent says so.
WITH churn AS (
    SELECT * FROM churn_predictions WHERE eligible
),
contact_right AS (
    SELECT
        s.customer_id,
        bool_or(s.is_exportable)
            FILTER (WHERE s.purpose = 'marketing' AND s.channel = 'email' AND s.contact_point = c.primary_email)
            AS may_email,
        bool_or(s.is_exportable)
            FILTER (WHERE s.purpose = 'marketing' AND s.channel = 'any' AND s.contact_point = c.primary_email)
            AS may_any
    FROM consent_state AS s
    LEFT JOIN customer AS c ON c.customer_id = s.customer_id
    WHERE s.purpose = 'marketing'
    GROUP BY s.customer_id
)
SELECT
    g.customer_id,
    g.born_as_of,
    -- identity
    c.n_records,
    c.n_sources,
    c.sources,
    c.primary_email,
    c.is_email_verified,
    c.primary_phone,
    c.first_name,
    c.last_name,
    c.full_name,
    c.first_seen_at,
    c.last_seen_at,
    -- person
    c.age_band,
    c.gender,
    c.language,
    c.country,
    c.state,
    c.city,
    c.job_title,
    c.department,
    c.seniority,
    c.interests,
    CASE WHEN c.interests IS NOT NULL THEN 'stated' END AS interests_basis,
    -- organisation
    c.account_id,
    c.account_name,
    c.industry,
    c.employee_count,
    c.account_tier,
    b.account_key,
    -- household
    d.household_id,
    d.household_size,
    -- lifecycle
    CASE WHEN u.customer_id IS NULL THEN l.lifecycle_stage ELSE 'not_profiled' END AS lifecycle_stage,
    l.lifecycle_since,
    CAST(least(t.first_order_day, s.paying_since) AS TIMESTAMP) AS customer_since,
    CAST(date_diff('day', CAST(least(t.first_order_day, s.paying_since) AS DATE), $as_of) AS BIGINT) AS tenure_days,
    -- engagement
    e.first_active_at,
    e.last_active_at,
    e.last_session_at,
    l.active_since,
    e.days_since_active,
    coalesce(e.active_days_7d, 0) AS active_days_7d,
    coalesce(e.active_days_28d, 0) AS active_days_28d,
    coalesce(e.active_days_90d, 0) AS active_days_90d,
    coalesce(e.sessions_7d, 0) AS sessions_7d,
    coalesce(e.sessions_28d, 0) AS sessions_28d,
    coalesce(e.sessions_90d, 0) AS sessions_90d,
    coalesce(e.activities_28d, 0) AS activities_28d,
    coalesce(e.activities_90d, 0) AS activities_90d,
    coalesce(e.core_actions_28d, 0) AS core_actions_28d,
    coalesce(e.core_actions_90d, 0) AS core_actions_90d,
    coalesce(e.features_used_28d, 0) AS features_used_28d,
    coalesce(e.features_used_90d, 0) AS features_used_90d,
    coalesce(e.emails_opened_90d, 0) AS emails_opened_90d,
    coalesce(e.emails_clicked_90d, 0) AS emails_clicked_90d,
    CASE WHEN u.customer_id IS NULL THEN e.engagement_trend END AS engagement_trend,
    CASE WHEN u.customer_id IS NULL THEN e.preferred_channel END AS preferred_channel,
    CASE WHEN u.customer_id IS NULL THEN e.preferred_hour END AS preferred_hour,
    -- transactions
    coalesce(t.orders_total, 0) AS orders_total,
    coalesce(t.orders_90d, 0) AS orders_90d,
    coalesce(t.orders_365d, 0) AS orders_365d,
    coalesce(t.orders_cancelled, 0) AS orders_cancelled,
    coalesce(t.orders_refunded, 0) AS orders_refunded,
    CASE WHEN t.customer_id IS NULL THEN 0 ELSE t.revenue_total END AS revenue_total,
    CASE WHEN t.customer_id IS NULL THEN 0 ELSE t.revenue_90d END AS revenue_90d,
    CASE WHEN t.customer_id IS NULL THEN 0 ELSE t.revenue_365d END AS revenue_365d,
    t.order_currency,
    t.revenue_total_own,
    t.average_order_value,
    CASE WHEN t.customer_id IS NULL THEN 0 ELSE t.refunded_total END AS refunded_total,
    t.refund_share,
    CASE WHEN t.customer_id IS NULL THEN 0 ELSE t.discount_total END AS discount_total,
    t.discounted_order_share,
    t.first_order_at,
    t.last_order_at,
    t.days_since_order,
    t.order_gap_median_days,
    t.order_gap_mean_days,
    coalesce(t.items_total, 0) AS items_total,
    coalesce(t.categories_bought, 0) AS categories_bought,
    t.top_category,
    t.top_category_share,
    coalesce(t.late_deliveries_365d, 0) AS late_deliveries_365d,
    coalesce(y.payments_failed_90d, 0) AS payments_failed_90d,
    r.r_score,
    r.f_score,
    r.m_score,
    r.rfm_score,
    r.segment AS rfm_segment,
    -- subscription
    coalesce(s.subscriptions_total, 0) AS subscriptions_total,
    coalesce(s.subscriptions_active, 0) AS subscriptions_active,
    CASE WHEN s.customer_id IS NULL THEN 0 ELSE s.mrr END AS mrr,
    s.plan_id,
    s.plan_name,
    s.subscription_status,
    s.billing_interval,
    coalesce(s.seats, 0) AS seats,
    s.subscribed_since,
    s.next_renewal_at,
    s.trial_ends_at,
    coalesce(s.is_canceling, FALSE) AS is_canceling,
    coalesce(s.is_in_dunning, FALSE) AS is_in_dunning,
    CASE WHEN y.customer_id IS NULL THEN 0 ELSE y.amount_overdue END AS amount_overdue,
    s.last_canceled_at,
    s.cancellation_reason,
    -- support and voice
    coalesce(h.tickets_total, 0) AS tickets_total,
    coalesce(h.tickets_90d, 0) AS tickets_90d,
    coalesce(h.tickets_open, 0) AS tickets_open,
    coalesce(h.ticket_reopens, 0) AS ticket_reopens,
    coalesce(h.tickets_escalated, 0) AS tickets_escalated,
    h.last_ticket_at,
    h.first_response_minutes_median,
    h.resolution_hours_median,
    h.last_nps_score,
    h.last_nps_at,
    h.last_csat_score,
    h.last_csat_at,
    h.last_ces_score,
    h.last_pmf_answer,
    coalesce(h.reviews_total, 0) AS reviews_total,
    h.review_rating_mean,
    -- predictions
    cp.p_churn AS churn_purchase_p,
    cp.p_low AS churn_purchase_p_low,
    cp.p_high AS churn_purchase_p_high,
    cp.risk_band AS churn_purchase_band,
    cp.expected_loss AS churn_purchase_expected_loss,
    cp.reason_1 AS churn_purchase_reason,
    cs.p_churn AS churn_subscription_p,
    cs.p_low AS churn_subscription_p_low,
    cs.p_high AS churn_subscription_p_high,
    cs.risk_band AS churn_subscription_band,
    cs.expected_loss AS churn_subscription_expected_loss,
    cs.reason_1 AS churn_subscription_reason,
    -- consent and quality
    coalesce(k.may_email, k.may_any, FALSE) AND coalesce(u.reason, '') <> 'restricted' AS may_email_marketing,
    u.customer_id IS NOT NULL AS is_profiling_denied,
    round((
        CASE WHEN c.primary_email IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.primary_phone IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.first_name IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.last_name IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.country IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.city IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.language IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.gender IS NOT NULL THEN 1 ELSE 0 END
        + CASE WHEN c.age_band IS NOT NULL THEN 1 ELSE 0 END + CASE WHEN c.interests IS NOT NULL THEN 1 ELSE 0 END
    ) / 10.0, 2) AS completeness,
    c.freshest_source
FROM customer_id_registry AS g
LEFT JOIN unprofiled_customer AS u ON u.customer_id = g.customer_id
LEFT JOIN customer_lifecycle AS l ON l.customer_id = g.customer_id
LEFT JOIN customer AS c ON c.customer_id = g.customer_id
LEFT JOIN customer_account AS b ON b.customer_id = g.customer_id AND b.is_primary
LEFT JOIN customer_household AS o ON o.customer_id = g.customer_id AND o.valid_to IS NULL
LEFT JOIN household AS d ON d.household_id = o.household_id
LEFT JOIN customer_engagement AS e ON e.customer_id = g.customer_id
LEFT JOIN customer_transactions AS t ON t.customer_id = g.customer_id
LEFT JOIN customer_subscription AS s ON s.customer_id = g.customer_id
LEFT JOIN customer_payments AS y ON y.customer_id = g.customer_id
LEFT JOIN customer_support AS h ON h.customer_id = g.customer_id
LEFT JOIN contact_right AS k ON k.customer_id = g.customer_id
LEFT JOIN rfm AS r ON r.customer_id = g.customer_id
LEFT JOIN churn AS cp ON cp.customer_id = g.customer_id AND cp.kind = 'purchase'
LEFT JOIN churn AS cs ON cs.customer_id = g.customer_id AND cs.kind = 'subscription'
WHERE g.status = 'active'
