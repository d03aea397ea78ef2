//! What a line means that a person types in a chat. Pure.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

/// What a line means.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Nothing.
    Nothing,
    /// Words for the agent.
    Say(String),
    /// An answer to the question that stands there.
    Answer(Value),
    /// Leave; the agent stays.
    Leave,
    /// The chat is over, for the agent too.
    End,
    /// How to use this.
    Help,
}

/// What can be typed.
pub const HELP: &str = "  /quit   leave; the conversation waits for you
  /end    end the conversation
  /help   this
  to an approval: y, n, `n because …`, or {…} with other arguments";

/// What a line means; `asked`: the name of the question that stands there, if one
/// does.
pub fn read(line: &str, asked: Option<&str>) -> Line {
    let line = line.trim();
    match (line, asked) {
        ("", _) => Line::Nothing,
        ("/quit" | "/exit" | "/q", _) => Line::Leave,
        ("/end", _) => Line::End,
        ("/help" | "/?", _) => Line::Help,
        (line, Some(name)) if name.starts_with("approve ") => Line::Answer(decision(line)),
        (line, Some(_)) => Line::Answer(Value::String(line.to_owned())),
        (line, None) => Line::Say(line.to_owned()),
    }
}

fn decision(line: &str) -> Value {
    if line.starts_with('{')
        && let Ok(value) = serde_json::from_str::<Value>(line)
    {
        // `{"reject": …}` and `{"edit": …}` may be typed in full as well.
        let is_full = value.get("reject").is_some() || value.get("edit").is_some();
        return if is_full { value } else { json!({ "edit": value }) };
    }
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match first.to_lowercase().trim_end_matches([',', ':']) {
        "y" | "yes" | "approve" if rest.trim().is_empty() => json!("approve"),
        "n" | "no" | "reject" => json!({ "reject": rest.trim() }),
        // The agent's own words for what may be answered come back.
        _ => json!(line),
    }
}
