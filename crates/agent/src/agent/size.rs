//! How large a conversation is, about. Pure.

use crate::conversation::{Message, Part};
use crate::provider::Request;

/// About how many tokens a request is: four letters each.
pub(super) fn about_tokens(request: &Request) -> u64 {
    let tools: usize = request.tools.iter().map(|tool| tool.description.len() + 200).sum();
    let said: usize = request.messages.iter().map(letters).sum();
    tokens(request.system.len() + tools + said)
}

/// How many tokens so many letters are, about.
pub(super) fn tokens(letters: usize) -> u64 {
    (letters / 4) as u64
}

/// How many letters a message has.
pub(super) fn letters(message: &Message) -> usize {
    let of = |part: &Part| match part {
        Part::Text { text } => text.len(),
        Part::ToolCall(call) => call.name.len() + call.arguments.to_string().len(),
        Part::ToolResult(result) => result.content.len(),
    };
    message.content.iter().map(of).sum()
}
