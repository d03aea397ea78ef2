//! The head of a Markdown file between two lines `---`: YAML, as the files of
//! agents and skills have it. Knows neither agents nor skills, and no file system.

#[cfg(test)]
mod tests;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::fmt;

/// The most that the head may be long, in bytes.
pub const HEAD_MAX_BYTES: usize = 64 * 1024;

/// The most values that its aliases (`*name`) may stand for, all together.
const ALIASED_MAX: usize = 10_000;

/// A head that cannot be read. The file's name is the caller's to add.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FrontMatterError {
    /// Where, counted from 1 in the whole file.
    pub line: usize,
    /// What is wrong and what is expected.
    pub message: String,
}

impl FrontMatterError {
    fn new(line: usize, message: impl Into<String>) -> FrontMatterError {
        FrontMatterError { line, message: message.into() }
    }
}

/// Reads the head as a `T` and gives what comes after it.
///
/// A value without quotes that holds `: `, as in `description: Use when: …`, is no
/// YAML, but people's files are full of it: it is read as the text that it is.
///
/// Errors: no head, a head without an end, one over [`HEAD_MAX_BYTES`], bad YAML, and
/// a head that is no `T`; each with its line.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<(T, &str), FrontMatterError> {
    let (head, body) = split(text)?;
    let error = match read(head) {
        Ok(value) => return Ok((value, body)),
        Err(error) => error,
    };
    match quoted(head) {
        Cow::Owned(quoted) => read(&quoted).map(|value| (value, body)).map_err(|_| error),
        Cow::Borrowed(_) => Err(error),
    }
}

/// A list of names that is written `Read, Grep` or as a YAML list:
/// `#[serde(default, deserialize_with = "front_matter::names")]`.
pub fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(Names)
}

/// The same where it matters whether there is a list at all: nothing, or an empty
/// value, is `None`. Needs `#[serde(default)]` beside it.
pub fn names_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    struct List(#[serde(deserialize_with = "names")] Vec<String>);
    Ok(Option::<List>::deserialize(deserializer)?.map(|list| list.0))
}

/// The same where an empty value is an empty list, and only nothing at all is `None`.
pub fn names_if_there<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    names(deserializer).map(Some)
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("names: `one, two` or a list")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        outside_brackets(text).ok_or_else(|| E::custom("a bracket `(` without its `)`"))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element::<String>()? {
            let name = name.trim();
            if name.is_empty() {
                return Err(A::Error::custom("an empty name in the list"));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }
}

/// The names in `Read, Bash(git log:*, git diff:*)`: a comma inside brackets parts
/// nothing. `None`: the brackets do not match.
fn outside_brackets(text: &str) -> Option<Vec<String>> {
    let (mut names, mut name, mut depth) = (Vec::new(), String::new(), 0_usize);
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut name));
                continue;
            }
            _ => {}
        }
        name.push(character);
    }
    names.push(name);
    let named = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    (depth == 0).then(|| named.map(str::to_owned).collect())
}

/// The head (without its two lines) and the body.
fn split(text: &str) -> Result<(&str, &str), FrontMatterError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    if first.trim_end() != "---" {
        let expected =
            "expected `---` as the first line, then `name:` and `description:`, then `---`";
        return Err(FrontMatterError::new(1, format!("no front matter: {expected}")));
    }
    let rest = after_line(text);
    let mut body = rest;
    while !body.is_empty() {
        let head = &rest[..rest.len() - body.len()];
        if head.len() > HEAD_MAX_BYTES {
            let message = format!("the front matter is longer than {HEAD_MAX_BYTES} bytes");
            return Err(FrontMatterError::new(1, message));
        }
        let line = body.lines().next().unwrap_or_default().trim_end();
        body = after_line(body);
        if line == "---" || line == "..." {
            return Ok((head, body));
        }
    }
    Err(FrontMatterError::new(1, "the front matter has no end: expected a second line `---`"))
}

/// What comes after the first line.
fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

fn read<T: DeserializeOwned>(head: &str) -> Result<T, FrontMatterError> {
    // An empty document is null in YAML, which no struct can be read from.
    let says_something =
        head.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let yaml = if says_something { head } else { "{}" };
    let mut options = serde_saphyr::options! { with_snippet: false };
    options.alias_limits.max_total_replayed_events = ALIASED_MAX;
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let line = error.location().map_or(0, |at| at.line());
        let message = without_place(&error.to_string());
        // The head begins at the file's second line.
        FrontMatterError::new(usize::try_from(line).unwrap_or(0) + 1, message)
    })
}

/// The parser's words without where it was, which it counts from the head's begin.
fn without_place(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let words = message.split_once(" at line ").map_or(message, |(words, _)| words);
    let words = words.split_once(", set DuplicateKeyPolicy").map_or(words, |(words, _)| words);
    words.trim_end_matches([',', ' ']).to_owned()
}

/// The head with quotes around the values of its outermost keys that need them.
fn quoted(head: &str) -> Cow<'_, str> {
    let lines: Vec<&str> = head.lines().collect();
    let (mut quoted, mut changed, mut at) = (String::new(), false, 0);
    while at < lines.len() {
        let mut end = at + 1;
        while end < lines.len() && (lines[end].starts_with([' ', '\t']) || lines[end].is_empty()) {
            end += 1;
        }
        match unquoted_value(lines[at]) {
            Some((key, value)) => {
                let mut text = vec![value];
                text.extend(lines[at + 1..end].iter().map(|line| line.trim_end()));
                let text = text.join("\n").replace('\'', "''");
                // The quote stays on the last line that says something.
                let said = text.trim_end();
                quoted.push_str(&format!("{key}: '{said}'{}\n", &text[said.len()..]));
                changed = true;
            }
            None => lines[at..end].iter().for_each(|line| {
                quoted.push_str(line);
                quoted.push('\n');
            }),
        }
        at = end;
    }
    if changed { Cow::Owned(quoted) } else { Cow::Borrowed(head) }
}

/// The key and value of a line `key: value` whose value is plain text with `: ` or `:`
/// at its end, or begins with a sign that plain text cannot begin with.
fn unquoted_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(": ")?;
    let is_key = |key: &str| {
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    };
    let value = value.trim();
    let is_marked = value.starts_with(['"', '\'', '[', '{', '|', '>', '&', '*', '!', '#']);
    let begins_badly = value.starts_with(['@', '`', '%']);
    let needs = begins_badly || value.contains(": ") || value.ends_with(':');
    (is_key(key) && !is_marked && needs).then_some((key, value))
}
