//! The suite that every backend and every decorator runs: each case is a test with its own name.
//!
//! ```ignore
//! async fn make() -> std::sync::Arc<dyn firman_store::Store> { /* a fresh, empty store */ }
//! firman_store::conformance!(make);
//! ```
//!
//! A store that passes keeps the promises of [`crate::Store`]. Cases panic where a promise is broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]
#![allow(clippy::missing_panics_doc, reason = "a case panics if and only if the store is wrong")]
#![allow(clippy::wildcard_imports, reason = "the fixtures are the vocabulary of every case")]
#![allow(missing_docs, reason = "a case's name is the sentence it proves")]

pub mod accounts;
pub mod atomicity;
pub mod deliveries;
pub mod editing;
pub mod fixtures;
pub mod flows;
pub mod grants;
pub mod held;
pub mod lost;
pub mod names;
pub mod races;
pub mod reads;
pub mod round_trips;
pub mod searching;
pub mod sessions;
pub mod sweeping;

/// Makes one `#[tokio::test]` of every case. The argument names an async function that makes a fresh, empty store; after
/// `where_there` it may give `None` where its engine is missing, which it has said.
#[macro_export]
macro_rules! conformance {
    ($make:path) => {
        async fn make_there() -> Option<std::sync::Arc<dyn $crate::Store>> {
            Some($make().await)
        }
        $crate::conformance!(where_there make_there);
    };
    (where_there $make:path) => {
        $crate::conformance_cases! { $make;
            round_trips: a_client_reads_back, every_member_of_a_client_reads_back, a_client_is_found_by_its_client_id, an_account_reads_back, a_flow_reads_back, a_waiting_flow_reads_back, a_flow_by_way_of_an_upstream_reads_back,
                a_grant_reads_back, the_terms_of_a_grant_read_back, a_resource_reads_back, a_standing_grant_reads_back, a_session_reads_back, a_consent_reads_back, keys_read_back,
                an_event_reads_back, an_event_of_another_version_reads_back, awkward_text_reads_back, members_of_a_later_version_survive;
            editing: inserting_twice_is_a_conflict, replacing_needs_the_revision_seen, removing_needs_the_revision_seen,
                a_client_id_belongs_to_one_client, a_client_id_is_not_edited, a_removed_client_is_gone_by_every_key,
                a_resource_identifier_belongs_to_one_resource, edits_of_clients_and_keys_advance_the_edition, a_lost_edit_leaves_the_edition;
            names: a_taken_name_is_refused, an_expired_name_is_taken_over, a_name_may_be_taken_again_by_its_holder,
                a_released_name_is_free, a_name_goes_over_in_one_commit_from_whom_it_was_seen_with, another_holder_cannot_release_a_name, an_account_is_found_by_its_name, a_name_shows_its_holder;
            flows: a_code_is_claimed_once, an_expired_code_is_not_claimed, a_code_of_an_ended_session_is_not_claimed, misses_are_counted_and_burn_the_code,
                a_miss_nobody_saw_is_not_counted, a_claimed_code_has_no_misses, an_approved_flow_is_claimed_once,
                a_flow_is_answered_once, an_expired_flow_is_not_answered, a_poll_counts_from_the_one_seen,
                only_a_pending_flow_is_polled, a_withdrawn_flow_is_not_claimed, what_is_taken_once_is_refused_twice;
            accounts: attempts_are_counted_from_those_seen, an_edit_leaves_the_attempts_and_they_leave_the_edit;
            deliveries: a_delivery_reads_back, what_is_due_comes_first_and_what_is_not_does_not, a_delivery_is_taken_once_until_its_time,
                what_became_of_a_delivery_is_told_by_who_took_it_last, what_is_done_forgets_what_it_was,
                deliveries_are_listed_from_the_newest;
            searching: clients_are_found_by_the_beginning_of_their_id, accounts_are_found_by_the_beginning_of_their_name,
                resources_are_found_by_the_beginning_of_their_identifier, flows_of_a_day_are_listed_from_the_newest,
                events_are_listed_from_the_newest;
            grants: rotation_moves_the_chain, a_rotation_may_move_the_expiry, an_expiry_is_moved_once_from_where_it_was_seen, rotation_needs_the_generation_seen, a_revoked_grant_is_not_rotated,
                an_expired_grant_is_not_rotated, revoking_twice_keeps_the_first_reason, revoking_what_is_absent_is_done,
                a_closed_retry_window_opens_with_the_next_rotation, a_new_salt_is_for_live_grants,
                a_grant_is_renewed_once_per_salt, a_grant_is_never_used_earlier, revoking_a_token_twice_is_done;
            sessions: a_session_is_renewed_once_per_salt, an_ended_session_is_not_renewed, a_session_is_never_seen_earlier,
                ending_twice_keeps_the_first_time, who_took_part_in_a_session_is_known, a_persons_sessions_are_listed;
            held: a_held_token_reads_back, held_claims_read_back, held_tokens_are_listed_by_whose_they_are,
                a_held_token_may_turn_out_to_be_about_a_person, a_refresh_token_is_replaced_whole_or_not_at_all,
                what_is_held_is_replaced_and_removed_at_the_revision_seen,
                who_renews_is_one_at_a_time_and_another_takes_over_from_the_dead;
            reads: a_grant_dies_with_its_clients_epoch, a_grant_dies_with_its_subjects_epoch,
                a_grant_dies_with_the_epoch_of_everything, a_grant_dies_with_its_client, a_child_dies_with_its_parent,
                a_child_dies_with_its_parents_client_and_epochs,
                a_revoked_token_is_found_by_any_of_its_chain, a_flow_shows_the_epochs_of_now, a_waiting_flow_has_nobodys_approval,
                a_session_comes_with_its_consent_and_epochs, what_a_person_allowed_is_listed, grants_are_listed_by_subject_and_by_client,
                lists_are_read_in_pages, the_clients_of_an_owner_are_listed, what_is_absent_is_none, events_are_listed_by_what_they_are_about;
            atomicity: a_conflict_undoes_what_came_before_it, a_conflict_names_its_place, a_transaction_sees_its_own_changes,
                an_empty_transaction_is_done;
            races: of_64_claims_one_wins, of_64_claims_those_of_an_ended_session_lose, of_64_rotations_one_wins, of_64_inserts_one_wins, of_64_takers_of_a_name_one_wins, of_64_answers_one_wins,
                of_64_polls_one_wins, of_64_presentations_one_wins, of_64_workers_one_takes_a_delivery, of_64_renewals_of_a_held_token_one_wins,
                epochs_advanced_at_once_all_count, revoking_beats_rotating_or_comes_after_it,
                sweeping_never_takes_a_live_code, many_commits_at_once_each_win_or_lose_on_their_own,
                a_reader_sees_all_of_a_commit_or_nothing;
            lost: the_winner_of_a_row_can_be_asked_for, a_lost_acknowledgement_is_resolved_by_reading,
                a_commit_that_never_arrived_is_not_done, harmless_changes_are_repeated;
            sweeping: only_what_has_ended_is_swept, a_sweep_is_bounded_and_goes_on, nothing_live_is_swept,
                a_grant_whose_expiry_moved_leaves_after_the_later_one, a_grant_that_never_ends_leaves_after_its_client,
                each_kind_has_a_cutoff_of_its_own, what_is_overdue_is_what_a_sweep_deletes;
        }
    };
}

/// The inside of [`conformance!`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($make:path; $($group:ident: $($case:ident),*;)*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(store) = $make().await else { return };
                $crate::conformance::$group::$case(store).await;
            }
        )*)*
    };
}
