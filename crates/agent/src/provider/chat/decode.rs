//! A Chat Completions reply out of its chunks. Knows no HTTP.

use crate::conversation::{Message, Part, Raw, Role, ToolCall};
use crate::provider::body::{Ids, arguments, count};
use crate::provider::fault::Complaint;
use crate::provider::http::{Decode, Wrong, json};
use crate::provider::reply::{Delta, Reply, Stop, Usage};
use crate::provider::request::Request;
use crate::provider::{OnDelta, sse};
use serde_json::{Map, Value, json};

/// The protocol's name.
pub(super) const PROTOCOL: &str = "chat";

pub(super) struct Decoder {
    ids: Ids,
    model: String,
    text: String,
    refusal: String,
    calls: Vec<Call>,
    /// All else that was said, to be given back: thoughts, their signatures.
    others: Map<String, Value>,
    finish: Option<String>,
    usage: Usage,
    is_done: bool,
}

/// A call as far as it is known.
#[derive(Default)]
struct Call {
    place: Option<u64>,
    id: String,
    name: String,
    arguments: String,
    others: Map<String, Value>,
    is_told: bool,
}

impl Decoder {
    pub fn new(request: &Request, key: &str) -> Decoder {
        Decoder {
            ids: Ids::new(key),
            model: request.model.clone(),
            text: String::new(),
            refusal: String::new(),
            calls: Vec::new(),
            others: Map::new(),
            finish: None,
            usage: Usage::default(),
            is_done: false,
        }
    }

    fn take_field(&mut self, name: &str, value: &Value, on_delta: OnDelta<'_>) {
        match (name, value) {
            ("role", _) | (_, Value::Null) => {}
            ("content", _) => {
                let words = words_of(value);
                if !words.is_empty() {
                    self.text.push_str(&words);
                    on_delta(Delta::Text { text: words });
                }
            }
            ("refusal", Value::String(words)) => self.refusal.push_str(words),
            ("tool_calls", Value::Array(pieces)) => {
                for piece in pieces {
                    self.take_call(piece, on_delta);
                }
            }
            ("tool_calls", _) => {}
            (_, Value::String(words)) => {
                if matches!(name, "reasoning_content" | "reasoning") && !words.is_empty() {
                    on_delta(Delta::Thinking { text: words.clone() });
                }
                append(&mut self.others, name, value);
            }
            _ => append(&mut self.others, name, value),
        }
    }

    fn take_call(&mut self, piece: &Value, on_delta: OnDelta<'_>) {
        let word = |pointer: &str| piece.pointer(pointer).and_then(Value::as_str).unwrap_or("");
        let (id, name) = (word("/id"), word("/function/name"));
        let place = piece.get("index").and_then(Value::as_u64);
        let known = match place {
            Some(_) => self.calls.iter().rposition(|call| call.place == place),
            None if !id.is_empty() => self.calls.iter().rposition(|call| call.id == id),
            None if name.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        };
        // Some servers give all calls the place 0: another id with a name is another
        // call.
        let known = known.filter(|known| {
            let call = &self.calls[*known];
            id.is_empty() || name.is_empty() || call.id.is_empty() || call.id == id
        });
        let known = known.unwrap_or_else(|| {
            self.calls.push(Call { place, ..Call::default() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[known];
        if call.id.is_empty() {
            call.id = id.to_owned();
        }
        if call.name.is_empty() {
            call.name = name.to_owned();
        }
        match piece.pointer("/function/arguments") {
            Some(Value::String(text)) => call.arguments.push_str(text),
            Some(value @ Value::Object(_)) => call.arguments = value.to_string(),
            _ => {}
        }
        for (field, value) in piece.as_object().into_iter().flatten() {
            if !matches!(field.as_str(), "index" | "id" | "type" | "function") && !value.is_null() {
                call.others.insert(field.clone(), value.clone());
            }
        }
        if !call.name.is_empty() && !std::mem::replace(&mut call.is_told, true) {
            if call.id.is_empty() {
                call.id = self.ids.next();
            }
            on_delta(Delta::ToolCall { id: call.id.clone(), name: call.name.clone() });
        }
    }

    fn stop(&self) -> Stop {
        match self.finish.as_deref() {
            Some("length") => Stop::Length,
            Some("content_filter") => Stop::Refused,
            _ if !self.refusal.is_empty() => Stop::Refused,
            // Ollama and others end a reply with calls by `stop`.
            _ if !self.calls.is_empty() => Stop::ToolCalls,
            None | Some("stop" | "tool_calls" | "function_call" | "eos") => Stop::End,
            Some(other) => Stop::Other(other.to_owned()),
        }
    }

    fn raw(&self) -> Value {
        let mut raw = self.others.clone();
        raw.insert("role".to_owned(), json!("assistant"));
        raw.insert("content".to_owned(), json!(self.text));
        if !self.refusal.is_empty() {
            raw.insert("refusal".to_owned(), json!(self.refusal));
        }
        let calls = self.calls.iter().map(|call| {
            let mut fields = call.others.clone();
            fields.insert("id".to_owned(), json!(call.id));
            fields.insert("type".to_owned(), json!("function"));
            let function = json!({"name": call.name, "arguments": call.arguments});
            fields.insert("function".to_owned(), function);
            Value::Object(fields)
        });
        if !self.calls.is_empty() {
            raw.insert("tool_calls".to_owned(), calls.collect());
        }
        Value::Object(raw)
    }
}

impl Decode for Decoder {
    fn take(&mut self, event: &sse::Event, on_delta: OnDelta<'_>) -> Result<(), Wrong> {
        if event.data.trim() == "[DONE]" {
            self.is_done = true;
            return Ok(());
        }
        if event.data.trim().is_empty() {
            return Ok(());
        }
        let chunk = json(event)?;
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Wrong::Failed(Complaint::of_event(&chunk)));
        }
        if let Some(model) = chunk.get("model").and_then(Value::as_str).filter(|m| !m.is_empty()) {
            self.model = model.to_owned();
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = usage_of(usage);
        }
        let Some(choice) = chunk.pointer("/choices/0") else { return Ok(()) };
        // One document has a `message` where a chunk has a `delta`.
        let said = choice.get("delta").or(choice.get("message")).and_then(Value::as_object);
        for (name, value) in said.into_iter().flatten() {
            self.take_field(name, value, on_delta);
        }
        if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish = Some(finish.to_owned());
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.is_done
    }

    fn usage(&self) -> Usage {
        self.usage
    }

    fn finish(mut self) -> Result<Reply, Wrong> {
        if self.finish.is_none() && !self.is_done {
            return Err(Wrong::Cut);
        }
        let (ids, calls) = (&mut self.ids, &mut self.calls);
        for call in calls.iter_mut().filter(|call| call.id.is_empty()) {
            call.id = ids.next();
        }
        if self.finish.is_none() && self.text.is_empty() && self.calls.is_empty() {
            return Err(Wrong::Nonsense("it is empty".to_owned()));
        }
        let words = if self.text.is_empty() { &self.refusal } else { &self.text };
        let words = (!words.is_empty()).then(|| Part::Text { text: words.clone() });
        let calls = self.calls.iter().map(|call| {
            let (id, name) = (call.id.clone(), call.name.clone());
            Part::ToolCall(ToolCall { id, name, arguments: arguments(&call.arguments) })
        });
        let content: Vec<Part> = words.into_iter().chain(calls).collect();
        let raw = Raw { protocol: PROTOCOL.to_owned(), blocks: self.raw() };
        let message = Message { role: Role::Assistant, content, raw: Some(raw) };
        Ok(Reply { message, stop: self.stop(), usage: self.usage, model: self.model })
    }
}

/// Words, or a list of parts with words.
fn words_of(content: &Value) -> String {
    match content {
        Value::String(words) => words.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

/// Strings and lists come in pieces; of all else, the last counts.
fn append(fields: &mut Map<String, Value>, name: &str, value: &Value) {
    match (fields.get_mut(name), value) {
        (Some(Value::String(words)), Value::String(more)) => words.push_str(more),
        (Some(Value::Array(list)), Value::Array(more)) => list.extend(more.iter().cloned()),
        _ => {
            fields.insert(name.to_owned(), value.clone());
        }
    }
}

fn usage_of(usage: &Value) -> Usage {
    let cache_read = count(usage, "/prompt_tokens_details/cached_tokens")
        .max(count(usage, "/prompt_cache_hit_tokens"));
    let cache_write = count(usage, "/prompt_tokens_details/cache_write_tokens");
    let input = count(usage, "/prompt_tokens").saturating_sub(cache_read + cache_write);
    let output = count(usage, "/completion_tokens");
    Usage { input, output, cache_read, cache_write, guessed: false }
}
