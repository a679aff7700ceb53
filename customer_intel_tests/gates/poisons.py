"""What breaks each `sql` expectation: the table's rows with these columns computed wrongly (a
REPLACE list, or a whole SELECT over `good`, its good rows). One entry for each expectation of that
kind in the contract.
"""

from __future__ import annotations

FUTURE = "exported_at + INTERVAL 3 DAY"
UNPROFILED = "(SELECT min(customer_id) FROM unprofiled_customer) AS customer_id"

SQL: dict[tuple[str, str], str] = {
    ("metric_row", "no_day_to_come"): "DATE '2100-01-01' AS day",
    ("metric_daily", "given_has_its_total"): (
        "SELECT * FROM good WHERE metric <> 'step_exits' OR dimension <> 'all'"
    ),
    ("activity", "day_is_the_day_of_ts"): "CAST(day + 2 AS DATE) AS day",
    ("activity", "not_before_1990"): "DATE '1970-01-01' AS day",
    ("activity", "events_have_names"): "'unnamed_event' AS activity",
    ("session", "begins_on_its_day"): "started_at - INTERVAL 1 SECOND AS ended_at",
    ("activity_daily", "sessions_only_on_session_rows"): "sessions_started + 1 AS sessions_started",
    ("activity_daily", "first_to_last_within_the_day"): "last_at + INTERVAL 2 DAY AS last_at",
    ("act_daily", "first_to_last_within_the_day"): "last_at + INTERVAL 2 DAY AS last_at",
    ("actor_act", "days_are_of_the_actor"): "active_days + 1 AS later_days",
    ("behaviour_definition", "positions_follow_each_other"): "position + 1 AS position",
    ("behaviour_definition", "acts_are_a_list"): "replace(acts, '|', '') AS acts",
    ("behaviour_candidate", "named_acts_are_done"): "0 AS n_ever, '|feature|' AS roles",
    ("funnel_customer_step", "no_step_is_left_out"): "step + 1 AS step",
    ("funnel_customer_step", "times_go_forward"): (
        "CASE WHEN step > 1 THEN reached_at - INTERVAL 400 DAY ELSE reached_at END AS reached_at"
    ),
    ("funnel_customer_step", "without_unprofiled_customer"): UNPROFILED,
    ("funnel_customer", "who_converted_is_done"): "NOT is_converted AS is_converted",
    ("funnel_customer", "without_unprofiled_customer"): UNPROFILED,
    ("behaviour_customer", "without_unprofiled_customer"): UNPROFILED,
    ("funnel_step", "nobody_comes_back_in"): "n_entered + 1 AS n",
    ("funnel_step", "people_are_the_figure"): "greatest(n - 1, 0) AS n",
    ("funnel_step", "members_are_the_whole"): (
        "CASE WHEN breakdown = 'all' THEN n ELSE greatest(n - 1, 0) END AS n"
    ),
    ("funnel_step", "intervals_hold_their_shares"): "share_of_start + 0.01 AS share_of_start_low",
    ("customer_day", "active_is_an_own_act"): "NOT is_active AS is_active",
    ("retention_cohort", "retained_within_eligible_within_cohort"): "n_cohort + 1 AS n_eligible",
    ("retention_cohort", "rate_is_its_counts"): "CASE WHEN n_eligible = 0 THEN 1.0 END AS retention_rate",
    ("retention_cohort", "interval_holds_rate"): "1.0 AS low, 0.5 AS retention_rate",
    ("retention_cohort", "complete_when_all_had_time"): "NOT is_complete AS is_complete",
    ("retention_cohort", "a_cohort_has_one_size"): (
        "SELECT * FROM good UNION ALL SELECT * REPLACE (n_cohort + 1 AS n_cohort) FROM good"
    ),
    ("retention_cohort", "who_begins_by_coming_is_there"): (
        "0 AS interval_no, 'any' AS start_event, 'any' AS return_event, n_cohort + 1 AS n_so_far"
    ),
    ("lifecycle_period", "parts_are_the_active"): "n_new + 1 AS n_new",
    ("lifecycle_period", "dormant_are_the_active_before_less_returning"): (
        "n_dormant + 1 AS n_dormant"
    ),
    ("lifecycle_period", "only_the_last_is_unfinished"): "FALSE AS is_complete",
    ("stickiness_period", "nobody_is_there_longer_than_the_period"): "0 AS period_units",
    ("stickiness_period", "parts_are_the_active"): "n + 1 AS n",
    ("stickiness_period", "mean_is_its_counts"): "mean_units + 1 AS mean_units",
    ("stickiness_period", "active_as_lifecycle_says"): "n_active + 1 AS n_active",
    ("feature_usage", "adopters_are_active"): "n + 1 AS n_adopters",
    ("feature_usage", "intervals_hold_shares"): "0.5 AS adoption, 0.6 AS low",
    ("feature_usage", "first_uses_in_order"): "first_use_p90 + 1 AS first_use_p50",
    ("feature_usage", "somebody_used_it"): "NULL AS first_use_p50",
    ("feature_driver", "sides_are_the_population"): "n_exposed + 1 AS n_exposed",
    ("feature_driver", "intervals_hold_differences"): "1.0 AS adjusted_low, 0.5 AS adjusted_difference",
    ("feature_driver", "crude_is_its_shares"): (
        "0.5 AS crude_difference, 0.5 AS rate_exposed, 0.4 AS rate_unexposed"
    ),
    ("feature_driver", "adjusted_not_below_plain"): "0.5 AS driver_p, 0.4 AS q_value",
    ("feature_driver", "supported_only_when_sure"): "'supported' AS verdict, 0.06 AS q_value",
    ("behaviour_difference", "nobody_did_it_who_is_not_there"): "n_a + 1 AS did_a",
    ("behaviour_difference", "interval_holds_difference"): "high + 1 AS share_difference",
    ("behaviour_difference", "adjusted_not_below_plain"): "0.5 AS difference_p, 0.4 AS q_value",
    ("behaviour_difference", "leans_only_when_sure"): "'more' AS leaning, 0.5 AS q_value",
    ("customer_lifecycle", "without_unprofiled_customer"): UNPROFILED,
    ("unprofiled_customer", "a_refusal_that_names_nobody_known"): "SELECT * FROM good",
    ("state_word", "words_nobody_knows_are_few"): "TRUE AS is_beyond_share",
    ("state_word", "word_nobody_declared"): "'unknown' AS basis, 1 AS n",
    ("currency_use", "one_reporting_currency"): "FALSE AS is_reporting",
    ("currency_use", "reporting_currency_is_declared"): ("TRUE AS is_reporting, 'most_amounts' AS "
        "reporting_basis"),
    ("currency_rate", "stretches_in_order"): "from_day AS to_day",
    ("currency_rate", "one_rate_a_day"): (
        "SELECT * FROM good UNION ALL SELECT * REPLACE (CAST(from_day - 1 AS DATE) AS from_day) "
        "FROM good"
    ),
    ("source_start", "first_before_last"): "CAST(first_day - 1 AS DATE) AS last_day",
    ("order_version", "one_version_at_a_time"): "known_from - INTERVAL 1 SECOND AS known_to",
    ("refund_fact", "credit_note_of_an_order"): "'credit_note' AS refund_kind, NULL AS order_key",
    ("refund_fact", "amount_has_a_rate"): "TRUE AS is_counted, NULL AS refund_reporting",
    ("order_fact", "given_back_within_gross"): ("TRUE AS is_sale, gross_amount + 1 AS "
        "refunded_amount"),
    ("order_fact", "net_is_gross_less_refunds"): "net_amount + 1 AS net_amount",
    ("order_fact", "counted_is_a_sale"): "TRUE AS is_counted, FALSE AS is_sale",
    ("order_fact", "no_sum_over_currencies_without_a_rate"): (
        "CASE WHEN gross_reporting IS NULL THEN 1 END AS gross_reporting"
    ),
    ("order_fact", "every_order_once"): "SELECT * FROM good OFFSET 1",
    ("order_fact", "amount_has_a_rate"): "TRUE AS is_sale, NULL AS net_reporting",
    ("order_fact", "partly_returned_says_how_much"): ("'partly_returned' AS state, 0 AS "
        "refunded_amount"),
    ("order_fact", "lines_agree_with_order"): "TRUE AS is_counted, FALSE AS lines_agree",
    ("order_fact", "most_lines_agree_with_their_order"): (
        "TRUE AS is_counted, 1 AS n_lines, FALSE AS lines_agree"
    ),
    ("payment_fact", "amount_has_a_rate"): "TRUE AS is_counted, NULL AS paid_reporting",
    ("subscription_version", "one_version_at_a_time"): "known_from - INTERVAL 1 SECOND AS known_to",
    ("subscription_fact", "stretches_do_not_overlap"): "valid_from AS valid_to",
    ("subscription_fact", "only_paying_states_have_mrr"): "'trial' AS state, 1 AS mrr",
    ("subscription_fact", "price_has_a_rate_or_stays_alone"): (
        "CASE WHEN mrr_reporting IS NULL THEN 1 END AS mrr_reporting"
    ),
    ("subscription_fact", "price_agrees_with_events"): "NULL AS valid_to, 99999 AS mrr",
    ("subscription_fact", "amount_has_a_rate"): "NULL AS valid_to, 1 AS mrr, NULL AS mrr_reporting",
    ("survey_invitation_fact", "no_more_answered_than_answers"): (
        "SELECT good.* REPLACE (TRUE AS is_answered) FROM good, range(1000)"
    ),
    ("nps_summary", "answers_add_up"): "passives + 1 AS passives",
    ("nps_summary", "interval_holds_score"): "score + 1 AS low",
    ("nps_summary", "scored_where_answered"): "NULL AS mde80",
    ("nps_summary", "pairs_within_answers"): "n + 1 AS n_paired",
    ("nps_summary", "answers_are_on_the_scale"): "1 AS n_unusable",
    ("nps_summary", "adjusted_not_below_plain"): "0.5 AS p_value, 0.4 AS p_adj",
    ("nps_summary", "score_is_its_counts"): "score / 2 + 1 AS score",
    ("party_source", "seen_in_order"): "last_seen_at + INTERVAL 1 DAY AS first_seen_at",
    ("party_record", "nobody_lost"): "SELECT * FROM good OFFSET 1",
    ("party_record", "emails_understood"): "'x' AS email, NULL AS email_norm",
    ("identifier_fact", "one_strength_everywhere"): (
        "SELECT * FROM good UNION ALL SELECT * REPLACE (record_key || '2' AS record_key, "
        "CASE strength WHEN 'weak' THEN 'strong' ELSE 'weak' END AS strength) FROM good"
    ),
    ("identifier_fact", "no_empty_values"): "' ' AS value_norm",
    ("hub_value", "counts_its_own_records"): "n_records + 1 AS n_records",
    ("hub_value", "names_within_records"): "n_records + 1 AS n_distinct_names",
    ("hub_value", "many_share_what_is_shared"): "'shared' AS reason, 1 AS n_records",
    ("hub_value", "offices_have_numbers"): "'office' AS reason, 'email' AS identifier_type",
    ("party_value", "periods_forward"): "valid_from AS valid_to",
    ("match_model", "one_model_today"): "DATE '2026-06-30' AS valid_to",
    ("match_model", "home_has_not_outgrown_it"): "SELECT * FROM good",
    ("match_edge", "vetoed_is_no_link"): "TRUE AS is_link, 'first_name' AS veto",
    ("match_edge", "ordered_pairs"): "record_key_b AS record_key_a, record_key_a AS record_key_b",
    ("match_conflict", "ordered_pairs"): ("record_key_b AS record_key_a, record_key_a AS "
        "record_key_b"),
    ("match_review", "kind_as_customers"): "'merged' AS review_kind, 'c_0' AS customer_id_b",
    ("match_review", "ordered_pairs"): "record_key_b AS record_key_a, record_key_a AS record_key_b",
    ("match_review", "nobody_decided_it"): (
        "SELECT good.* REPLACE (e.record_key_a AS record_key_a, e.record_key_b AS record_key_b) "
        "FROM good, (SELECT * FROM match_edge LIMIT 1) AS e LIMIT 1"
    ),
    ("match_review", "ranks_without_gaps"): "stake_rank + 1 AS stake_rank",
    ("record_customer_map", "one_customer_today"): (
        "SELECT * FROM good UNION ALL SELECT * REPLACE (valid_from - 9 AS valid_from) FROM good"
    ),
    ("record_customer_map", "periods_in_order"): (
        "SELECT * FROM good"
        " UNION ALL SELECT * REPLACE (valid_from - 9 AS valid_from, valid_from + 9 AS valid_to) "
        "FROM good"
    ),
    ("record_customer_map", "everyone_has_a_customer"): "SELECT * FROM good OFFSET 1",
    ("record_customer_map", "never_merge_holds"): "'c_0000000000000000' AS customer_id",
    ("record_customer_map", "no_giant_customer"): "'c_0000000000000000' AS customer_id",
    ("match_explanation", "ordered_pairs"): ("record_key_b AS record_key_a, record_key_a AS "
        "record_key_b"),
    ("match_explanation", "both_are_the_customers_own"): "'crm:nobody' AS record_key_b",
    ("match_explanation", "as_many_links_as_it_takes"): "SELECT * FROM good OFFSET 1",
    ("match_explanation", "one_weakest_link"): "FALSE AS is_weakest",
    ("match_explanation", "weight_where_the_model_links"): ("CAST(NULL AS DOUBLE) AS weight, "
        "'email' AS identifier_type"),
    ("customer_id_registry", "active_means_records"): "0 AS n_records",
    ("customer_id_registry", "merged_into_an_active_id"): ("'merged' AS status, 'c_0' AS "
        "merged_into"),
    ("customer_id_alias", "resolves_to_an_active_id"): "'c_0' AS customer_id",
    ("customer_id_alias", "every_id_resolves"): "SELECT * FROM good OFFSET 1",
    ("anonymous_map", "stretches_do_not_overlap"): (
        "SELECT * FROM good UNION ALL SELECT * REPLACE (starts_at - INTERVAL 1 HOUR AS starts_at) "
        "FROM good"
    ),
    ("source_trust", "interval_holds_trust"): "trust / 2 AS high",
    ("source_trust", "counts_within_counts"): "n_compared + 1 AS n_agreed",
    ("profile_field_provenance", "winner_is_the_customers_own"): "'crm:nobody' AS record_key",
    ("profile_field_provenance", "runner_up_means_another_value"): ("2 AS n_values, NULL AS "
        "runner_up_source"),
    ("profile_field_provenance", "counts_within_counts"): "n_sources + 1 AS n_agreeing",
    ("customer_household", "one_household_today"): (
        "SELECT * FROM good UNION ALL SELECT * REPLACE (valid_from - 9 AS valid_from) FROM good"
    ),
    ("customer_household", "only_active_customers_live_somewhere"): "'c_0' AS customer_id",
    ("household", "size_is_its_members"): "household_size + 1 AS household_size",
    ("account_map", "one_account_today"): (
        "SELECT * FROM good UNION ALL SELECT * REPLACE (valid_from - 9 AS valid_from) FROM good"
    ),
    ("customer_account", "one_primary_account"): "FALSE AS is_primary",
    ("account", "top_means_no_parent"): "1 AS hierarchy_level",
    ("consent_state", "only_grants_are_exportable"): "TRUE AS is_exportable, 'denied' AS status",
    ("contacts", "not_in_the_future"): f"{FUTURE} AS updated_at",
    ("orders", "not_in_the_future"): f"{FUTURE} AS ordered_at",
    ("orders", "refund_within_total"): "total + 1 AS refunded",
    ("payments", "pays_an_order_or_an_invoice"): "NULL AS order_id, NULL AS invoice_id",
    ("subscriptions", "ends_after_it_starts"): "started_at - INTERVAL 1 DAY AS ended_at",
    ("subscriptions", "not_in_the_future"): f"{FUTURE} AS updated_at",
    ("events", "not_in_the_future"): f"{FUTURE} AS occurred_at",
    ("events", "somebody_did_it"): "NULL AS user_id, NULL AS anonymous_id",
    ("tickets", "solved_after_opened"): "created_at - INTERVAL 1 DAY AS solved_at",
    ("tickets", "not_in_the_future"): f"{FUTURE} AS created_at",
    ("survey_responses", "nps_from_0_to_10"): "'nps' AS survey_type, 11 AS score",
    ("survey_responses", "answered_after_sent"): "responded_at + INTERVAL 1 DAY AS sent_at",
    ("survey_responses", "not_in_the_future"): f"{FUTURE} AS responded_at",
    ("survey_invitations", "not_in_the_future"): f"{FUTURE} AS sent_at",
    ("reviews", "rating_within_its_scale"): "6 AS rating, 5 AS rating_max",
    ("marketing_touches", "not_in_the_future"): f"{FUTURE} AS occurred_at",
    ("ad_spend", "clicks_within_impressions"): "2 AS clicks, 1 AS impressions",
    ("consents", "expires_after_given"): "collected_at - INTERVAL 1 DAY AS expires_at",
    ("erasure_requests", "due_after_received"): "received_at - INTERVAL 1 DAY AS due_at",
    ("identity_overrides", "two_records"): "'merge' AS action, record_key_a AS record_key_b",
    ("deals", "not_in_the_future"): f"{FUTURE} AS created_at",
    ("deals", "open_means_not_closed"): "'open' AS status, created_at AS closed_at",
    ("incidents", "ends_after_it_starts"): "started_at - INTERVAL 1 DAY AS ended_at",
    ("fx_rates", "rate_is_positive"): "0 AS rate",
    ("reference_rows", "says_something"): "NULL AS extra_json",
    ("export_file", "every_row_accounted_for"): "rows_read + 1 AS rows_read",
    ("export_file", "records_come_from_rows"): "rows_accepted + 1 AS records_written",
    ("export_file", "every_record_accounted_for"): "records_written + 1 AS records_standing",
    ("export_file", "every_file_has_a_mapping"): "'unmapped' AS status",
    ("export_file", "every_mapping_is_decided"): "'undecided' AS status",
    ("source_state", "stale_says_since_when"): "'held' AS state, CAST(NULL AS DATE) AS stale_since",
    ("source_state", "every_source_is_current"): "'late' AS state",
    ("source_check", "expected_in_order"): "2.0 AS expected_low, 1.0 AS expected_high",
    ("export_check", "matches_within_rows"): "rows_checked + 1 AS matches",
    ("journey_step", "only_a_start_has_none_before"): "NOT is_start AS is_start",
    ("journey", "begins_converts_ends_in_order"): "started_at - INTERVAL 1 SECOND AS ended_at",
    ("journey", "steps_of_a_path_are_steps"): "n_steps + 1 AS n_path_steps",
    ("journey", "every_step_is_of_a_journey"): "n_steps + 1 AS n_steps",
    ("journey_transitions", "interval_holds_p"): "p / 2 AS p_high",
    ("journey_transitions", "p_sums_to_one"): "p / 2 AS p",
    ("journey_transitions", "every_journey_starts_once"): "n + 1 AS n",
    ("journey_paths", "coverage_adds_up"): "coverage + 0.01 AS coverage",
    ("journey_paths", "no_more_conversions_than_journeys"): "n + 1 AS n_converted",
    ("journey_paths", "interval_holds_rate"): "conversion_rate / 2 + 0.6 AS conversion_rate",
    ("journey_paths", "only_the_start_has_no_rate"): "NULL AS conversion_rate",
    ("journey_step", "a_repeat_starts_none"): (
        "activity_id AS repeats_activity_id, FALSE AS is_conversion, FALSE AS "
        "starts_conversion"
    ),
    ("journey_step", "a_step_is_repeated_once"): (
        "'a' AS repeats_activity_id, TRUE AS is_conversion, TRUE AS is_arrival, FALSE AS "
        "starts_conversion"
    ),
    ("journey_flow", "no_more_conversions_than_journeys"): "n + 1 AS n_converted",
    ("journey_flow", "every_journey_has_one_outcome"): "CASE WHEN from_step = '(start)' THEN n + 1 ELSE n END AS n",
    ("journey_flow", "outcomes_are_what_they_say"): "'(conversion)' AS to_step, n + 1 AS n",
    # --- journeys: roles of touchpoints, map, pain points, attribution
    ("touchpoint", "every_activity_is_told"): "n_activities + 1 AS n_activities",
    ("touchpoint_role", "a_conversion_is_an_arrival"): "TRUE AS is_conversion, FALSE AS is_arrival",
    ("touchpoint_role", "an_owner_has_a_basis"): "'unknown' AS owner, 'own' AS owner_basis",
    ("journey_step", "only_a_conversion_starts_one"): "TRUE AS starts_conversion, FALSE AS is_conversion",
    ("journey", "converted_once_at_least"): "0 AS n_conversions, started_at AS converted_at",
    ("journey_map", "shares_sum_to_one"): "share / 2 AS share",
    ("journey_map", "lost_of_ended_of_passed"): "n_ended + 1 AS n_lost",
    ("journey_map", "interval_holds_drop_off"): "10 AS n_journeys, 0.5 AS drop_off, 0.1 AS drop_off_high",
    ("journey_map", "scored_where_answered"): "n_nps + 1 AS n_nps, NULL AS nps",
    ("journey_map", "every_end_is_told"): "n_ended + 1 AS n_ended, n_journeys + 1 AS n_journeys",
    ("pain_point", "every_end_is_told"): "n_ended + 1 AS n_ended",
    ("pain_point", "excesses_sum_to_zero"): "excess + 1 AS excess",
    ("pain_point", "lost_of_steps"): "n_steps + 1 AS n_lost",
    ("pain_point", "interval_holds_excess"): "excess + 9 AS excess_low",
    ("pain_point", "an_arrival_is_no_pain"): "TRUE AS is_arrival, 1 AS pain_rank",
    ("pain_point", "sure_after_correction"): "'loses_more' AS pain_verdict, 0.9 AS exit_q_value",
    ("attribution_path", "places_without_gaps"): "touch_no + 1 AS touch_no",
    ("attribution_path", "every_conversion_has_a_path"): (
        "SELECT * FROM good WHERE converted_at IS NULL OR converted_at > "
        "(SELECT min(converted_at) FROM good) AND path_no = 0"
    ),
    ("attribution", "credit_is_all_conversions"): "conversions + 1 AS conversions",
    ("attribution", "value_is_all_value"): "conversion_value + 1 AS conversion_value",
    ("attribution", "interval_holds_share"): "share - 0.1 AS share_high",
    ("attribution", "shares_sum_to_one"): "share / 2 AS share, share / 4 AS share_low",
    ("attribution", "only_markov_has_an_order"): "1 AS markov_order",
    ("attribution_campaign", "no_more_conversions_than_paths"): "n_paths + 1 AS n_converted",
    ("attribution_campaign", "no_more_last_touches_than_conversions"): "100000 AS last_conversions",
    ("incident_fact", "ends_after_it_starts"): "started_at - INTERVAL 1 SECOND AS ended_at",
    ("ad_spend_fact", "amount_has_a_rate"): "1 AS cost, NULL AS cost_reporting",
    ("churn_features", "label_only_when_matured"): "1 AS label, as_of AS origin",
    ("churn_features", "without_unprofiled_customer"): UNPROFILED,
    ("churn_scores", "without_unprofiled_customer"): UNPROFILED,
    ("churn_scores", "reasons_sum_to_logit"): "1 AS logit, 0 AS intercept, 0.9 AS contribution_sum",
    ("churn_scores", "probability_is_of_its_logit"): "0 AS logit, 0.6 AS p_model",
    ("churn_scores", "today_is_not_in_training"): "TRUE AS is_in_training, as_of AS origin",
    ("model_evaluation", "value_unless_insufficient"): "'model' AS verdict, NULL AS metric_value",
    ("model_evaluation", "interval_holds_value"): "0.5 AS metric_value, 0.6 AS low",
    ("model_evaluation", "too_good_to_be_true"): ("'auc' AS metric, 'all' AS evaluated_origin, "
        "0.99 AS metric_value"),
    ("calibration_bins", "interval_holds_share"): "0.5 AS observed_share, 0.4 AS high",
    ("churn_predictions", "without_unprofiled_customer"): UNPROFILED,
    ("churn_predictions", "interval_holds_probability"): "0.5 AS p_churn, 0.6 AS p_low",
    ("churn_predictions", "losing_model_not_published"): ("'scorecard_x' AS model_id, TRUE AS eligible, "
        "'nothing' AS definition_id"),
    ("churn_predictions", "lapsed_has_no_score"): "FALSE AS eligible, 0.5 AS p_churn",
    ("churn_predictions", "base_rate_tells_nobody_apart"): "'base_rate' AS model_id, 'high' AS risk_band",
    ("churn_predictions", "reason_raises_risk"): "-0.1 AS reason_1_logodds",
    ("customer_engagement", "longer_windows_hold_shorter"): "active_days_28d + 1 AS active_days_7d",
    ("customer_transactions", "longer_windows_hold_shorter"): "orders_total + 1 AS orders_365d",
    ("customer_subscription", "no_revenue_without_a_subscription"): ("0 AS subscriptions_active, 1 "
        "AS mrr"),
    ("customer_support", "parts_within_the_whole"): "tickets_total + 1 AS tickets_open",
    ("mrr_movement", "opening_plus_movements_is_closing"): "closing_mrr + 1 AS closing_mrr",
    ("mrr_movement", "opens_where_it_closed"): "opening_mrr + 1 AS opening_mrr",
    ("mrr_movement", "closing_not_negative"): "-1 AS closing_mrr",
    ("customer_profile", "every_active_customer_once"): "SELECT * FROM good OFFSET 1",
    ("customer_profile", "who_denied_profiling_has_no_scores"): ("TRUE AS is_profiling_denied, "
        "'lost' AS rfm_segment"),
    ("customer_profile", "denied_means_denied"): "NOT is_profiling_denied AS is_profiling_denied",
    ("customer_profile", "a_name_never_stands_against_the_stage"): (
        "'champions' AS rfm_segment, 'lapsed' AS lifecycle_stage"
    ),
    ("customer_profile", "a_stage_does_not_begin_in_the_future"): "as_of + 1 AS lifecycle_since",
    ("customer_profile_history", "stretches_do_not_overlap"): "valid_from AS valid_to",
    ("customer_profile_history", "open_stretches_are_the_profile"): (
        "CASE lifecycle_stage WHEN 'lapsed' THEN 'new' ELSE 'lapsed' END AS lifecycle_stage"
    ),
    ("reconciliation", "one_figure_one_number"): "1 AS n_differing",
    ("rfm", "without_unprofiled_customer"): UNPROFILED,
    ("rfm", "a_champion_bought_lately"): "'champions' AS segment",
    ("rfm", "equal_frequency_equal_score"): ("CASE WHEN customer_id < 'c_8' THEN 1 ELSE 5 END AS "
        "f_score"),
    ("rfm", "equal_recency_equal_score"): (
        "CASE WHEN customer_id < 'c_8' THEN 1 ELSE 5 END AS r_score, 9 AS recency_days"
    ),
    ("rfm", "equal_money_equal_score"): ("CASE WHEN customer_id < 'c_8' THEN 1 ELSE 5 END AS "
        "m_score, 9 AS monetary"),
    ("segment_history", "without_unprofiled_customer"): UNPROFILED,
    ("segment_history", "stretches_do_not_overlap"): "valid_from AS valid_to",
    ("segment_history", "open_stretches_are_todays_segments"): "SELECT * FROM good OFFSET 1",
    ("segment_summary", "every_customer_in_one_segment"): "n + 1 AS n",
    ("segment_summary", "revenue_is_its_customers"): "revenue + 1 AS revenue",
    ("metric_daily", "no_day_after_the_night"): "CAST(as_of AS DATE) AS day",
    ("metric_daily", "value_within_its_interval"): "value + 1 AS low",
    ("metric_daily", "members_add_up"): (
        "CASE WHEN dimension = 'all' THEN value ELSE value + 1 END AS value"
    ),
    ("metric_daily", "orders_are_the_facts"): "value + 1 AS value",
    ("metric_daily", "revenue_is_the_facts"): "value + 1 AS value",
    ("metric_daily", "recurring_is_the_facts"): "value + 1 AS value",
    ("metric_daily", "customers_are_the_profiles"): "value + 1 AS value",
    # profiles: recurring revenue, accounts, ideal customers, personas, history in two times
    ("paying_stretch", "closes_as_the_movements"): "mrr + 1 AS mrr",
    ("paying_stretch", "stretches_do_not_overlap"): "valid_from AS valid_to",
    ("revenue_retention", "opening_plus_movements_is_closing"): "closing_mrr + 1 AS closing_mrr",
    ("revenue_retention", "customers_come_and_go"): "customers_closing + 1 AS customers_closing",
    ("revenue_retention", "opens_where_it_closed"): "opening_mrr + 1 AS opening_mrr",
    ("revenue_retention", "members_add_up"): (
        "CASE WHEN breakdown = 'all' THEN opening_mrr ELSE opening_mrr + 1 END AS opening_mrr"
    ),
    ("revenue_retention", "months_are_the_movements"): "new_mrr + 1 AS new_mrr",
    ("mrr_cohort", "cohorts_are_the_whole"): "mrr + 1 AS mrr",
    ("mrr_cohort", "nobody_is_in_two_cohorts"): "2 * customers_ever AS customers_ever",
    ("plan_change", "from_one_plan_to_another"): (
        "SELECT DATE '2026-01-01' AS month_start, 'USD' AS currency, 'a' AS from_plan, 'a' AS to_plan, 1 AS n, "
        "1 AS n_customers, 0 AS n_up, 0 AS n_down, 0 AS mrr_difference, DATE '2026-06-30' AS as_of, "
        "'x' AS snapshot_id"
    ),
    ("customer_psychographic", "nothing_without_evidence"): "NULL AS price_sensitivity_evidence",
    ("customer_psychographic", "without_unprofiled_customer"): UNPROFILED,
    ("icp_customer", "best_have_begun"): "TRUE AS is_mature, NULL AS since_day",
    ("icp_customer", "without_unprofiled_customer"): UNPROFILED,
    ("icp", "interval_holds_lift"): "best_lift_high + 1 AS best_lift",
    ("icp", "best_within_all"): "n + 1 AS n_best",
    ("icp_fit", "without_unprofiled_customer"): UNPROFILED,
    ("icp_fit", "no_fit_that_foretells_nothing"): "SELECT * FROM good",
    ("persona", "shares_within_their_interval"): "measured + 1 AS low",
    ("persona", "a_difference_has_its_test"): "'unsure' AS persona_verdict, NULL AS p_adj",
    ("account_profile", "sums_are_the_peoples"): "orders_total + 1 AS orders_total",
    ("customer_profile_history", "everybody_is_believed_something"): "as_of AS superseded_at",
    ("customer_profile_history", "believed_when_it_was_so_or_later"): (
        "CAST(valid_from - 1 AS DATE) AS recorded_at"
    ),
    ("customer_profile_history", "nobody_erased_is_remembered"): "SELECT * FROM good",
}  # fmt: skip

# What must be wrong in another table at the same time.
BESIDE: dict[tuple[str, str], dict[str, str]] = {
    ("match_model", "home_has_not_outgrown_it"): {
        "party_record": "SELECT good.* FROM good, range(20000)"
    },
    ("match_review", "nobody_decided_it"): {
        "match_edge": "SELECT * REPLACE ('merge' AS decision) FROM good"
    },
    ("record_customer_map", "never_merge_holds"): {
        "match_conflict": "SELECT * REPLACE ('never_merge' AS reason) FROM good"
    },
    ("unprofiled_customer", "a_refusal_that_names_nobody_known"): {
        "consents": (
            "SELECT * REPLACE ('profiling' AS purpose, 'denied' AS status, 'customer' AS "
            "subject_id_type, "
            "'nobody' AS record_key) FROM good"
        )
    },
    ("icp_fit", "no_fit_that_foretells_nothing"): {
        "icp_check": "SELECT * REPLACE ('does_not' AS fit_verdict) FROM good"
    },
    ("customer_profile_history", "nobody_erased_is_remembered"): {
        "customer_id_registry": "SELECT * REPLACE ('erased' AS status) FROM good"
    },
    ("rfm", "a_champion_bought_lately"): {
        "customer_lifecycle": "SELECT * REPLACE ('lapsed' AS lifecycle_stage) FROM good"
    },
}
