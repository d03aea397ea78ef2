//! Dead letters: listed, taken away, outlived.

use crate::stage::{Stage, id, outgoing, user};
use greenroom_journal::{Commit, LetterListing, LetterRules, Refusal};
use greenroom_model::Millis;

fn numbers(stage: &Stage, listing: LetterListing) -> Vec<i64> {
    let found = stage.journal().letters(&listing).expect("reads");
    found.into_iter().map(|letter| letter.no).collect()
}

fn all() -> LetterListing {
    LetterListing { limit: 100, ..LetterListing::default() }
}

pub fn filters_and_pages(stage: &mut Stage) {
    for to in ["a/1", "b/1", "a/1", "a/1"] {
        stage.send(&id(to), user("x"));
    }
    assert_eq!(numbers(stage, all()), [4, 3, 2, 1]);
    let of_a = || LetterListing { to: Some(id("a/1")), ..all() };
    assert_eq!(numbers(stage, of_a()), [4, 3, 1]);
    assert_eq!(numbers(stage, LetterListing { before: Some(4), limit: 1, ..of_a() }), [3]);
    let says = |words: &str| LetterListing { reason: Some(words.to_owned()), ..all() };
    assert_eq!(numbers(stage, says("NO PROCESS b")), [2]);
    assert!(numbers(stage, says("no%b")).is_empty(), "nothing stands for anything");
    assert!(numbers(stage, says("no_process")).is_empty());
}

pub fn one_is_sent_again_once(stage: &mut Stage) {
    stage.send(&id("b/1"), user("x"));
    let there = stage.start("b/1");
    let commit = stage.blank();
    let again = Commit { letters: vec![1], sends: vec![outgoing(&there.id, user("x"))], ..commit };
    let group = [again.clone(), again.clone()];
    let outcomes = stage.commit_all(&group);
    assert_eq!(outcomes[0].as_ref().expect("passes").delivered.len(), 1);
    assert_eq!(outcomes[1], Err(Refusal::NoLetter { no: 1 }));
    assert_eq!(stage.commit(again), Err(Refusal::NoLetter { no: 1 }));
    assert_eq!(stage.contents(&there), [user("x")]);
    assert!(numbers(stage, all()).is_empty());
    // Numbers are not used again.
    stage.send(&id("c/1"), user("y"));
    assert_eq!(numbers(stage, all()), [2]);
}

pub fn several_go_or_none(stage: &mut Stage) {
    for _ in 0..3 {
        stage.send(&id("a/1"), user("x"));
    }
    let drops = |letters: &[i64], commit: Commit| Commit { letters: letters.to_vec(), ..commit };
    let wrong = drops(&[1, 9], stage.blank());
    assert_eq!(stage.commit(wrong), Err(Refusal::NoLetter { no: 9 }));
    assert_eq!(numbers(stage, all()), [3, 2, 1]);
    let right = drops(&[1, 3], stage.blank());
    stage.commit(right).expect("passes");
    stage.reopen();
    assert_eq!(numbers(stage, all()), [2]);
}

pub fn old_ones_make_room(stage: &mut Stage) {
    for _ in 0..5 {
        stage.send(&id("a/1"), user("x"));
    }
    let kept = stage.journal().letters(&all()).expect("reads");
    let rules = LetterRules { kept_max: 3, ..LetterRules::default() };
    let send = |stage: &mut Stage, letter_rules| {
        let commit = stage.blank();
        let sends = vec![outgoing(&id("a/2"), user("y"))];
        stage.commit(Commit { sends, letter_rules, ..commit }).expect("passes")
    };
    send(stage, rules);
    assert_eq!(numbers(stage, all()), [6, 5, 4]);
    let rules = LetterRules { kept_since: Millis(kept[0].at.0 + 1), ..LetterRules::default() };
    send(stage, rules);
    assert_eq!(numbers(stage, all()), [7, 6]);
}

pub fn by_policy_none_are_kept(stage: &mut Stage) {
    let rules = LetterRules { drops_unreachable: true, ..LetterRules::default() };
    let commit = stage.blank();
    let sends = vec![outgoing(&id("a/2"), user("y"))];
    let commit = Commit { sends, letter_rules: rules, ..commit };
    let receipt = stage.commit(commit).expect("passes");
    assert_eq!(receipt.undeliverable.len(), 1, "who asks is told all the same");
    assert!(numbers(stage, all()).is_empty());
}

pub fn a_census(stage: &mut Stage) {
    let (mut a, _b) = (stage.start("a/1"), stage.start("a/2"));
    stage.start("b/1");
    stage.end(&mut a, greenroom_model::Exit::Killed("so".into()));
    let census = stage.journal().census().expect("reads");
    let told: Vec<String> = census
        .iter()
        .map(|count| format!("{} {} {}", count.kind, count.status, count.count))
        .collect();
    assert_eq!(told, ["a@1 running 1", "a@1 cancelled 1", "b@1 running 1"]);
}
