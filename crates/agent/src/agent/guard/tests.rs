//! The guardrails, rule by rule.

use super::*;
use serde_json::json;

fn call(name: &str, n: u32) -> ToolCall {
    ToolCall { id: format!("call-{n}"), name: name.to_owned(), arguments: json!({"n": n}) }
}

fn check(watch: &Watch, limits: &Limits) -> Result<(), Reached> {
    watch.check(limits, Used::default(), watch.began)
}

#[test]
fn the_same_call_with_the_same_result_is_a_loop_and_is_told_before() {
    let (mut watch, limits) = (Watch::default(), Limits::default());
    for round in 1..=4 {
        assert!(check(&watch, &limits).is_ok(), "round {round}");
        assert_eq!(watch.is_repeating(&limits), round == 4, "round {round}");
        watch.saw(&call("look", 1), "nothing yet");
    }
    assert!(check(&watch, &limits).unwrap_err().0.contains("4 times"));
}

#[test]
fn two_calls_in_turns_are_a_loop_too() {
    let (mut watch, limits) = (Watch::default(), Limits::default());
    for _ in 0..4 {
        watch.saw(&call("read", 1), "a");
        watch.saw(&call("write", 2), "b");
    }
    assert!(check(&watch, &limits).is_err());
}

#[test]
fn a_batch_of_different_calls_and_a_poll_whose_result_changes_are_none() {
    let (mut watch, limits) = (Watch::default(), Limits { turns: 1_000, ..Limits::default() });
    for n in 0..200 {
        watch.saw(&call("read", n), "ok");
        watch.saw(&call("status", 0), &format!("{n} %"));
        assert!(check(&watch, &limits).is_ok(), "after {n}");
    }
}

#[test]
fn each_limit_stops_and_a_grant_gives_as_much_again() {
    let mut watch = Watch { turns: 50, ..Watch::default() };
    let limits =
        Limits { tokens: Some(100), money: Some(0.5), minutes: Some(2), ..Limits::default() };
    assert!(check(&watch, &limits).unwrap_err().0.contains("50 calls"));
    watch.grant();
    assert!(check(&watch, &limits).is_ok());
    let used = |tokens, money_micro| Used { tokens, money_micro };
    let at = |used, ms| watch.check(&limits, used, Millis(ms)).is_err();
    assert!(!at(used(199, 999_999), 239_999));
    assert!(at(used(200, 0), 0));
    assert!(at(used(0, 1_000_000), 0));
    assert!(at(used(0, 0), 240_000));
}

#[test]
fn turns_in_which_nothing_works_are_no_progress() {
    let (mut watch, limits) = (Watch::default(), Limits { failures: 3, ..Limits::default() });
    watch.turned(true);
    watch.turned(false);
    watch.turned(true);
    assert!(!watch.is_failing(&limits));
    watch.turned(true);
    assert!(watch.is_failing(&limits) && check(&watch, &limits).is_ok());
    watch.turned(true);
    assert!(check(&watch, &limits).unwrap_err().0.contains("3 turns in a row"));
    watch.grant();
    assert!(check(&watch, &limits).is_ok());
}

#[test]
fn answers_that_are_wrong_are_mended_a_few_times() {
    let (mut watch, limits) = (Watch::default(), Limits::default());
    for _ in 0..3 {
        watch.was_wrong("it is no JSON");
        assert!(check(&watch, &limits).is_ok());
    }
    watch.was_wrong("`n` is missing");
    let words = check(&watch, &limits).unwrap_err().0;
    assert!(words.contains("4 answers") && words.contains("`n` is missing"), "{words}");
    watch.was_right();
    assert!(check(&watch, &limits).is_ok());
    watch.was_wrong("again");
    assert!(check(&watch, &Limits { repairs: 0, ..limits }).is_err());
}

#[test]
fn a_call_that_may_go_over_a_limit_is_shortened_or_not_made() {
    let watch = Watch::default();
    // A thousand tokens are read; a written one costs ten millionths.
    let most = |length: u32| Used {
        tokens: 1_000 + u64::from(length),
        money_micro: 1_000 + 10 * u64::from(length),
    };
    let used = |tokens, money_micro| Used { tokens, money_micro };
    let room = |limits: &Limits, used| watch.room(limits, used, 4_000, most);
    let limits = Limits { tokens: Some(10_000), ..Limits::default() };
    assert_eq!(room(&limits, used(5_000, 0)), Ok(4_000));
    assert_eq!(room(&limits, used(6_000, 0)), Ok(3_000));
    assert_eq!(room(&limits, used(8_744, 0)), Ok(256));
    let words = room(&limits, used(8_745, 0)).unwrap_err().0;
    assert_eq!(words, "8745 tokens used, 1255 left, and the next call may take 1256");
    let limits = Limits { money: Some(0.1), ..Limits::default() };
    assert_eq!(room(&limits, used(0, 50_000)), Ok(4_000));
    assert_eq!(room(&limits, used(0, 60_000)), Ok(3_900));
    let words = room(&limits, used(0, 98_000)).unwrap_err().0;
    assert_eq!(words, "0.0980 of money spent, 0.0020 left, and the next call may cost 0.0036");
    // Who wants less than what is useful gets that.
    assert_eq!(watch.room(&limits, used(0, 98_900), 10, most), Ok(10));
    assert_eq!(room(&Limits::default(), used(1 << 40, 1 << 40)), Ok(4_000));
}
