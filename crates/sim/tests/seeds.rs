//! Every scenario in all weathers, and the same seed twice.

use greenroom_sim::{ALL, Plan, named, run, storm};

/// How many seeds each scenario is run with; `./dev soak` takes 2,000.
const SEEDS: u64 = 120;

/// A part of the scenarios, so that all cores share the work.
fn part(which: usize) {
    for scenario in ALL.iter().skip(which).step_by(4) {
        // Seven hundred messages a run take their time.
        let seeds = if scenario.name == "bulk" { SEEDS / 10 } else { SEEDS };
        storm(scenario, 0..seeds).assert_none();
    }
}

#[test]
fn random_faults_change_nothing_in_the_first_part() {
    part(0);
}

#[test]
fn random_faults_change_nothing_in_the_second_part() {
    part(1);
}

#[test]
fn random_faults_change_nothing_in_the_third_part() {
    part(2);
}

#[test]
fn random_faults_change_nothing_in_the_fourth_part() {
    part(3);
}

#[test]
fn a_seed_is_a_history() {
    for name in ["refund", "pingpong", "tree", "restart"] {
        let scenario = named(name).expect("a scenario of this name");
        for seed in [3, 7, 20] {
            let plan = Plan { trace: true, ..Plan::stormy(seed) };
            let (first, second) = (run(scenario, &plan), run(scenario, &plan));
            assert_eq!(first.trace, second.trace, "{name} {seed}: the actions differ");
            assert_eq!(
                first.seen.history(),
                second.seen.history(),
                "{name} {seed}: the journals differ"
            );
        }
    }
}
