//! What a model is asked. Knows no provider.

use crate::conversation::{Message, Part};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a model is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The model's name as its provider knows it.
    pub model: String,
    /// What it is told before anything else.
    pub system: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools it may ask for, in a fixed order, so that prompts can be cached.
    pub tools: Vec<ToolSpec>,
    /// Whether it must.
    pub tool_choice: ToolChoice,
    /// A JSON schema that its words must follow.
    pub schema: Option<Value>,
    /// The longest reply, in tokens; 0: the provider's default.
    pub tokens_max: u32,
    /// How freely it speaks, 0.0 to 2.0; `None`: the provider's default.
    pub temperature: Option<f64>,
    /// Further fields of the provider's protocol, put into the request as they are
    /// (`thinking`, `reasoning`, …).
    pub extra: Map<String, Value>,
}

impl Request {
    /// How much text it is, about: what a prompt's size is guessed from.
    pub fn chars(&self) -> usize {
        let said = self.messages.iter().flat_map(|message| &message.content);
        let said = said.map(|part| match part {
            Part::Text { text } => text.chars().count(),
            Part::ToolCall(call) => call.name.len() + call.arguments.to_string().chars().count(),
            Part::ToolResult(result) => result.content.chars().count(),
        });
        let tools = self.tools.iter();
        let tools = tools.map(|tool| tool.description.len() + tool.schema.to_string().len());
        self.system.chars().count() + said.sum::<usize>() + tools.sum::<usize>()
    }
}

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// The JSON schema of its arguments, an object.
    pub schema: Value,
}

/// Whether a model must ask for a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must ask for one or more.
    Any,
    /// It must ask for this one.
    Tool(String),
}
