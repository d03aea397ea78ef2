//! What every store must do, run on each of them. A case is a function from a
//! fresh stage; it knows no particular store.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: its helpers fail like it does"
)]

mod accounts;
mod asks;
mod blobs;
mod commits;
mod exits;
mod hub;
mod letters;
mod links;
mod lists;
mod requests;
mod segments;
mod sends;
mod spawns;
mod stage;
mod state;
mod stores;
mod traces;
mod watches;

use stage::Stage;

type Case = fn(&mut Stage);

/// Makes a test of each case on memory and SQLite, and the list of all cases
/// for Postgres, whose server is started once for all.
macro_rules! suite {
    ($($group:ident: $($case:ident)*;)*) => {
        const CASES: &[(&str, Case)] = &[$($((
            concat!(stringify!($group), "_", stringify!($case)), $group::$case as Case,
        )),*),*];
        mod memory {
            $(mod $group { $(
                #[test]
                fn $case() { crate::stores::on_memory(crate::$group::$case); }
            )* })*
        }
        mod sqlite {
            $(mod $group { $(
                #[test]
                fn $case() { crate::stores::on_sqlite(crate::$group::$case); }
            )* })*
        }
    };
}

suite! {
    commits: takes_a_turn_without_events moves_a_journal_on refuses_a_stale_turn refuses_an_unknown_process
        keeps_order_in_a_group fences_off_an_older_node survives_reopening
        an_empty_group_is_nothing the_clock_is_remembered status_and_wake_up_are_kept
        names_damage;
    spawns: starting_twice_is_one_start a_parent_hears_of_a_foreign_child
        a_parent_finds_its_own_child_again a_history_can_be_imported
        an_ended_one_can_be_imported a_spawn_may_be_sent_to_at_once twice_in_one_commit;
    sends: a_message_stays_until_consumed order_is_kept nobody_there a_call_to_nobody
        ended_is_nobody control_leaves_no_dead_letter a_restart_reaches_the_ended
        notices_are_dropped_quietly outside_can_send to_one_spawned_later_in_the_group;
    watches: the_end_is_heard ended_already never_was two_watch a_watch_dies_with_its_watcher
        a_watch_is_made_once;
    links: each_hears_of_the_other both_halves_go a_link_to_nobody;
    hub: a_name_is_one_process_s what_is_asked_is_answered a_publish_reaches_each_once
        a_large_publish_comes_in_parts an_end_leaves_all_places a_tree_is_told_to_its_leaves
        who_ends_unheard_passes_it_on
        who_is_where_is_listed;
    exits: mail_left_over_is_dead calls_left_over_are_answered a_restart_clears_the_exit
        in_group_order a_whole_tree_ends_in_one_group its_own_mail;
    traces: across_processes_in_order page_by_page of_long_journals;
    accounts: paid_with_the_turn_or_not_at_all many_of_a_group_pay only_a_new_process_gets_one
        a_publish_is_paid_for_each_it_reaches;
    asks: open_and_close one_that_was_answered_is_not_open an_end_closes_them;
    state: the_last_value_counts keys_are_taken_away;
    requests: a_key_counts_once a_refused_one_leaves_its_key what_came_of_it_is_kept
        a_key_is_forgotten_in_time;
    letters: filters_and_pages one_is_sent_again_once several_go_or_none old_ones_make_room
        by_policy_none_are_kept a_census;
    segments: loads_the_segment loads_what_came_after kind_changes;
    lists: pages filters what_runs what_is_due;
    blobs: large_payloads_come_back forged_references_are_kept_as_text a_missing_blob_is_named;
}

#[test]
fn postgres() {
    stores::on_postgres(CASES);
}
