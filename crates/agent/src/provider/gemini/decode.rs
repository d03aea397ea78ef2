//! A reply of the Gemini API out of its chunks. Knows no HTTP.

use crate::conversation::{Message, Part, Raw, Role, ToolCall, Verbatim};
use crate::provider::body::{Ids, arguments, count};
use crate::provider::fault::Complaint;
use crate::provider::http::{Decode, Wrong, json};
use crate::provider::json::{Fields, Json};
use crate::provider::reply::{Delta, Reply, Stop, Usage};
use crate::provider::request::Request;
use crate::provider::{OnDelta, sse};
use serde_json::Value;

/// The protocol's name.
pub(super) const PROTOCOL: &str = "gemini";

pub(super) struct Decoder {
    ids: Ids,
    model: String,
    parts: Vec<Piece>,
    finish: Option<String>,
    explanation: Option<String>,
    usage: Value,
}

/// A part, as it came; the pieces of one text are joined.
struct Piece {
    fields: Fields,
    /// It is text and nothing but text.
    is_plain: bool,
    is_thought: bool,
    call: Option<ToolCall>,
}

impl Decoder {
    pub fn new(request: &Request, key: &str) -> Decoder {
        Decoder {
            ids: Ids::new(key),
            model: request.model.clone(),
            parts: Vec::new(),
            finish: None,
            explanation: None,
            usage: Value::Null,
        }
    }

    fn take_part(&mut self, part: &Json<'_>, on_delta: OnDelta<'_>) {
        let is_thought = part["thought"].is_true();
        if let Some(text) = part["text"].as_str().filter(|text| !text.is_empty()) {
            let text = text.to_owned();
            on_delta(if is_thought { Delta::Thinking { text } } else { Delta::Text { text } });
        }
        let call = part.get("functionCall").map(|call| self.call(call));
        if let Some(ToolCall { id, name, .. }) = &call {
            on_delta(Delta::ToolCall { id: id.clone(), name: name.clone() });
        }
        // A part with a signature is one with nothing else: that is what is signed.
        let is_plain = is_plain(part);
        match (self.parts.last_mut(), part["text"].as_str()) {
            (Some(last), Some(more))
                if is_plain && last.is_plain && last.is_thought == is_thought =>
            {
                last.fields.add_text("text", more);
            }
            _ => self.parts.push(Piece { fields: Fields::of(part), is_plain, is_thought, call }),
        }
    }

    fn call(&mut self, call: &Json<'_>) -> ToolCall {
        let id = call["id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
        let id = id.unwrap_or_else(|| self.ids.next());
        let args = &call["args"];
        let arguments = if args.is_null() { arguments("") } else { arguments(args.text()) };
        ToolCall { id, name: call.word("name"), arguments }
    }

    fn stop(&self) -> Result<Stop, Wrong> {
        let finish = self.finish.as_deref().unwrap_or_default();
        match finish {
            "STOP" if self.parts.iter().all(|part| part.call.is_none()) => Ok(Stop::End),
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

/// Whether a part is text and nothing but text.
fn is_plain(part: &Json<'_>) -> bool {
    let mut names = part.fields().iter().map(|(name, _)| name.as_str());
    part["text"].as_str().is_some() && names.all(|name| matches!(name, "text" | "thought"))
}

impl Decode for Decoder {
    fn take(&mut self, event: &sse::Event, on_delta: OnDelta<'_>) -> Result<(), Wrong> {
        if event.data.trim() == "[DONE]" {
            return Ok(());
        }
        let document = json(event)?;
        // Without `alt=sse` it is a list of chunks.
        let one = std::slice::from_ref(&document);
        for chunk in if document.is_array() { document.items() } else { one } {
            if chunk.get("error").is_some() {
                return Err(Wrong::Failed(Complaint::of_event(&chunk.value())));
            }
            if let Some(model) = chunk["modelVersion"].as_str() {
                self.model = model.to_owned();
            }
            if chunk["usageMetadata"].is_object() {
                self.usage = chunk["usageMetadata"].value();
            }
            if let Some(reason) = chunk["promptFeedback"]["blockReason"].as_str() {
                self.finish = Some("SAFETY".to_owned());
                self.explanation = Some(format!("the prompt was blocked: {reason}"));
            }
            let candidate = &chunk["candidates"][0];
            for part in candidate["content"]["parts"].items() {
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

    fn whole(&mut self) {
        if self.finish.is_none() && !self.parts.is_empty() {
            self.finish = Some("STOP".to_owned());
        }
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
        let (mut content, mut parts) = (Vec::new(), Vec::new());
        for Piece { fields, is_thought, call, .. } in self.parts {
            match (call, fields.text("text")) {
                (Some(call), _) => content.push(Part::ToolCall(call)),
                (None, Some(text)) if !is_thought && !text.is_empty() => {
                    content.push(Part::Text { text });
                }
                _ => {}
            }
            parts.push(fields);
        }
        if let (true, Stop::Refused, Some(text)) = (content.is_empty(), &stop, self.explanation) {
            content.push(Part::Text { text });
        }
        let usage = usage_of(&self.usage);
        let raw = Raw { protocol: PROTOCOL.to_owned(), by: None, blocks: Verbatim::of(&parts) };
        let message = Message { role: Role::Assistant, content, raw: Some(raw) };
        Ok(Reply { message, stop, usage, model: self.model })
    }
}

fn usage_of(usage: &Value) -> Usage {
    let cache_read = count(usage, "/cachedContentTokenCount");
    let sum = |one, other| count(usage, one).saturating_add(count(usage, other));
    let input = sum("/promptTokenCount", "/toolUsePromptTokenCount").saturating_sub(cache_read);
    let output = sum("/candidatesTokenCount", "/thoughtsTokenCount");
    Usage { input, output, cache_read, ..Usage::default() }
}
