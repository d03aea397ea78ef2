//! Tests of what rights grant.

use super::{granted, may_hear, may_send, may_send_to_box};
use greenroom_boxes::hub::{Resident, Rights};

fn send(all: &[&str]) -> Rights {
    Rights { send: all.iter().map(|one| (*one).to_owned()).collect(), hear: Vec::new() }
}

#[test]
fn nothing_is_granted_that_is_not_named() {
    let to = |id: &str| id.parse().expect("an id");
    for (rights, id, wanted) in [
        (&[][..], "counter/1", false),
        (&["counter/1"], "counter/1", true),
        (&["counter/1"], "counter/12", false),
        (&["counter/*"], "counter/2", true),
        (&["counter/*"], "counters/2", false),
        (&["*"], "counter/2", false),
        (&["box:*"], "counter/2", false),
    ] {
        assert_eq!(may_send(&send(rights), &to(id)), wanted, "{rights:?} {id}");
    }
    for (rights, name, same_owner, wanted) in [
        (&[][..], "b", true, false),
        (&["box:b"], "b", false, true),
        (&["box:b"], "bb", true, false),
        (&["box:*"], "b", true, true),
        (&["box:*"], "b", false, false),
        (&["box_mailbox/*"], "b", true, false),
    ] {
        assert_eq!(may_send_to_box(&send(rights), name, same_owner), wanted, "{rights:?} {name}");
    }
}

#[test]
fn a_pattern_is_granted_if_all_it_lets_through_is() {
    for (granted, asked, wanted) in [
        ("news.a", "news.a", true),
        ("news.a", "news.b", false),
        ("news.a", "news.*", false),
        ("news.a", "news.>", false),
        ("news.a", ">", false),
        ("news.*", "news.a", true),
        ("news.*", "news.*", true),
        ("news.*", "news.>", false),
        ("*", ">", false),
        ("news.*", "news.a.b", false),
        ("news.>", "news.a.b", true),
        ("news.>", "news.>", true),
        ("news.>", "news.a.>", true),
        ("news.a.>", "news.>", false),
        ("news.>", ">", false),
        ("*.a.>", "news.>", false),
        ("news.*.>", "news.>", false),
        (">", ">", true),
    ] {
        let rights = Rights { send: Vec::new(), hear: vec![granted.to_owned()] };
        assert_eq!(may_hear(&rights, asked), wanted, "{granted} {asked}");
    }
}

#[test]
fn what_the_owner_keeps_back_is_not_had_whatever_the_box_asks_for() {
    let boxed = |asks: &[&str], within: Option<&[&str]>| Resident {
        name: "work".to_owned(),
        number: 1,
        owner: None,
        rights: send(asks),
        within: within.map(send),
    };
    for (asks, within, wanted) in [
        (&["counter/*"][..], None, true),
        (&["counter/*"], Some(&["counter/1", "other/1"][..]), true),
        (&["counter/1"], Some(&["counter/*"]), true),
        (&["counter/*"], Some(&["counter/2"]), false),
        (&["counter/*"], Some(&[]), false),
        (&[], Some(&["counter/*"]), false),
        (&[], None, false),
    ] {
        let to = "counter/1".parse().expect("an id");
        let may = granted(&boxed(asks, within), |rights| may_send(rights, &to));
        assert_eq!(may, wanted, "{asks:?} {within:?}");
    }
}
