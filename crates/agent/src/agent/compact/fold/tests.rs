//! What is left out of a conversation, and what is put back.

use super::*;
use crate::conversation::{ToolCall, ToolResult};
use serde_json::json;

fn call(id: u32) -> Message {
    let call = ToolCall { id: format!("c{id}"), name: "look".to_owned(), arguments: json!({}) };
    Message { role: Role::Assistant, content: vec![Part::ToolCall(call)], raw: None }
}

fn result(id: u32, content: &str) -> Message {
    let (id, name) = (format!("c{id}"), "look".to_owned());
    let result = ToolResult { id, name, content: content.to_owned(), failed: false };
    Message { role: Role::User, content: vec![Part::ToolResult(result)], raw: None }
}

/// A task, then so many calls with their results.
fn conversation(calls: u32) -> (Vec<Message>, Vec<u32>) {
    let mut messages = vec![Message::user("the task")];
    for id in 0..calls {
        messages.push(call(id));
        messages.push(result(id, &format!("{id}{}", "x".repeat(300))));
    }
    let places = (1..).take(messages.len()).collect();
    (messages, places)
}

fn folded(messages: &[Message], places: &[u32], pinned: &[u32]) -> Vec<u32> {
    let fold = foldable(messages, places, &pinned.iter().copied().collect());
    places.iter().zip(fold).filter(|(_, fold)| *fold).map(|(place, _)| *place).collect()
}

#[test]
fn the_task_the_last_ones_and_what_is_pinned_stay() {
    let (messages, places) = conversation(6);
    assert_eq!(folded(&messages, &places, &[]), [2, 3, 4, 5, 6, 7]);
    // The call goes with its pinned result, and the result with its pinned call.
    assert_eq!(folded(&messages, &places, &[5]), [2, 3, 6, 7]);
    assert_eq!(folded(&messages, &places, &[2]), [4, 5, 6, 7]);
}

#[test]
fn a_call_is_never_cut_from_its_result() {
    let (mut messages, mut places) = conversation(6);
    messages.push(Message::user("and?"));
    places.push(14);
    // The last six begin with a result: its call stays too.
    assert_eq!(folded(&messages, &places, &[]), [2, 3, 4, 5, 6, 7]);
}

#[test]
fn nothing_is_folded_of_a_short_conversation() {
    let (messages, places) = conversation(3);
    assert_eq!(folded(&messages, &places, &[]), Vec::<u32>::new());
    assert_eq!(folded(&[], &[], &[]), Vec::<u32>::new());
}

#[test]
fn two_summaries_taken_back_leave_the_conversation_as_it_was() {
    let (mut messages, mut places) = conversation(9);
    let whole = messages.clone();
    let none = BTreeSet::from([5]);
    let mut said = Said { messages: &mut messages, places: &mut places };
    let fold = foldable(said.messages, said.places, &none);
    let first = said
        .fold(&fold[..9].iter().copied().chain([false; 10]).collect::<Vec<_>>(), "one".to_owned());
    let first = first.expect("something to fold");
    assert_eq!((first.from, first.to, first.kept.as_slice()), (2, 9, [4, 5].as_slice()));
    assert_eq!(said.places[..4], [1, SUMMARY, 4, 5]);
    let fold = foldable(said.messages, said.places, &none);
    let second = said.fold(&fold, "two".to_owned()).expect("something to fold");
    assert_eq!((second.from, second.to), (10, 13));
    assert_eq!(said.places[..5], [1, SUMMARY, 4, 5, 14]);
    assert!(said.messages[1].text().contains("two"));
    let back = |one: &Compaction| -> Vec<(u32, Message)> {
        let places = (one.from..=one.to).filter(|place| one.leaves_out(*place));
        places.map(|place| (place, whole[place as usize - 1].clone())).collect()
    };
    said.put_back(back(&second), Some((first.from, "one".to_owned())));
    assert_eq!(said.places[..5], [1, SUMMARY, 4, 5, 10]);
    assert!(said.messages[1].text().contains("one"));
    said.put_back(back(&first), None);
    assert_eq!(*said.messages, whole);
    assert_eq!(*said.places, (1..=19).collect::<Vec<u32>>());
}

#[test]
fn long_results_are_left_out_and_a_note_stays() {
    let (mut messages, mut places) = conversation(4);
    let whole = messages.clone();
    let mut said = Said { messages: &mut messages, places: &mut places };
    let from: Vec<bool> = (0..9).map(|at| at < 5).collect();
    let done = said.drop_results(&from, "no summary").expect("long ones");
    assert_eq!((done.from, done.to, done.failed.as_deref()), (3, 5, Some("no summary")));
    assert_eq!(done.kept, [4]);
    let Part::ToolResult(result) = &said.messages[2].content[0] else { panic!("a result") };
    assert_eq!(result.content, "[301 bytes of this result are left out here]");
    assert_eq!(said.messages[6], whole[6]);
    // What is short already is no gain.
    assert_eq!(said.drop_results(&from, "again"), None);
    said.put_back([3, 5].map(|place| (place, whole[place as usize - 1].clone())).into(), None);
    assert_eq!(*said.messages, whole);
}

#[test]
fn a_record_is_cut_to_what_fits() {
    let messages = [Message::user("a".repeat(20_000)), call(1), result(1, &"é".repeat(5_000))];
    let all: Vec<&Message> = messages.iter().collect();
    let text = transcript(&all, 4_000);
    assert!(text.len() <= 4_000, "{}", text.len());
    assert!(text.contains("AGENT CALLS look: {}") && text.contains("RESULT OF look: é"), "{text}");
}
