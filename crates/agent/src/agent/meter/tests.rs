//! What an attempt has taken that came to nothing.

use super::*;
use crate::conversation::Message;
use crate::provider::{Stop, ToolChoice};

fn request() -> Arc<Request> {
    Arc::new(Request {
        model: "m".into(),
        system: "x".repeat(400),
        messages: Vec::new(),
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        schema: None,
        tokens_max: 100,
        temperature: None,
        extra: serde_json::Map::new(),
    })
}

fn lost(deltas: &[Delta]) -> Usage {
    let lost = Lost::default();
    let mut meter = Meter::new(lost.clone(), request());
    for delta in deltas {
        meter.sees(delta);
    }
    drop(meter);
    lost.so_far()
}

fn told(input: u64, output: u64) -> Delta {
    Delta::Usage { usage: Usage { input, output, ..Usage::default() } }
}

#[test]
fn what_the_provider_said_counts_and_else_what_was_seen() {
    let text = || Delta::Text { text: "y".repeat(80) };
    assert_eq!(lost(&[]), Usage::default());
    let guessed = Usage { guessed: true, ..Usage::default() };
    assert_eq!(lost(&[text()]), Usage { input: 100, output: 20, ..guessed });
    assert_eq!(lost(&[told(0, 0)]), Usage { input: 100, ..guessed });
    assert_eq!(lost(&[told(7, 1), text()]), Usage { input: 7, output: 20, ..guessed });
    let whole = Usage { input: 7, output: 50, ..Usage::default() };
    assert_eq!(lost(&[told(7, 1), text(), told(7, 50)]), whole);
}

/// It is counted while what watches is dropped: a panic there ends the program.
#[test]
fn no_count_is_too_large_to_be_lost() {
    let all = Lost::default();
    for _ in 0..3 {
        Meter::new(all.clone(), request()).sees(&told(u64::MAX, u64::MAX - 1));
    }
    assert_eq!((all.so_far().input, all.so_far().total()), (u64::MAX, u64::MAX));
}

#[test]
fn a_reply_that_is_whole_tells_what_was_lost_before_it() {
    let lost = Lost::default();
    for _ in 0..2 {
        Meter::new(lost.clone(), request()).sees(&told(5, 1));
    }
    let mut last = Meter::new(lost.clone(), request());
    last.sees(&told(9, 9));
    let reply = Reply {
        message: Message::user("x"),
        stop: Stop::End,
        usage: Usage::default(),
        model: "m".into(),
    };
    let answer = last.whole(reply);
    assert_eq!((answer.lost.input, answer.lost.output), (10, 2));
    assert_eq!(lost.so_far(), answer.lost);
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["model"], "m");
    assert_eq!(serde_json::from_value::<Answer>(json).unwrap().lost, answer.lost);
}

#[test]
fn what_was_journaled_before_blocks_were_marked_is_read_and_kept_to_the_letter() {
    let text = r#"{"message":{"role":"assistant","content":[],"raw":{"protocol":"chat","blocks":{"z": 1e400,"a":2}}},"stop":"end","usage":{"input":1,"output":2,"cache_read":0,"cache_write":0},"model":"m"}"#;
    let answer: Answer = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&answer).unwrap(), text);
    assert_eq!(answer.reply().usage.output, 2);
}
