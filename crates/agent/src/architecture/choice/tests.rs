//! The table of docs/architectures.md, and what holds for every answer.

use super::Architecture::{Hierarchical, Pipeline, Single, Swarm};
use super::Capabilities::{Few, Many};
use super::ErrorCost::{Cheap, Costly};
use super::Runs::{Days, Hours, Seconds};
use super::Steps::{Known, Unknown};
use super::Systems::{One, Several};
use super::{Answers, Architecture, choose};

fn chosen(
    steps: super::Steps,
    error: super::ErrorCost,
    systems: super::Systems,
    runs: super::Runs,
    capabilities: super::Capabilities,
) -> Architecture {
    choose(Answers { steps, error, systems, runs, capabilities }).architecture
}

#[test]
fn the_table() {
    assert_eq!(chosen(Known, Cheap, One, Days, Few), Single);
    assert_eq!(chosen(Known, Cheap, Several, Seconds, Few), Single);
    assert_eq!(chosen(Known, Costly, One, Seconds, Few), Pipeline);
    assert_eq!(chosen(Known, Cheap, One, Seconds, Many), Pipeline);
    assert_eq!(chosen(Known, Cheap, Several, Hours, Few), Pipeline);
    assert_eq!(chosen(Unknown, Costly, One, Days, Few), Single);
    assert_eq!(chosen(Unknown, Cheap, Several, Seconds, Few), Single);
    assert_eq!(chosen(Unknown, Cheap, Several, Hours, Few), Hierarchical);
    assert_eq!(chosen(Unknown, Cheap, One, Seconds, Many), Hierarchical);
    assert_eq!(chosen(Unknown, Cheap, Several, Hours, Many), Hierarchical);
    assert_eq!(chosen(Unknown, Costly, Several, Days, Many), Hierarchical);
    assert_eq!(chosen(Unknown, Cheap, Several, Days, Many), Swarm);
}

fn all() -> Vec<Answers> {
    let mut all = Vec::new();
    for steps in [Known, Unknown] {
        for error in [Cheap, Costly] {
            for systems in [One, Several] {
                for runs in [Seconds, Hours, Days] {
                    for capabilities in [Few, Many] {
                        all.push(Answers { steps, error, systems, runs, capabilities });
                    }
                }
            }
        }
    }
    all
}

#[test]
fn known_steps_need_no_lead_and_costly_errors_no_swarm() {
    for answers in all() {
        let chosen = choose(answers).architecture;
        assert!(answers.steps == Unknown || chosen <= Pipeline, "{answers:?}");
        assert!(answers.error == Cheap || chosen != Swarm, "{answers:?}");
        assert!(answers.steps == Known || chosen != Pipeline, "{answers:?}");
    }
}

#[test]
fn wider_or_longer_work_never_gets_a_smaller_one() {
    for answers in all() {
        let chosen = choose(answers).architecture;
        let wider = choose(Answers { capabilities: Many, ..answers }).architecture;
        let longer = choose(Answers { runs: Days, ..answers }).architecture;
        let more = choose(Answers { systems: Several, ..answers }).architecture;
        assert!(wider >= chosen && longer >= chosen && more >= chosen, "{answers:?}");
    }
}

#[test]
fn each_says_why_in_a_sentence_and_what_the_next_one_is_for() {
    for answers in all() {
        let choice = choose(answers);
        for words in [choice.why, choice.larger] {
            assert!(words.ends_with('.') && words.matches(". ").count() == 0, "{words}");
        }
    }
}
