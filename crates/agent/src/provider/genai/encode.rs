//! A request in genai's words. Knows no connection.

use crate::conversation::{Message, Origin, Part, Role, ToolResult};
use crate::provider::body::{arguments_object, result_text};
use crate::provider::request::{Request, ToolChoice};
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, ContentPart, JsonSpec,
    MessageContent, Tool, ToolCall, ToolChoice as Choice, ToolResponse,
};
use serde_json::Value;

/// What marks a message in genai's form.
pub const PROTOCOL: &str = "genai";

/// What the model is asked.
pub fn request(request: &Request, reader: &Origin) -> ChatRequest {
    let messages = request.messages.iter().flat_map(|one| messages(one, reader)).collect();
    let mut asked = ChatRequest::new(messages);
    if !request.system.is_empty() {
        asked = asked.with_system(request.system.as_str());
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            let with = Tool::new(tool.name.as_str()).with_description(tool.description.as_str());
            with.with_schema(tool.schema.clone())
        });
        asked = asked.with_tools(tools);
    }
    asked
}

/// On which terms.
pub fn options(request: &Request, key: &str) -> ChatOptions {
    let mut options = ChatOptions::default()
        .with_capture_content(true)
        .with_capture_reasoning_content(true)
        .with_capture_tool_calls(true)
        .with_capture_usage(true);
    if request.tokens_max > 0 {
        options = options.with_max_tokens(request.tokens_max);
    }
    if let Some(temperature) = request.temperature {
        options = options.with_temperature(temperature);
    }
    if let Some(schema) = &request.schema {
        let spec = JsonSpec::new("reply", schema.clone());
        options = options.with_response_format(ChatResponseFormat::JsonSpec(spec));
    }
    if !request.tools.is_empty() {
        options = match &request.tool_choice {
            ToolChoice::Auto => options,
            ToolChoice::None => options.with_tool_choice(Choice::None),
            ToolChoice::Any => options.with_tool_choice(Choice::Required),
            ToolChoice::Tool(name) => options.with_tool_choice(Choice::tool(name)),
        };
    }
    if !request.extra.is_empty() {
        options = options.with_extra_body(Value::Object(request.extra.clone()));
    }
    if key.is_empty() { options } else { options.with_extra_headers([("idempotency-key", key)]) }
}

fn messages(message: &Message, reader: &Origin) -> Vec<ChatMessage> {
    match message.role {
        Role::Assistant => {
            let own = message.blocks_for(PROTOCOL, reader);
            // What cannot be read is of another version of genai.
            vec![own.and_then(|own| own.read().ok()).unwrap_or_else(|| in_words(message))]
        }
        Role::User => {
            let results = message.content.iter().filter_map(|part| match part {
                Part::ToolResult(result) => Some(response(result)),
                Part::Text { .. } | Part::ToolCall(_) => None,
            });
            // Results stand right behind their calls, before any words.
            let results: Vec<ToolResponse> = results.collect();
            let results = (!results.is_empty())
                .then(|| ChatMessage::tool(MessageContent::from_tool_responses(results)));
            let words = message.text();
            let words = (!words.is_empty()).then(|| ChatMessage::user(words));
            results.into_iter().chain(words).collect()
        }
    }
}

fn response(result: &ToolResult) -> ToolResponse {
    let content = result_text(&result.content, result.failed);
    ToolResponse::new(result.id.as_str(), content).with_fn_name(result.name.as_str())
}

/// A message of another provider.
fn in_words(message: &Message) -> ChatMessage {
    let parts = message.content.iter().filter_map(|part| match part {
        Part::Text { text } => Some(ContentPart::from_text(text.as_str())),
        Part::ToolCall(call) => Some(ContentPart::ToolCall(ToolCall {
            call_id: call.id.clone(),
            fn_name: call.name.clone(),
            fn_arguments: arguments_object(&call.arguments),
            thought_signatures: None,
        })),
        Part::ToolResult(_) => None,
    });
    ChatMessage::assistant(MessageContent::from_parts(parts.collect::<Vec<_>>()))
}
