//! Makes a conversation small enough to go on in a new segment of the journal, where it
//! is one payload. Pure.
//!
//! What goes first is what is missed least: long results that can be read on, the
//! providers' own forms of messages, then the ends of long texts. All of it stays in the
//! history.

#[cfg(test)]
mod tests;

use super::kept::cut;
use super::thread::Thread;
use crate::conversation::{Message, Part, Role};
use crate::json_size::json_size;
use serde_json::json;

/// How large a conversation may be, as JSON has it. A payload may be 32 MiB.
pub(super) const BYTES_MAX: usize = 24 << 20;

/// How much of a text is left, ever less until all fits.
const TEXT_BYTES: [usize; 5] = [256 << 10, 32 << 10, 4 << 10, 512, 64];

/// Makes it so small.
pub(super) fn fit(thread: &mut Thread, most: usize) {
    let over = |thread: &Thread| json_size(thread).saturating_sub(most);
    thread.kept.free(over(thread));
    if over(thread) > 0 {
        thread.left_out.clear();
    }
    let wanted = over(thread);
    drop_raw(&mut thread.messages, wanted);
    for text_bytes in TEXT_BYTES {
        if over(thread) == 0 {
            return;
        }
        thread.notes.iter_mut().for_each(|note| shorten(note, text_bytes));
        let parts = thread.messages.iter_mut().flat_map(|message| &mut message.content);
        parts.for_each(|part| shorten_part(part, text_bytes));
    }
    // Nothing but very many messages is left to be the reason.
    while over(thread) > 0 && !thread.messages.is_empty() {
        let begins = |message: &Message| {
            let is_result = |part: &Part| matches!(part, Part::ToolResult(_));
            message.role == Role::User && !message.content.iter().any(is_result)
        };
        let half = thread.messages.len().div_ceil(2);
        let rest = thread.messages[half..].iter().position(begins);
        let from = rest.map_or(thread.messages.len(), |after| half + after);
        thread.messages.drain(..from);
        thread.places.drain(..from.min(thread.places.len()));
    }
}

/// Leaves out the oldest forms that only their provider reads, until so much is free.
fn drop_raw(messages: &mut [Message], wanted: usize) {
    let mut freed = 0;
    for message in messages {
        if freed >= wanted {
            return;
        }
        freed += message.raw.take().map_or(0, |raw| json_size(&raw));
    }
}

fn shorten_part(part: &mut Part, most: usize) {
    match part {
        Part::Text { text } => shorten(text, most),
        Part::ToolResult(result) => shorten(&mut result.content, most),
        Part::ToolCall(call) => {
            let bytes = json_size(&call.arguments);
            if bytes > most {
                call.arguments = json!({ "left_out": format!("{bytes} bytes") });
            }
        }
    }
}

fn shorten(text: &mut String, most: usize) {
    if json_size(text) > most {
        let bytes = text.len();
        cut(text, most);
        text.push_str(&format!(" [… the rest of {bytes} bytes is left out here]"));
    }
}
