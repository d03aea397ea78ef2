//! The box that an agent works in, as its definition says. Plain data.

use greenroom_boxes::hub::Rights;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// The box that an agent works in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct BoxUse {
    /// A folder of the project's `boxes/`, or the name or id of an image that was built.
    pub name: String,
    /// Where its commands begin, and what relative paths begin at.
    pub dir: String,
    /// Whether its files are kept after each call that may have changed them.
    pub snapshots: Snapshots,
    /// What its programs may do by the hub of what the box asks for; `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<Rights>,
}

/// When the files of an agent's box are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Snapshots {
    /// After each call that may have changed them: a fork has them as they were then.
    #[default]
    Each,
    /// Never: a fork, and an agent whose box was lost, begins with the files it began with.
    Never,
}

const FIELDS: &str = "`name`, `dir`, `snapshots` and `hub`";

impl TryFrom<Value> for BoxUse {
    type Error = String;

    fn try_from(value: Value) -> Result<BoxUse, String> {
        let fields = match value {
            Value::String(name) => [("name".to_owned(), Value::String(name))].into_iter().collect(),
            Value::Object(fields) => fields,
            other => {
                return Err(format!("box: {other} is no box: write its name, or {FIELDS}"));
            }
        };
        let text = |name: &str| match fields.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!("box.{name}: {other} is no text")),
        };
        if let Some(odd) =
            fields.keys().find(|key| !["name", "dir", "snapshots", "hub"].contains(&key.as_str()))
        {
            return Err(format!("box: there is no field `{odd}`; there are {FIELDS}"));
        }
        let name = text("name")?.unwrap_or_default();
        let outside = |part: &str| part == ".." || part == ".";
        if name.trim().is_empty() || name.starts_with('/') || name.split('/').any(outside) {
            return Err(format!(
                "box: `{name}` is no name: write that of a folder in boxes/, or of an image"
            ));
        }
        let dir = text("dir")?.unwrap_or_else(|| "/".to_owned());
        if !dir.starts_with('/') || dir.split('/').any(outside) {
            return Err(format!("box.dir: `{dir}`: an absolute path in the box is wanted"));
        }
        let snapshots = match text("snapshots")?.as_deref() {
            None | Some("each") => Snapshots::Each,
            Some("never") => Snapshots::Never,
            Some(other) => {
                return Err(format!("box.snapshots: `{other}` is none of `each` and `never`"));
            }
        };
        let hub = fields.get("hub").map(rights).transpose()?;
        Ok(BoxUse { name, dir, snapshots, hub })
    }
}

fn rights(value: &Value) -> Result<Rights, String> {
    let words = "write `send` and `hear`, each a list, as in box.toml";
    let rights: Rights = serde_json::from_value(value.clone())
        .map_err(|error| format!("box.hub: {error}; {words}"))?;
    let send = rights.send.iter().try_for_each(|one| Rights::check_send(one));
    send.map_err(|why| format!("box.hub.send: {why}"))?;
    let hear = rights.hear.iter().try_for_each(|one| Rights::check_hear(one));
    hear.map_err(|why| format!("box.hub.hear: {why}"))?;
    Ok(rights)
}
