//! The tools by which an agent reads and writes the context of its tree. Knows no
//! store: it asks the process.

use super::{Ask, KIND};
use crate::tool::Tool;
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::Ctx;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The state in which an agent keeps which context it uses.
pub(crate) const STATE: &str = "context";

/// The topic of changes that an agent watches.
pub(crate) const CHANGED: &str = "context_changed";

#[derive(Deserialize, JsonSchema)]
struct Get {
    /// The key, such as site/home/colour.
    key: String,
}

#[derive(Deserialize, JsonSchema)]
struct Set {
    /// The key, such as site/home/colour.
    key: String,
    /// Any JSON; null takes it away.
    value: Value,
    /// The version you have read: if another has changed it since, nothing is set and
    /// you are told. 0: only if it is not there yet.
    if_version: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
struct Prefix {
    /// What the keys begin with, such as site/.
    prefix: String,
}

#[derive(Deserialize, JsonSchema)]
struct PutFile {
    /// Its name, which is its key: such as site/home.html.
    name: String,
    /// All of it.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct GetFile {
    /// Its name.
    name: String,
}

/// The tools of an agent that shares its context.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::verb(
            "context_get",
            "Reads a key that you share with the other agents, and its version.",
            |ctx, Get { key }| ask(ctx, "get", Ask { key, ..Ask::default() }),
        )
        .read_only(),
        Tool::verb(
            "context_set",
            "Sets a key that you share with the other agents.",
            |ctx, Set { key, value, if_version }| {
                ask(ctx, "set", Ask { key, value, if_version, ..Ask::default() })
            },
        ),
        Tool::verb(
            "context_list",
            "Lists the shared keys that begin so, with versions and who has set them.",
            |ctx, Prefix { prefix: key }| ask(ctx, "list", Ask { key, ..Ask::default() }),
        )
        .read_only(),
        Tool::verb(
            "context_watch",
            "Has you told when another changes a shared key that begins so.",
            |ctx, Prefix { prefix: key }| ask(ctx, "watch", Ask { key, ..Ask::default() }),
        ),
        Tool::verb(
            "context_put_file",
            "Puts a file where the other agents can read it.",
            |ctx, PutFile { name: key, text }| {
                ask(ctx, "set", Ask { key, value: Value::String(text), ..Ask::default() })
            },
        ),
        Tool::verb("context_get_file", "Reads a file of the shared ones.", get_file).read_only(),
    ]
}

async fn get_file(ctx: Ctx, GetFile { name }: GetFile) -> Result<String, Failure> {
    let read = ask(ctx, "get", Ask { key: name.clone(), ..Ask::default() }).await?;
    match &read["value"] {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Err(Failure::fatal("no_file", format!("there is no file `{name}`"))),
        other => Ok(other.to_string()),
    }
}

async fn ask(ctx: Ctx, topic: &'static str, ask: Ask) -> Result<Value, Failure> {
    let context = context(&ctx).await?;
    ctx.call(&context, topic, &ask).await
}

/// The context it was given, or one of its own for it and those that work for it.
async fn context(ctx: &Ctx) -> Result<ProcessId, Failure> {
    if let Some(id) = ctx.get(STATE) {
        return Ok(id);
    }
    let id = ctx.spawn(KIND, &()).await?.id().clone();
    ctx.set(STATE, &id)?;
    Ok(id)
}

/// Whether all of this may be granted, before anybody is started for it; and the
/// context it is about.
pub(crate) async fn check_grants(
    ctx: &Ctx,
    grants: &[(String, bool)],
) -> Result<Option<ProcessId>, Failure> {
    if grants.is_empty() {
        return Ok(ctx.get(STATE));
    }
    let context = context(ctx).await?;
    for (prefix, write) in grants {
        let ask = Ask { key: prefix.clone(), write: *write, ..Ask::default() };
        let _: Value = ctx.call(&context, "may_grant", &ask).await?;
    }
    Ok(Some(context))
}

/// Grants it. Sent with the commit that starts the child: it is there before the
/// child's own first request.
pub(crate) async fn grant_child(
    ctx: &Ctx,
    context: &ProcessId,
    child: &ProcessId,
    grants: &[(String, bool)],
) -> Result<(), Failure> {
    for (prefix, write) in grants {
        let (key, to) = (prefix.clone(), json!(child));
        let ask = json!({ "prefix": key, "to": to, "write": write });
        ctx.send(context, "grant", &ask).await?;
    }
    Ok(())
}
