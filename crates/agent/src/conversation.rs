//! What is said between a person, an agent's model and its tools: plain data, the
//! same for all providers. Knows no provider.

pub use crate::verbatim::Verbatim;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person or another process, and what tools return.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order, in words that any provider can be told.
    pub content: Vec<Part>,
    /// The provider's own form of it, to be given back to it without a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Raw>,
}

/// A message as an agent's state shows it: with which of its words are no person's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// It.
    #[serde(flatten)]
    pub message: Message,
    /// So many bytes of its words, from the beginning, are word of other agents or of
    /// the agent's own guardrails.
    #[serde(default, skip_serializing_if = "is_none")]
    pub told: usize,
    /// The last so many of those bytes are a question of another agent, which a person
    /// may answer as well: it stands open besides.
    #[serde(default, skip_serializing_if = "is_none")]
    pub asked: usize,
}

fn is_none(bytes: &usize) -> bool {
    *bytes == 0
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// The model wants a tool called.
    ToolCall(ToolCall),
    /// What a tool has returned.
    ToolResult(ToolResult),
}

/// A tool that the model wants called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's name of this call. Its result goes back under it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, as the model wrote them: what is no JSON object is a string
    /// with the model's own text, for the loop to refuse.
    pub arguments: Value,
}

/// What a tool has returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call's id.
    pub id: String,
    /// The tool's name; some providers want it again.
    pub name: String,
    /// What it returned, or what went wrong.
    pub content: String,
    /// Whether it went wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// What a provider sent, to the letter: thinking with its signatures, encrypted
/// reasoning, ids. Only the provider that wrote it reads it; another, after a fallback,
/// is told the message's `content`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// The protocol that wrote it ([`Provider::protocol`](crate::provider::Provider::protocol)).
    pub protocol: String,
    /// Who wrote it. `None`: it was not noted, and goes to whoever speaks the protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Origin>,
    /// Its blocks.
    pub blocks: Verbatim,
}

/// Whose a message is. Many speak one protocol, and one address may serve several
/// accounts, which cannot read each other's encrypted thoughts: both must be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The provider's name.
    pub provider: String,
    /// Its address.
    pub url: String,
}

impl Raw {
    /// Its blocks, for one who speaks this protocol at this place, if they are its own.
    pub fn blocks_for(&self, protocol: &str, reader: &Origin) -> Option<&Verbatim> {
        let is_own = self.by.as_ref().is_none_or(|by| by == reader);
        (is_own && self.protocol == protocol).then_some(&self.blocks)
    }
}

impl Message {
    /// Words of a person or another process.
    pub fn user(text: impl Into<String>) -> Message {
        Message { role: Role::User, content: vec![Part::Text { text: text.into() }], raw: None }
    }

    /// Its provider's own form, for one who speaks this protocol at this place, if it is
    /// that one's.
    pub fn blocks_for(&self, protocol: &str, reader: &Origin) -> Option<&Verbatim> {
        self.raw.as_ref()?.blocks_for(protocol, reader)
    }

    /// All words of it, in order.
    pub fn text(&self) -> String {
        let words = self.content.iter().filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            Part::ToolCall(_) | Part::ToolResult(_) => None,
        });
        words.collect()
    }

    /// The calls it asks for, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            Part::Text { .. } | Part::ToolResult(_) => None,
        })
    }
}
