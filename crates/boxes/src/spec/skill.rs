//! A `SKILL.md` in the format of Agent Skills, which stays as it is: its head, and the
//! settings of a box that may stand in the head's `metadata`.

use super::error::SpecError;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

#[cfg(test)]
mod tests;

/// The most that the head may be long, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// The most values that its aliases (`*name`) may stand for, all together.
const ALIASED_MAX: usize = 10_000;

/// What the format allows, in characters.
const NAME_MAX: usize = 64;
const DESCRIPTION_MAX: usize = 1024;

/// What settings of a box begin with, and the one that names a file of them.
const PREFIX: &str = "box.";
const FILE: &str = "box.spec";

/// What a skill says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// Its name, which is its folder's.
    pub name: String,
    /// What it is for, for whoever chooses among skills.
    pub description: String,
}

/// Where a skill has the settings of its box.
pub enum Settings {
    /// Nowhere, or in `box.toml`.
    None,
    /// In this file of its folder; and how to say that it cannot be that one.
    File(PathBuf, Box<dyn Fn(&str) -> SpecError>),
    /// In its own head.
    Inline(Inline),
}

/// Settings as TOML, and where each byte of it stands in the head.
pub struct Inline {
    pub text: String,
    file: PathBuf,
    lines: Vec<Line>,
}

/// A setting, which may go over several lines of the TOML text.
struct Line {
    key_at: (usize, usize),
    value_at: (usize, usize),
    /// The bytes of the TOML text: where its key and its value begin.
    key: usize,
    value: usize,
    /// Whether the value stands in the file as in the TOML text.
    literal: bool,
}

#[derive(Deserialize)]
struct Head {
    name: Spanned<String>,
    description: Spanned<String>,
    #[serde(default)]
    metadata: BTreeMap<String, Spanned<serde_json::Value>>,
}

/// Reads the text of a `SKILL.md`.
///
/// # Errors
/// No head, a head that is no YAML or not as the format has it, settings of a box that
/// cannot be; each with its line and column.
pub fn read(text: &str, file: &Path) -> Result<(Skill, Settings), SpecError> {
    let wrong = |(line, column): (usize, usize), message: String| SpecError {
        file: file.to_owned(),
        line,
        column,
        message,
    };
    let head = split(text).map_err(|message| wrong((1, 1), message.to_owned()))?;
    let mut options = serde_saphyr::options! { with_snippet: false };
    options.alias_limits.max_total_replayed_events = ALIASED_MAX;
    let read: Head = serde_saphyr::from_str_with_options(head, options).map_err(|error| {
        let at = error.location().map_or((1, 1), |at| place(at.line(), at.column()));
        let words = error.to_string();
        let words = words.strip_prefix("error: ").unwrap_or(&words);
        wrong(at, words.split(" at line ").next().unwrap_or(words).trim_end_matches(',').to_owned())
    })?;
    let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let name = read.name.value;
    let name_at = place(read.name.referenced.line(), read.name.referenced.column());
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(1..=NAME_MAX).contains(&name.len()) || !name.bytes().all(fits) {
        let rule = "a skill's name is 1 to 64 small letters, digits and `-`";
        return Err(wrong(name_at, format!("name: `{name}`: {rule}")));
    }
    if folder.is_some_and(|folder| folder != name) {
        let words = format!("name: `{name}`, but its folder is `{}`", folder.unwrap_or(""));
        return Err(wrong(name_at, format!("{words}; a skill has its folder's name")));
    }
    let length = read.description.value.chars().count();
    if read.description.value.trim().is_empty() || length > DESCRIPTION_MAX {
        let at = &read.description.referenced;
        let message =
            format!("description: {length} characters; 1 to {DESCRIPTION_MAX} are wanted");
        return Err(wrong(place(at.line(), at.column()), message));
    }
    let settings = settings(&read.metadata, head, file)?;
    Ok((Skill { name, description: read.description.value }, settings))
}

/// A place in the head as one in the file, whose first line is `---`.
fn place(line: u64, column: u64) -> (usize, usize) {
    let number = |number: u64| usize::try_from(number).unwrap_or(0);
    (number(line) + 1, number(column).max(1))
}

/// The head, without the lines around it.
fn split(text: &str) -> Result<&str, &'static str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if first.trim_end() != "---" {
        return Err("no head: `---` is wanted as the first line, then name and description");
    }
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return rest.get(..end).ok_or("the head has no end");
        }
        end += line.len();
        if end > HEAD_BYTES_MAX {
            return Err("the head is longer than 64 KiB");
        }
    }
    Err("the head has no end: a second line `---` is wanted")
}

fn settings(
    metadata: &BTreeMap<String, Spanned<serde_json::Value>>,
    head: &str,
    file: &Path,
) -> Result<Settings, SpecError> {
    let mut inline = Inline { text: String::new(), file: file.to_owned(), lines: Vec::new() };
    let mut named = None;
    for (name, value) in metadata {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        let at = place(value.referenced.line(), value.referenced.column());
        let error = {
            let (file, name) = (file.to_owned(), name.clone());
            move |message: &str| SpecError {
                file: file.clone(),
                line: at.0,
                column: at.1,
                message: format!("metadata.{name}: {message}"),
            }
        };
        let written = match &value.value {
            serde_json::Value::String(text) => text.clone(),
            plain @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
                plain.to_string()
            }
            _ => return Err(error("a text is wanted; write the TOML value in quotes")),
        };
        if name == FILE {
            let path = PathBuf::from(&written);
            let normal = |part| matches!(part, Component::Normal(_) | Component::CurDir);
            if written.is_empty() || !path.components().all(normal) {
                return Err(error("a file in the skill's folder is wanted, without `..`"));
            }
            named = Some((path, error));
            continue;
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if !key.bytes().all(fits) {
            return Err(error("such a key goes into box.toml"));
        }
        let toml = toml_value(&written).map_err(|words| error(&words))?;
        inline.push(key, &written, &toml, at, head);
    }
    match named {
        Some((_, error)) if !inline.lines.is_empty() => {
            Err(error("the other settings of the box belong into that file"))
        }
        Some((path, error)) => Ok(Settings::File(path, Box::new(error))),
        None if inline.lines.is_empty() => Ok(Settings::None),
        None => Ok(Settings::Inline(inline)),
    }
}

/// The TOML value that a setting's text stands for: itself, or a text where it is none.
fn toml_value(written: &str) -> Result<String, String> {
    // One value: `x = VALUE` has nothing but x in it.
    match toml::de::DeTable::parse(&format!("x = {written}")) {
        Ok(table) if table.get_ref().len() == 1 => Ok(written.to_owned()),
        Ok(_) => Err("one value is wanted, this is several".to_owned()),
        Err(error) if written.starts_with(['[', '{', '"', '\'']) => {
            Err(format!("no TOML value: {}", error.message()))
        }
        // JSON's quoting of a text is TOML's.
        Err(_) => serde_json::to_string(written).map_err(|error| error.to_string()),
    }
}

impl Inline {
    fn push(&mut self, key: &str, written: &str, toml: &str, at: (usize, usize), head: &str) {
        let line = at.0.checked_sub(2).and_then(|line| head.lines().nth(line)).unwrap_or("");
        let rest: String = line.chars().skip(at.1 - 1).collect();
        let quote = usize::from(rest.starts_with(['"', '\'']));
        let literal = toml == written && rest.get(quote..).is_some_and(|r| r.starts_with(written));
        let value_at = if literal { (at.0, at.1 + quote) } else { at };
        let name = format!("{PREFIX}{key}");
        let found = head.lines().enumerate().find_map(|(row, line)| Some((row, line.find(&name)?)));
        let key_at = found.map_or(at, |(row, column)| (row + 2, column + 1));
        let start = self.text.len();
        // Writing to a text cannot fail.
        let _ = write!(self.text, "{key} = ");
        let value = self.text.len();
        self.lines.push(Line { key_at, value_at, key: start, value, literal });
        let _ = writeln!(self.text, "{toml}");
    }

    /// An error at a byte of the TOML text.
    pub fn at(&self, byte: usize, message: String) -> SpecError {
        let line = self.lines.iter().rev().find(|line| line.key <= byte);
        let (line, column) = match line {
            Some(line) if byte < line.value => line.key_at,
            Some(line) if line.literal => {
                let before = self.text.get(line.value..byte).unwrap_or("");
                (line.value_at.0, line.value_at.1 + before.chars().count())
            }
            Some(line) => line.value_at,
            None => (1, 1),
        };
        SpecError { file: self.file.clone(), line, column, message }
    }

    /// An error about all of them.
    pub fn wrong(&self, message: &str) -> SpecError {
        self.at(0, message.to_owned())
    }
}
