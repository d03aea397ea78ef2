//! Which tools need a yes, as a head says it: their names, or a rule for each. Pure.

use crate::front_matter;
use crate::nearest::nearest;
use crate::tool::Approval;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A rule for each tool that is named.
#[derive(Default, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Approve(pub BTreeMap<String, Approval>);

const FORMS: &str =
    "`always`, `never`, `{above: {pointer, most}}` or `{unless: {pointer, values}}`";

impl TryFrom<Value> for Approve {
    type Error = String;

    fn try_from(given: Value) -> Result<Approve, String> {
        let Value::Object(rules) = given else {
            let names = front_matter::names(given).map_err(|error| format!("approve: {error}"))?;
            return Ok(Approve(names.into_iter().map(|name| (name, Approval::Always)).collect()));
        };
        let rules = rules.into_iter().map(|(name, rule)| {
            let read = serde_json::from_value(rule.clone());
            let read = read.map_err(|error| wrong(&name, &rule, &error))?;
            Ok((name, read))
        });
        rules.collect::<Result<_, String>>().map(Approve)
    }
}

fn wrong(name: &str, rule: &Value, error: &serde_json::Error) -> String {
    let why = match rule {
        Value::String(word) => nearest(word, ["always", "never"])
            .map_or(String::new(), |like| format!("; did you mean `{like}`?")),
        Value::Object(_) => format!(" ({error})"),
        _ => String::new(),
    };
    format!("approve.{name}: {rule} is no rule: write {FORMS}{why}")
}
