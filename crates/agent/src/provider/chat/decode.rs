//! A Chat Completions reply out of its chunks. Knows no HTTP.

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
pub(super) const PROTOCOL: &str = "chat";

pub(super) struct Decoder {
    ids: Ids,
    model: String,
    text: String,
    refusal: String,
    calls: Vec<Call>,
    /// All that was said, to be given back, thoughts and their signatures too: in the
    /// order in which it came.
    message: Fields,
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
    /// All of it, to be given back.
    fields: Fields,
    /// The same of its `function`.
    function: Fields,
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
            message: Fields::default(),
            finish: None,
            usage: Usage::default(),
            is_done: false,
        }
    }

    fn take_field(&mut self, name: &str, value: &Json<'_>, on_delta: OnDelta<'_>) {
        match (name, value.as_str()) {
            ("role" | "content", _) => {
                self.message.begin(name);
                let words = if name == "content" { words_of(value) } else { String::new() };
                if !words.is_empty() {
                    self.text.push_str(&words);
                    on_delta(Delta::Text { text: words });
                }
            }
            _ if value.is_null() => {}
            ("refusal", Some(words)) => {
                self.refusal.push_str(words);
                self.message.add(name, value);
            }
            ("tool_calls", _) => {
                for piece in value.items() {
                    self.message.begin(name);
                    self.take_call(piece, on_delta);
                }
            }
            (_, Some(words)) => {
                if matches!(name, "reasoning_content" | "reasoning") && !words.is_empty() {
                    on_delta(Delta::Thinking { text: words.to_owned() });
                }
                self.message.add(name, value);
            }
            _ => self.message.add(name, value),
        }
    }

    fn take_call(&mut self, piece: &Json<'_>, on_delta: OnDelta<'_>) {
        let function = &piece["function"];
        let (id, name) = (piece.word("id"), function.word("name"));
        let place = piece["index"].as_u64();
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
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        match &function["arguments"] {
            text if text.as_str().is_some() => {
                call.arguments.push_str(text.as_str().unwrap_or_default());
            }
            object if object.is_object() => call.arguments = object.text().to_owned(),
            _ => {}
        }
        call.keep(piece);
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

    /// The message as it goes back.
    fn blocks(&self) -> Verbatim {
        let mut message = self.message.clone();
        message.set("role", "assistant");
        message.set("content", &self.text);
        if self.refusal.is_empty() {
            message.remove("refusal");
        }
        let calls: Vec<Fields> = self.calls.iter().map(Call::whole).collect();
        if !calls.is_empty() {
            message.set("tool_calls", &calls);
        }
        message.verbatim()
    }
}

impl Call {
    /// Keeps all that a piece says; of what comes again, the last counts.
    fn keep(&mut self, piece: &Json<'_>) {
        for (field, value) in piece.fields() {
            match field.as_str() {
                "index" => {}
                "id" | "type" | "function" => self.fields.begin(field),
                _ if value.is_null() => {}
                _ => self.fields.replace(field, value),
            }
        }
        for (field, value) in piece["function"].fields() {
            match field.as_str() {
                "name" | "arguments" => self.function.begin(field),
                _ if value.is_null() => {}
                _ => self.function.replace(field, value),
            }
        }
    }

    fn whole(&self) -> Fields {
        let mut function = self.function.clone();
        function.set("name", &self.name);
        function.set("arguments", &self.arguments);
        let mut fields = self.fields.clone();
        fields.set("id", &self.id);
        fields.set("type", "function");
        fields.set("function", &function);
        fields
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
        if !chunk["error"].is_null() {
            return Err(Wrong::Failed(Complaint::of_event(&chunk.value())));
        }
        if let Some(model) = chunk["model"].as_str().filter(|model| !model.is_empty()) {
            self.model = model.to_owned();
        }
        if chunk["usage"].is_object() {
            self.usage = usage_of(&chunk["usage"].value());
        }
        let choice = &chunk["choices"][0];
        // One document has a `message` where a chunk has a `delta`.
        let said = choice.get("delta").unwrap_or(&choice["message"]);
        for (name, value) in said.fields() {
            self.take_field(name, value, on_delta);
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_owned());
        }
        Ok(())
    }

    /// Some servers say why it ends in streams alone.
    fn whole(&mut self) {
        self.is_done = true;
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
        let is_empty = self.text.is_empty() && self.refusal.is_empty() && self.calls.is_empty();
        if self.finish.is_none() && is_empty {
            return Err(Wrong::Nonsense("it is empty".to_owned()));
        }
        let words = if self.text.is_empty() { &self.refusal } else { &self.text };
        let words = (!words.is_empty()).then(|| Part::Text { text: words.clone() });
        let calls = self.calls.iter().map(|call| {
            let (id, name) = (call.id.clone(), call.name.clone());
            Part::ToolCall(ToolCall { id, name, arguments: arguments(&call.arguments) })
        });
        let content: Vec<Part> = words.into_iter().chain(calls).collect();
        let raw = Raw { protocol: PROTOCOL.to_owned(), by: None, blocks: self.blocks() };
        let message = Message { role: Role::Assistant, content, raw: Some(raw) };
        Ok(Reply { message, stop: self.stop(), usage: self.usage, model: self.model })
    }
}

/// Words, or a list of parts with words.
fn words_of(content: &Json<'_>) -> String {
    match content.as_str() {
        Some(words) => words.to_owned(),
        None => content.items().iter().filter_map(|part| part["text"].as_str()).collect(),
    }
}

fn usage_of(usage: &Value) -> Usage {
    let cache_read = count(usage, "/prompt_tokens_details/cached_tokens")
        .max(count(usage, "/prompt_cache_hit_tokens"));
    let cache_write = count(usage, "/prompt_tokens_details/cache_write_tokens");
    let input =
        count(usage, "/prompt_tokens").saturating_sub(cache_read.saturating_add(cache_write));
    let output = count(usage, "/completion_tokens");
    Usage { input, output, cache_read, cache_write, guessed: false }
}
