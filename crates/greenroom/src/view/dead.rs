//! Dead letters for people: a list, and one in full.

use super::short::{one_line, short};
use super::span::ago;
use crate::paint::{Paint, Tone};
use crate::table::{Align, Table};
use greenroom_api::wire::DeadLetter;
use greenroom_model::{Content, Millis};

/// Messages that no process took.
pub fn dead(letters: &[DeadLetter], now: Millis, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("NO", Align::Right),
        ("TO", Align::Left),
        ("FROM", Align::Left),
        ("WHEN", Align::Right),
        ("WHAT", Align::Left),
        ("WHY", Align::Left),
    ]);
    for letter in letters {
        table.row(vec![
            (letter.no.to_string(), Tone::Plain),
            (letter.to.to_string(), Tone::Plain),
            (short(&letter.from.to_string(), 40), Tone::Plain),
            (ago(now, letter.at), Tone::Plain),
            (content(&letter.content), Tone::Plain),
            (short(&letter.reason, 80), Tone::Quiet),
        ]);
    }
    table.render(paint)
}

fn content(content: &Content) -> String {
    let text = match content {
        Content::User { topic, body, .. } => format!("{topic} {body}"),
        Content::Reply { .. } => "a reply".to_owned(),
        Content::Exited { id, .. } => format!("the end of {id}"),
        Content::ExitSignal { id, .. } => format!("the end of {id}"),
        Content::Link => "a link".to_owned(),
        Content::Answer { value, .. } => format!("the answer {value}"),
        Content::Cancel { reason, .. } => format!("cancel: {reason}"),
        Content::Kill { reason, .. } => format!("kill: {reason}"),
        Content::Pause => "pause".to_owned(),
        Content::Resume => "resume".to_owned(),
        Content::Restart { .. } | Content::Revive { .. } => "restart".to_owned(),
    };
    short(&text, 50)
}

/// One of them in full.
pub fn letter(letter: &DeadLetter, now: Millis, paint: Paint) -> String {
    let mut out = String::new();
    let mut say = |name: &str, what: &str| {
        let name = paint.tone(Tone::Quiet, &format!("{name:<8}"));
        out.push_str(&format!("{name} {}\n", one_line(what)));
    };
    say("no", &letter.no.to_string());
    say("to", letter.to.as_str());
    say("from", &letter.from.to_string());
    say("root", &letter.root);
    say("hops", &letter.hops.to_string());
    say("when", &format!("{} ({})", letter.at, ago(now, letter.at)));
    say("why", &letter.reason);
    match &letter.content {
        Content::User { topic, body, reply_to, carried } => {
            say("topic", topic);
            say("body", &body.to_string());
            if let Some(caller) = reply_to {
                say("call", &format!("of {}, which was told", caller.process));
            }
            if let Some(deadline) = carried.as_ref().and_then(|carried| carried.deadline) {
                say("deadline", &deadline.to_string());
            }
        }
        other => say("what", &content(other)),
    }
    for (place, crash) in letter.crashes.iter().enumerate() {
        say(&format!("crash {}", place + 1), &crash.to_string());
    }
    out
}

/// Numbers, one after the other.
pub fn numbers(numbers: &[i64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
