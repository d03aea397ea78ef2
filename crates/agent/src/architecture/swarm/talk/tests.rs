//! Quiet is quiet, and the budget is kept.

use super::{Talk, UsedUp};

fn three(most: u64) -> Talk {
    Talk::new(&["ada", "bob", "cy"].map(str::to_owned), most)
}

fn all_idle(talk: &mut Talk) {
    for member in 0..3 {
        let told = talk.members[member].told;
        talk.idle(member, told, "done".to_owned());
    }
}

#[test]
fn it_is_quiet_once_all_have_taken_in_all() {
    let mut talk = three(9);
    assert!(!talk.is_quiet(), "nobody has said that it is idle");
    all_idle(&mut talk);
    assert!(talk.is_quiet());
    assert_eq!(talk.count(1), Ok(1));
    assert!(!talk.is_quiet(), "a message is under way");
    // Its word crossed the message: it had not taken it in.
    talk.idle(1, 0, String::new());
    assert!(!talk.is_quiet());
    assert_eq!(talk.members[1].words.as_deref(), Some("done"), "silence says nothing new");
    talk.idle(1, 1, "well".to_owned());
    assert!(talk.is_quiet());
}

#[test]
fn who_has_ended_is_quiet_and_hears_nothing() {
    let mut talk = three(9);
    all_idle(&mut talk);
    assert_eq!(talk.count(2), Ok(1));
    talk.members[2].gone = Some("failed".to_owned());
    assert!(talk.is_quiet());
    assert_eq!(talk.hearers(0, "all"), [1]);
    assert!(talk.hearers(0, "cy").is_empty());
    assert!(talk.hearers(0, "ada").is_empty(), "nobody speaks to itself");
}

#[test]
fn the_budget_is_for_all_together() {
    let mut talk = three(2);
    assert_eq!(talk.count(0), Ok(1));
    assert_eq!(talk.count(1), Ok(1));
    assert_eq!(talk.count(0), Err(UsedUp));
    assert_eq!((talk.messages, talk.members[0].told), (2, 1));
}
