//! Texts as numbers, by OpenAI's `/embeddings`, as most servers speak it.

use super::http::{Decode, Endpoint, Http, Post, Wrong, json};
use super::reply::{Reply, Stop, Usage};
use super::request::Request;
use super::{OnDelta, sse};
use crate::conversation::{Message, Role};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::Failure;
use serde_json::{Value, json};

/// Makes numbers of texts.
pub trait Embed: Send + Sync {
    /// Makes one attempt. Errors as [`Provider::send`](super::Provider::send).
    fn embed<'a>(&'a self, text: &'a str, key: &'a str)
    -> BoxFuture<'a, Result<Vec<f32>, Failure>>;
}

/// A model of a server that speaks `/embeddings`.
pub struct Embeddings {
    http: Http,
    model: String,
}

impl Embeddings {
    /// This model of the server at this address, which ends before `/embeddings`.
    pub fn new(endpoint: Endpoint, model: &str) -> Embeddings {
        Embeddings { http: Http::new(endpoint), model: model.to_owned() }
    }
}

impl Embed for Embeddings {
    fn embed<'a>(
        &'a self,
        text: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Vec<f32>, Failure>> {
        async move {
            let asked = Request { model: self.model.clone(), ..Request::default() };
            let body = json!({ "model": self.model, "input": text, "encoding_format": "float" });
            let post = Post {
                path: "/embeddings".to_owned(),
                asked: &asked,
                idempotency_key: key,
                key_header: "authorization",
                headers: &[],
                body: &body,
            };
            let mut vector = Vec::new();
            self.http.send(post, Decoder(&mut vector), &mut |_| {}).await?;
            Ok(vector)
        }
        .boxed()
    }
}

/// The one document that comes.
struct Decoder<'a>(&'a mut Vec<f32>);

impl Decode for Decoder<'_> {
    fn take(&mut self, event: &sse::Event, _: OnDelta<'_>) -> Result<(), Wrong> {
        let said = json(event)?.value();
        let numbers = said.pointer("/data/0/embedding").and_then(Value::as_array);
        let numbers = numbers.into_iter().flatten().filter_map(Value::as_f64);
        self.0.extend(numbers.map(|number| number as f32));
        match self.0.is_empty() {
            true => Err(Wrong::Nonsense("no numbers in `data[0].embedding`".to_owned())),
            false => Ok(()),
        }
    }

    fn is_done(&self) -> bool {
        !self.0.is_empty()
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }

    fn finish(self) -> Result<Reply, Wrong> {
        if self.0.is_empty() {
            return Err(Wrong::Cut);
        }
        let message = Message { role: Role::Assistant, content: Vec::new(), raw: None };
        Ok(Reply { message, stop: Stop::End, usage: Usage::default(), model: String::new() })
    }
}
