//! What the agents of a tree share: keys with values and versions, in a process of the
//! ready kind `context`. What may be read and written is granted; who is not granted
//! anything has nothing. An ordinary process on the public `Ctx`.

mod store;
mod tools;

pub use store::{CONFLICT, NOT_GRANTED, TOO_MUCH};
pub use tools::tools;
pub(crate) use tools::{CHANGED, STATE, check_grants, grant_child};

use self::store::{Grant, Store, Who};
use greenroom_model::{Failure, Origin, ProcessId};
use greenroom_runtime::{Ctx, Either, Received, Registry, select};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The ready kind's name.
pub const KIND: &str = "context";

/// After so many requests it goes on in a new segment of the journal.
const REQUESTS_PER_SEGMENT: u32 = 500;

/// What a context is asked: the topic says what, the body is this.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ask {
    /// `get`, `set`: which key. `list`, `watch`, `grant`: the keys that begin so.
    #[serde(alias = "prefix")]
    pub key: String,
    /// `set`: the value; `null` takes it away.
    pub value: Value,
    /// `set`: only if it is at this version; 0: only if it is not there.
    pub if_version: Option<u64>,
    /// `grant`: whom.
    pub to: Option<ProcessId>,
    /// `grant`: whether it may write as well.
    pub write: bool,
}

/// A change, as those who watch are told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub key: String,
    pub version: u64,
    pub by: String,
}

/// Adds the kind `context`.
pub fn register(registry: Registry) -> Registry {
    registry.kind(KIND, |ctx, store: Option<Store>| Box::pin(serve(ctx, store.unwrap_or_default())))
}

async fn serve(ctx: Ctx, mut store: Store) -> Result<Value, Failure> {
    let maker = ctx.parent();
    store.maker = maker.as_ref().map(ProcessId::to_string);
    // It is there for those who work for its maker: when that has ended, nobody asks.
    let mut end = maker.map(|maker| ctx.monitor(&maker));
    for _ in 0..REQUESTS_PER_SEGMENT {
        let topics = ["get", "set", "list", "watch", "grant", "may_grant"];
        let next = topics.iter().fold(ctx.recv(), |recv, topic| recv.topic(topic));
        let received = match &mut end {
            None => next.await?,
            Some(end) => match select(next, end).await {
                Either::Left(received) => received?,
                Either::Right(_) => return Ok(json!("its maker has ended")),
            },
        };
        match answer(&ctx, &mut store, &received) {
            Ok(value) => ctx.reply(&received, &value)?,
            Err(failure) => ctx.reply_failure(&received, failure),
        }
    }
    ctx.continue_as_new(&store)
}

fn answer(ctx: &Ctx, store: &mut Store, received: &Received) -> Result<Value, Failure> {
    let ask: Ask = received.read()?;
    let who = match &received.from {
        Origin::Process(id) => Who::Process(id.to_string()),
        Origin::External(_) | Origin::Runtime => Who::Person,
    };
    let me = ctx.id().to_string();
    let read = |key: &str| ctx.get::<Value>(&state_key(key)).unwrap_or_default();
    match received.topic.as_str() {
        "get" => {
            let version = store.get(&me, &who, &ask.key)?;
            Ok(json!({ "value": read(&ask.key), "version": version }))
        }
        "set" => {
            let bytes = ask.value.to_string().len();
            let version = store
                .set(&me, &who, &ask.key, bytes, ask.if_version)
                .map_err(|failure| with_value(failure, &read(&ask.key)))?;
            ctx.set(&state_key(&ask.key), &ask.value)?;
            let by = who.to_string();
            let changed = Changed { key: ask.key.clone(), version, by };
            for watcher in store.watchers(&ask.key, &who) {
                // Who has no room for it asks again anyway; the others do not wait.
                let _ = ctx.try_send(&watcher, CHANGED, &changed);
            }
            Ok(json!({ "version": version }))
        }
        "list" => Ok(json!(store.list(&me, &who, &ask.key)?)),
        "watch" => store.watch(&me, &who, &ask.key).map(|()| json!("watched")),
        topic => {
            let grant = Grant { prefix: ask.key, write: ask.write };
            store.may_grant(&me, &who, &grant)?;
            if let (Some(to), "grant") = (&ask.to, topic) {
                store.grant(to.to_string(), grant)?;
                ctx.set("grants", &store.grants)?;
            }
            Ok(json!("granted"))
        }
    }
}

/// A conflict says what stands there now.
fn with_value(failure: Failure, value: &Value) -> Failure {
    if !failure.is(CONFLICT) {
        return failure;
    }
    let value: String = value.to_string().chars().take(2_000).collect();
    Failure { message: format!("{}. Its value now: {value}", failure.message), ..failure }
}

/// Where a value stands in the state.
fn state_key(key: &str) -> String {
    format!("key/{key}")
}
