//! A reply of the Responses API out of its events. Knows no HTTP.

use crate::conversation::{Message, Part, Raw, Role, ToolCall, Verbatim};
use crate::provider::body::{arguments, count};
use crate::provider::fault::Complaint;
use crate::provider::http::{Decode, Wrong, json};
use crate::provider::json::Json;
use crate::provider::reply::{Delta, Reply, Stop, Usage};
use crate::provider::request::Request;
use crate::provider::{OnDelta, sse};
use serde_json::Value;
use std::collections::BTreeMap;

/// The protocol's name.
pub(super) const PROTOCOL: &str = "openai";

pub(super) struct Decoder {
    model: String,
    /// What is done, by its place.
    items: BTreeMap<u64, Verbatim>,
    /// The whole, once it is over.
    response: Option<Response>,
    /// What it has taken, also where it failed.
    usage: Value,
}

/// What is of use of a whole response.
struct Response {
    /// As listed at its end: some servers leave that list empty.
    items: Vec<Verbatim>,
    /// Why it is cut, if it is.
    incomplete: Option<String>,
}

impl Decoder {
    pub fn new(request: &Request) -> Decoder {
        Decoder {
            model: request.model.clone(),
            items: BTreeMap::new(),
            response: None,
            usage: Value::Null,
        }
    }

    fn end(&mut self, response: &Json<'_>) -> Result<(), Wrong> {
        self.usage = response["usage"].value();
        let status = response["status"].as_str().unwrap_or("completed");
        if matches!(status, "failed" | "cancelled") {
            let mut complaint = Complaint::of_event(&response.value());
            if complaint.code.is_empty() {
                complaint.code = status.to_owned();
            }
            return Err(Wrong::Failed(complaint));
        }
        if let Some(model) = response["model"].as_str() {
            self.model = model.to_owned();
        }
        let items = response["output"].items().iter().map(Json::verbatim).collect();
        let incomplete = response["incomplete_details"]["reason"].as_str().map(str::to_owned);
        self.response = Some(Response { items, incomplete });
        Ok(())
    }
}

fn begun(item: &Json<'_>, on_delta: OnDelta<'_>) {
    if item["type"].as_str() == Some("function_call") {
        on_delta(Delta::ToolCall { id: item.word("call_id"), name: item.word("name") });
    }
}

/// What an item says, in words that any provider can be told.
fn parts(item: &Json<'_>, content: &mut Vec<Part>, is_refused: &mut bool) {
    match item["type"].as_str() {
        Some("message") => {
            for part in item["content"].items() {
                if let Some(text) = part["refusal"].as_str() {
                    *is_refused = true;
                    content.push(Part::Text { text: text.to_owned() });
                } else if let Some(text) = part["text"].as_str() {
                    content.push(Part::Text { text: text.to_owned() });
                }
            }
        }
        Some("function_call") => {
            let arguments = arguments(item["arguments"].as_str().unwrap_or_default());
            let (id, name) = (item.word("call_id"), item.word("name"));
            content.push(Part::ToolCall(ToolCall { id, name, arguments }));
        }
        _ => {}
    }
}

impl Decode for Decoder {
    fn take(&mut self, event: &sse::Event, on_delta: OnDelta<'_>) -> Result<(), Wrong> {
        if event.data.trim() == "[DONE]" {
            return Ok(());
        }
        let event = json(event)?;
        let delta = || event.word("delta");
        match event["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" | "response.refusal.delta" => {
                on_delta(Delta::Text { text: delta() });
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                on_delta(Delta::Thinking { text: delta() });
            }
            "response.output_item.added" => begun(&event["item"], on_delta),
            "response.output_item.done" => {
                let place = event["output_index"].as_u64().unwrap_or(self.items.len() as u64);
                self.items.insert(place, event["item"].verbatim());
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => return self.end(&event["response"]),
            "error" => return Err(Wrong::Failed(Complaint::of_event(&event.value()))),
            // One document in place of a stream.
            "" if event["object"].as_str() == Some("response") => {
                for item in event["output"].items() {
                    begun(item, on_delta);
                }
                return self.end(&event);
            }
            _ => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.response.is_some()
    }

    fn usage(&self) -> Usage {
        usage_of(&self.usage)
    }

    fn finish(self) -> Result<Reply, Wrong> {
        let Some(response) = self.response else { return Err(Wrong::Cut) };
        let items = match response.items.is_empty() {
            true => self.items.into_values().collect(),
            false => response.items,
        };
        let (mut content, mut is_refused) = (Vec::new(), false);
        for item in &items {
            let item = Json::read(item.text()).map_err(|why| Wrong::Nonsense(why.to_string()))?;
            parts(&item, &mut content, &mut is_refused);
        }
        let has_calls = content.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let stop = match response.incomplete.as_deref() {
            Some("max_output_tokens") => Stop::Length,
            Some("content_filter") => Stop::Refused,
            Some(other) => Stop::Other(other.to_owned()),
            None if is_refused => Stop::Refused,
            None if has_calls => Stop::ToolCalls,
            None => Stop::End,
        };
        let usage = usage_of(&self.usage);
        let raw = Raw { protocol: PROTOCOL.to_owned(), by: None, blocks: Verbatim::of(&items) };
        let message = Message { role: Role::Assistant, content, raw: Some(raw) };
        Ok(Reply { message, stop, usage, model: self.model })
    }
}

fn usage_of(usage: &Value) -> Usage {
    let cache_read = count(usage, "/input_tokens_details/cached_tokens");
    let cache_write = count(usage, "/input_tokens_details/cache_write_tokens");
    let input = count(usage, "/input_tokens");
    let input = input.saturating_sub(cache_read.saturating_add(cache_write));
    let output = count(usage, "/output_tokens");
    Usage { input, output, cache_read, cache_write, guessed: false }
}
