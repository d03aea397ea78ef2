//! A model inside the simulator: what it says goes by the conversation alone, and
//! each call is counted by the simulated outside.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_agent::conversation::{Message, Part, Role, ToolCall};
use greenroom_agent::models::{Choice, Models};
use greenroom_agent::provider::{
    Delta, OnDelta, Price, Provider, Reply, Request, Stop, Usage, failure,
};
use greenroom_model::Failure;
use greenroom_sim::Outside;
use serde_json::Value;
use std::sync::Arc;

/// What a model says to a conversation.
pub type Script = fn(&Request) -> Vec<Part>;

/// A model that goes by a script, and the only one there is.
#[derive(Clone)]
pub struct Scripted {
    pub outside: Outside,
    pub script: Script,
    /// It takes in no more letters than these.
    pub window: usize,
}

pub fn models(outside: &Outside, script: Script) -> Arc<dyn Models> {
    narrow_models(outside, script, usize::MAX)
}

/// One that takes in no more letters than these.
pub fn narrow_models(outside: &Outside, script: Script, window: usize) -> Arc<dyn Models> {
    Arc::new(Scripted { outside: outside.clone(), script, window })
}

pub fn text(text: impl Into<String>) -> Part {
    Part::Text { text: text.into() }
}

pub fn call(id: impl Into<String>, name: &str, arguments: Value) -> Part {
    Part::ToolCall(ToolCall { id: id.into(), name: name.to_owned(), arguments })
}

impl Provider for Scripted {
    fn protocol(&self) -> &'static str {
        "simulated"
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        key: &'a str,
        on_delta: OnDelta<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        async move {
            if request.chars() > self.window {
                return Err(Failure::fatal(failure::CONTEXT_TOO_LONG, "prompt is too long"));
            }
            self.outside.call_by_key(key, "model").await?;
            let content = (self.script)(request);
            let message = Message { role: Role::Assistant, content, raw: None };
            on_delta(Delta::Text { text: message.text() });
            let asks = message.tool_calls().next().is_some();
            let stop = if asks { Stop::ToolCalls } else { Stop::End };
            let usage = Usage { input: request.chars() as u64 / 4, output: 5, ..Usage::default() };
            Ok(Reply { message, stop, usage, model: "simulated".to_owned() })
        }
        .boxed()
    }
}

impl Models for Scripted {
    fn choose(&self, _: &str) -> Result<Vec<Choice>, Failure> {
        // A token costs a millionth.
        let price =
            Price { input: 1.0, output: 1.0, cache_read: None, cache_write: None, above: None };
        let (name, model) = ("sim/model".to_owned(), "model".to_owned());
        Ok(vec![Choice { name, model, queue: None, price: Some(price) }])
    }

    fn provider(&self, _: &Choice) -> Result<Arc<dyn Provider>, Failure> {
        Ok(Arc::new(self.clone()))
    }
}
