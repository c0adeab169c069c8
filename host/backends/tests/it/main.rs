//! One suite for every backend: the cases of each port are plain functions over [`ports::Ports`], and `suite!` runs
//! all of them on a backend that can open itself. What only one backend promises stands in its own module.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::allow_attributes,
    reason = "tests may stop at the first surprise"
)]

mod blobs;
mod buckets;
mod caches;
mod connections;
mod embedded_series;
mod events;
mod evidence;
mod feeds;
mod hooks;
mod identity;
mod ingest;
mod installs;
mod items;
#[cfg(feature = "kafka")]
mod kafka;
mod ledger;
mod moving;
mod pipelines;
mod plugins;
mod ports;
mod postgres;
mod redis;
mod relays;
mod remote_series;
mod retention;
mod rollups;
mod rotation;
mod s3;
mod series;
mod server;
mod sessions;
mod simulation;
mod sqlite;
mod timers;
mod upgrades;
mod upkeep;
mod vault;

/// Run every case of the suite on a backend: a function that opens an empty one.
macro_rules! suite {
    ($open:path; $($module:ident: $($case:ident),+ $(,)?;)+) => {
        $(mod $module {
            $(#[tokio::test]
            async fn $case() {
                crate::$module::$case($open().await).await;
            })+
        })+
    };
}

/// All cases, in one place, so that no backend can leave one out.
macro_rules! every_case {
    ($open:path) => {
        suite! { $open;
            connections:
                a_connection_comes_back_as_it_was_kept,
                credentials_come_back_and_follow_changes,
                names_are_unique,
                a_stale_change_is_refused,
                removing_takes_everything_but_what_was_reported,
                pages_go_newest_first,
                status_counts_what_waits_and_failed,
                a_caller_that_goes_away_leaves_nothing_stale;
            events:
                a_log_that_held_nothing_has_no_bounds,
                events_are_numbered_and_read_in_order;
            evidence:
                records_are_kept_listed_and_filtered,
                old_and_surplus_records_go_oldest_first,
                no_plugin_crowds_out_the_records_of_another;
            feeds:
                a_feed_is_leased_once_and_resumes_where_it_was,
                a_page_that_brought_more_goes_on_at_once,
                a_lost_lease_changes_nothing,
                connections_take_turns,
                failures_are_counted_until_a_success,
                feeds_of_a_disabled_connection_rest,
                declared_feeds_replace_each_other,
                hurrying_makes_feeds_due;
            hooks:
                d2_a_delivery_is_kept_once,
                a_rejected_delivery_does_not_block_the_genuine_one,
                a_thousand_rejections_are_kept,
                d5_a_lease_can_be_settled_once,
                a_lease_that_ran_out_goes_to_somebody_else,
                leases_are_taken_back_after_a_crash,
                connections_take_turns,
                a_delivery_that_cannot_be_read_fails_alone,
                a_retry_waits_for_its_time,
                a_failed_delivery_can_be_replayed,
                lists_filter_and_page;
            identity:
                keys_are_found_by_their_secrets_until_they_are_revoked,
                an_invitation_is_used_once_and_only_the_last_one_of_an_address,
                what_somebody_may_is_theirs_at_every_moment,
                attempts_are_counted_and_have_to_wait,
                the_first_secret_stays_until_reset,
                sessions_expire_and_end;
            ingest:
                every_order_of_deliveries_ends_the_same,
                replaying_changes_nothing,
                a_commit_and_its_change_meet_in_either_order,
                a_review_may_come_before_its_change,
                a_large_page_equals_single_items,
                names_of_any_length_and_language_are_kept,
                a_command_that_fails_harms_no_other;
            installs:
                an_install_comes_back_as_it_was_kept,
                a_change_of_what_was_not_seen_is_refused,
                the_first_key_of_a_publisher_stays_until_somebody_changes_it,
                connections_follow_what_runs_and_are_let_go_of,
                a_connection_is_kept_for_the_version_that_runs_then,
                a_change_is_kept_for_the_version_that_it_was_judged_by,
                forgetting_keeps_or_removes_the_connections_and_keeps_the_record,
                revocations_of_every_kind_stay_until_they_are_lifted,
                what_happened_is_read_newest_first_in_pages,
                what_a_bad_version_failed_is_processed_again,
                packages_are_kept_by_digest;
            ledger:
                a_failure_is_recovered_by_the_next_success,
                evidence_is_linked_to_each_metric,
                following_equals_computing_afresh,
                deployments_and_changes_are_listed;
            pipelines:
                runs_are_filtered_and_paged,
                text_finds_runs_literally,
                a_run_shows_its_jobs_and_attempts,
                pipelines_are_summed_up,
                flaky_jobs_are_found,
                the_overview_counts;
            plugins:
                state_is_kept_with_the_effect;
            relays:
                a_new_relay_begins_where_it_is_told,
                only_the_newest_turn_moves_the_place,
                a_relay_that_is_set_back_sends_again_from_there,
                what_a_relay_has_not_handed_on_stays_for_a_while,
                relays_lose_each_its_own_and_one_that_was_given_up_loses_nothing;
            retention:
                what_is_old_goes_and_what_waits_stays,
                the_ledger_stays_right_when_its_past_goes,
                events_stay_until_the_ledger_saw_them,
                what_happened_to_plugins_goes_but_not_that_one_was_uninstalled;
            rotation:
                every_data_key_is_wrapped_anew_while_the_store_is_open,
                a_rotation_that_was_cut_short_anywhere_is_finished_by_the_next,
                those_who_seal_meanwhile_lose_nothing,
                what_cannot_be_opened_hinders_no_rotation,
                a_full_file_of_keys_says_how_room_is_made,
                a_key_that_nothing_needs_can_go_and_one_that_something_needs_stays,
                nothing_comes_under_a_key_that_an_open_store_lacks;
            timers:
                d5_a_clock_that_is_set_back_takes_what_waits_with_it,
                d5_nothing_waits_for_longer_than_anything_is_meant_to,
                what_is_meant_to_wait_waits_and_what_is_done_with_is_due_never;
        }
    };
}

/// Identity, with sessions that are remembered in a cache.
mod with_sessions_in_this_process {
    suite! { crate::sessions::local; identity: the_first_secret_stays_until_reset, sessions_expire_and_end; }
}

mod with_sessions_in_redis {
    suite! { crate::sessions::redis; identity: the_first_secret_stays_until_reset, sessions_expire_and_end; }
}

mod on_sqlite {
    every_case!(crate::ports::sqlite);
}

mod on_postgres {
    every_case!(crate::ports::postgres);
}

/// The same for what may be lost.
macro_rules! every_cache_case {
    ($open:path) => {
        suite! { $open;
            caches:
                a_burst_is_shared_and_then_the_rate,
                no_interleaving_is_allowed_more,
                a_value_comes_back_until_its_time_is_over,
                of_those_who_put_at_once_one_succeeds,
                a_value_is_deleted_only_if_it_is_the_one_that_was_meant,
                a_lock_has_one_holder_and_each_a_higher_fence,
                a_lock_that_ran_out_is_no_longer_its_holders;
        }
    };
}

/// The cases of the metrics' port, which has stores of its own.
macro_rules! every_series_case {
    ($open:path) => {
        suite! { $open;
            series:
                what_is_written_is_found,
                points_may_come_in_any_order,
                history_of_many_days_comes_in_any_order,
                the_same_point_again_changes_nothing,
                another_value_for_the_same_time_leaves_exactly_one,
                no_number_that_is_none_is_kept,
                numbers_of_any_size_come_back_to_twelve_digits,
                labels_of_any_text_come_back,
                a_matcher_finds_every_series_that_has_the_label,
                expressions_come_to_the_same_everywhere,
                a_query_that_is_wrong_is_the_askers,
                a_series_too_many_is_refused_and_those_that_exist_go_on,
                many_who_write_at_once_are_all_answered,
                what_is_closed_takes_nothing_more;
        }
    };
}

mod caches_of_one_process {
    every_cache_case!(crate::caches::local);
}

mod caches_in_redis {
    every_cache_case!(crate::caches::redis);
}

mod on_the_embedded_series {
    every_series_case!(crate::embedded_series::open);
}

mod on_victoria_metrics {
    every_series_case!(crate::remote_series::open);
}

mod through_the_line_protocol {
    every_series_case!(crate::remote_series::open_by_lines);
}

/// The cases of the blobs' port that every place passes.
macro_rules! every_blob_case {
    ($open:path) => {
        suite! { $open;
            blobs:
                a_blob_comes_back_until_it_is_removed,
                what_is_not_what_its_name_says_is_not_kept,
                a_body_that_ends_early_leaves_nothing,
                one_that_was_changed_is_refused_and_mended_by_keeping_it_again,
                writers_at_the_same_moment_leave_one_whole_blob,
                a_folder_of_more_than_a_page_is_listed_and_nothing_else;
        }
    };
}

/// And those of large ones.
macro_rules! every_large_blob_case {
    ($open:path) => {
        suite! { $open;
            blobs:
                a_large_blob_goes_in_parts,
                a_large_blob_that_is_not_kept_is_not_there;
        }
    };
}

mod blobs_in_a_folder {
    every_blob_case!(crate::buckets::folder);
    mod large {
        every_large_blob_case!(crate::buckets::folder);
    }
}

mod blobs_in_s3 {
    every_blob_case!(crate::buckets::s3);
    mod large {
        every_large_blob_case!(crate::buckets::s3);
    }
}

mod blobs_in_azure {
    every_blob_case!(crate::buckets::azure);
    mod large {
        every_large_blob_case!(crate::buckets::azure);
    }
}

// The server that stands in for Google's takes no uploads in parts.
mod blobs_in_google {
    every_blob_case!(crate::buckets::google);
}
