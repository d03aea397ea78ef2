//! JSON that people give: on the command line, from a file, from a pipe.

use crate::problem::Problem;
use greenroom_api::wire::Given;
use greenroom_model::{Error, PAYLOAD_MAX_BYTES};
use std::io::Read;
use std::time::Duration;

/// Reads `JSON`, `@FILE` or `-` (standard input).
///
/// # Errors
/// If it cannot be read, is not JSON (with line and column), or is too large;
/// of what is too large not more than the limit is read.
pub fn json(text: &str) -> anyhow::Result<Given> {
    let (text, what) = source(text)?;
    Given::parse(text).map_err(|error| told(error, &what))
}

/// JSON as above; but words that are no JSON are taken as a string, those of a file too.
pub fn json_or_word(text: &str) -> anyhow::Result<Given> {
    let (text, what) = source(text)?;
    let words = text.trim_end_matches(['\n', '\r']);
    let looks_like_json = words.trim_start().starts_with(['{', '[', '"']);
    if looks_like_json || serde_json::from_str::<serde_json::Value>(words).is_ok() {
        return Given::parse(text).map_err(|error| told(error, &what));
    }
    Ok(Given::string(words))
}

/// The text that was given or named, and what it is.
fn source(text: &str) -> anyhow::Result<(String, String)> {
    Ok(if text == "-" {
        (bounded(std::io::stdin().lock(), None)?, "standard input".to_owned())
    } else if let Some(path) = text.strip_prefix('@') {
        (file(path)?, path.to_owned())
    } else {
        (text.to_owned(), "the JSON given".to_owned())
    })
}

fn file(path: &str) -> anyhow::Result<String> {
    let unreadable = |error: std::io::Error| Problem::usage(format!("cannot read {path}: {error}"));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Problem::usage(format!("cannot read {path}: it is a directory")).into());
    }
    // A pipe or device has no size beforehand.
    let size = metadata.is_file().then(|| usize::try_from(metadata.len()).unwrap_or(usize::MAX));
    bounded(file, size)
}

/// Reads up to the limit. A file says its size beforehand.
fn bounded(mut source: impl Read, size: Option<usize>) -> anyhow::Result<String> {
    let too_large = |bytes| Error::TooLarge { bytes, limit: PAYLOAD_MAX_BYTES };
    if let Some(bytes) = size.filter(|size| *size > PAYLOAD_MAX_BYTES) {
        return Err(too_large(bytes).into());
    }
    let mut bytes = Vec::with_capacity(size.unwrap_or(0));
    source.by_ref().take(PAYLOAD_MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > PAYLOAD_MAX_BYTES {
        return Err(too_large(bytes.len()).into());
    }
    String::from_utf8(bytes).map_err(|_| Problem::usage("the input is not UTF-8 text").into())
}

fn told(error: Error, what: &str) -> anyhow::Error {
    match error {
        Error::BadJson { why } => Problem::usage(format!("{what} is not valid JSON: {why}"))
            .next("a string needs its quotes: '\"like this\"'; `@FILE` reads a file, `-` a pipe")
            .into(),
        error => error.into(),
    }
}

/// Reads a span of time: `250ms`, `10s`, `5m`, `12h`, `7d`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn span(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no span of time: write 250ms, 10s, 5m, 12h or 7d");
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    number.checked_mul(ms).map(Duration::from_millis).ok_or_else(bad)
}
