//! On which terms an agent calls its tools, over what the tools say themselves. Pure.

#[cfg(test)]
mod tests;

use crate::nearest::nearest;
use crate::tool::{Pattern, Policy};
use greenroom_model::queue::QueueSpec;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a definition says of a tool's calls. What is left out is as the tool says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "BTreeMap<String, Value>")]
pub struct ToolPolicy {
    /// It changes nothing: it may run beside others and be repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Never run twice, not even if a crash leaves it unknown whether it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most_once: Option<bool>,
    /// How long one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_span")]
    pub timeout: Option<Duration>,
    /// How many attempts in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How many calls at once, over all conversations of the agent on a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

const FIELDS: [&str; 5] = ["readOnly", "atMostOnce", "timeout", "attempts", "concurrency"];

impl TryFrom<BTreeMap<String, Value>> for ToolPolicy {
    type Error = String;

    fn try_from(given: BTreeMap<String, Value>) -> Result<ToolPolicy, String> {
        let mut policy = ToolPolicy::default();
        for (field, value) in given {
            match field.as_str() {
                "readOnly" | "read_only" => policy.read_only = Some(yes_or_no(&field, &value)?),
                "atMostOnce" | "at_most_once" => {
                    policy.at_most_once = Some(yes_or_no(&field, &value)?);
                }
                "timeout" => policy.timeout = Some(span(&value)?),
                "attempts" => policy.attempts = Some(count(&field, &value)?),
                "concurrency" => policy.concurrency = Some(count(&field, &value)?),
                other => return Err(unknown(other)),
            }
        }
        Ok(policy)
    }
}

fn unknown(field: &str) -> String {
    let like = nearest(field, FIELDS).map(|like| format!("; did you mean `{like}`?"));
    let like = like.unwrap_or_else(|| format!("; there are {}", FIELDS.join(", ")));
    format!("toolPolicy: there is no `{field}`{like}")
}

fn yes_or_no(field: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("toolPolicy: {field}: {value} is neither true nor false"))
}

fn count(field: &str, value: &Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| *number > 0);
    number.ok_or_else(|| format!("toolPolicy: {field}: {value} is no number from 1 on"))
}

/// `500ms`, `30s`, `5m`, `1h`.
fn span(value: &Value) -> Result<Duration, String> {
    let bad =
        || format!("toolPolicy: timeout: {value} is no span of time: write 500ms, 30s, 5m or 1h");
    let text = value.as_str().ok_or_else(bad)?.trim();
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(unit);
    let ms: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    let ms = number.and_then(|number| number.checked_mul(ms));
    ms.map(Duration::from_millis).ok_or_else(bad)
}

fn as_span<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => to.collect_str(&format_args!("{}ms", span.as_millis())),
        None => to.serialize_none(),
    }
}

/// What is said of this tool, and by which name: of several the longest.
pub(super) fn of<'a>(
    all: &'a BTreeMap<String, ToolPolicy>,
    tool: &str,
) -> Option<(&'a str, &'a ToolPolicy)> {
    let fits = |name: &str| Pattern::new(name).is_ok_and(|pattern| pattern.is_met_by(tool));
    let fitting = all.iter().filter(|(name, _)| fits(name));
    fitting.max_by_key(|(name, _)| name.len()).map(|(name, policy)| (name.as_str(), policy))
}

impl ToolPolicy {
    /// A tool's own terms with these over them. `queue` is the one that limits how many
    /// run at once.
    pub(super) fn over(&self, own: &Policy, queue: String) -> Policy {
        // What changes nothing may be repeated, unless both are said.
        let harmless = self.read_only.filter(|harmless| *harmless).map(|_| false);
        Policy {
            read_only: self.read_only.unwrap_or(own.read_only),
            at_most_once: self.at_most_once.or(harmless).unwrap_or(own.at_most_once),
            timeout: self.timeout.unwrap_or(own.timeout),
            attempts_max: self.attempts.unwrap_or(own.attempts_max),
            queue: self.concurrency.map(|_| queue).or_else(|| own.queue.clone()),
            approval: own.approval.clone(),
        }
    }
}

/// The queue of a pattern's tools: nothing else is called so, since no name of a tool
/// has a `.` in it.
pub(super) fn queue(agent: &str, pattern: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '.' };
    let name = format!("tool.{agent}.{}", pattern.trim());
    name.chars().take(100).map(plain).collect()
}

/// The queues that they need.
pub(super) fn queues(agent: &str, all: &BTreeMap<String, ToolPolicy>) -> Vec<QueueSpec> {
    let limited = all.iter().filter_map(|(name, policy)| Some((name, policy.concurrency?)));
    limited.map(|(name, most)| QueueSpec::new(&queue(agent, name)).concurrency(most)).collect()
}
