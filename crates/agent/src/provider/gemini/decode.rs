//! A reply of the Gemini API out of its chunks. Knows no HTTP.

use crate::conversation::{Message, Part, Raw, Role, ToolCall};
use crate::provider::body::{Ids, count};
use crate::provider::fault::Complaint;
use crate::provider::http::{Decode, Wrong, json};
use crate::provider::reply::{Delta, Reply, Stop, Usage};
use crate::provider::request::Request;
use crate::provider::{OnDelta, sse};
use serde_json::{Value, json};

/// The protocol's name.
pub(super) const PROTOCOL: &str = "gemini";

pub(super) struct Decoder {
    ids: Ids,
    model: String,
    /// As they came; pieces of one text are joined.
    parts: Vec<Value>,
    calls: Vec<ToolCall>,
    finish: Option<String>,
    explanation: Option<String>,
    usage: Value,
}

impl Decoder {
    pub fn new(request: &Request, key: &str) -> Decoder {
        Decoder {
            ids: Ids::new(key),
            model: request.model.clone(),
            parts: Vec::new(),
            calls: Vec::new(),
            finish: None,
            explanation: None,
            usage: Value::Null,
        }
    }

    fn take_part(&mut self, part: &Value, on_delta: OnDelta<'_>) {
        if let Some(text) = part["text"].as_str().filter(|text| !text.is_empty()) {
            let text = text.to_owned();
            on_delta(if is_thought(part) {
                Delta::Thinking { text }
            } else {
                Delta::Text { text }
            });
        }
        if let Some(call) = part.get("functionCall") {
            let id = call["id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
            let id = id.unwrap_or_else(|| self.ids.next());
            let name = call["name"].as_str().unwrap_or_default().to_owned();
            on_delta(Delta::ToolCall { id: id.clone(), name: name.clone() });
            let arguments = match &call["args"] {
                Value::Null => json!({}),
                args @ Value::Object(_) => args.clone(),
                other => Value::String(other.to_string()),
            };
            self.calls.push(ToolCall { id, name, arguments });
        }
        // A part with a signature is one with nothing else: that is what is signed.
        let more = part["text"].as_str().filter(|_| is_plain(part));
        match (self.parts.last_mut(), more) {
            (Some(last), Some(more)) if is_plain(last) && is_thought(last) == is_thought(part) => {
                let joined = format!("{}{more}", last["text"].as_str().unwrap_or_default());
                last["text"] = joined.into();
            }
            _ => self.parts.push(part.clone()),
        }
    }

    fn stop(&self) -> Result<Stop, Wrong> {
        let finish = self.finish.as_deref().unwrap_or_default();
        match finish {
            "STOP" if self.calls.is_empty() => Ok(Stop::End),
            "STOP" | "FUNCTION_CALL" => Ok(Stop::ToolCalls),
            "MAX_TOKENS" => Ok(Stop::Length),
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE"
            | "MODEL_ARMOR" => Ok(Stop::Refused),
            "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" => {
                Err(Wrong::Nonsense(format!("the model itself says {finish}")))
            }
            other => Ok(Stop::Other(other.to_owned())),
        }
    }
}

fn is_thought(part: &Value) -> bool {
    part["thought"] == Value::Bool(true)
}

/// Whether a part is text and nothing but text.
fn is_plain(part: &Value) -> bool {
    let fields = part.as_object();
    let is_plain = |name: &String| matches!(name.as_str(), "text" | "thought");
    part["text"].is_string() && fields.is_some_and(|fields| fields.keys().all(is_plain))
}

impl Decode for Decoder {
    fn take(&mut self, event: &sse::Event, on_delta: OnDelta<'_>) -> Result<(), Wrong> {
        if event.data.trim() == "[DONE]" {
            return Ok(());
        }
        let document = json(event)?;
        // Without `alt=sse` it is a list of chunks.
        let one = std::slice::from_ref(&document);
        for chunk in document.as_array().map_or(one, Vec::as_slice) {
            if chunk.get("error").is_some() {
                return Err(Wrong::Failed(Complaint::of_event(chunk)));
            }
            if let Some(model) = chunk["modelVersion"].as_str() {
                self.model = model.to_owned();
            }
            if chunk["usageMetadata"].is_object() {
                self.usage = chunk["usageMetadata"].clone();
            }
            if let Some(reason) =
                chunk.pointer("/promptFeedback/blockReason").and_then(Value::as_str)
            {
                self.finish = Some("SAFETY".to_owned());
                self.explanation = Some(format!("the prompt was blocked: {reason}"));
            }
            let candidate = &chunk["candidates"][0];
            let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                self.take_part(part, on_delta);
            }
            if let Some(finish) = candidate["finishReason"].as_str() {
                self.finish = Some(finish.to_owned());
                let explanation = candidate["finishMessage"].as_str().map(str::to_owned);
                self.explanation = explanation.or(self.explanation.take());
            }
        }
        Ok(())
    }

    /// The protocol has no last event: usage may follow the end's reason.
    fn is_done(&self) -> bool {
        false
    }

    fn usage(&self) -> Usage {
        usage_of(&self.usage)
    }

    fn finish(self) -> Result<Reply, Wrong> {
        if self.finish.is_none() {
            return Err(Wrong::Cut);
        }
        let stop = self.stop()?;
        let mut calls = self.calls.into_iter();
        let mut content: Vec<Part> = self
            .parts
            .iter()
            .filter_map(|part| match part["text"].as_str() {
                _ if part.get("functionCall").is_some() => calls.next().map(Part::ToolCall),
                Some(text) if !is_thought(part) && !text.is_empty() => {
                    Some(Part::Text { text: text.to_owned() })
                }
                _ => None,
            })
            .collect();
        if let (true, Stop::Refused, Some(text)) = (content.is_empty(), &stop, self.explanation) {
            content.push(Part::Text { text });
        }
        let usage = usage_of(&self.usage);
        let raw = Raw { protocol: PROTOCOL.to_owned(), blocks: Value::Array(self.parts) };
        let message = Message { role: Role::Assistant, content, raw: Some(raw) };
        Ok(Reply { message, stop, usage, model: self.model })
    }
}

fn usage_of(usage: &Value) -> Usage {
    let cache_read = count(usage, "/cachedContentTokenCount");
    let read = count(usage, "/promptTokenCount") + count(usage, "/toolUsePromptTokenCount");
    let input = read.saturating_sub(cache_read);
    let output = count(usage, "/candidatesTokenCount") + count(usage, "/thoughtsTokenCount");
    Usage { input, output, cache_read, ..Usage::default() }
}
