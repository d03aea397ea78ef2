//! What went wrong at a model's server, as a failure that says what to do next: a
//! function of what the server said. Knows no clock and no connection.

#[cfg(test)]
mod tests;

use super::failure;
use super::redact::Redact;
use greenroom_model::Failure;
use serde_json::Value;
use std::borrow::Cow;
use std::time::Duration;

/// Who was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The provider's name.
    pub provider: String,
    /// The model's.
    pub model: String,
    /// Where it was asked, without the path.
    pub url: String,
    /// What it was asked with, to be kept out of all that is told.
    pub redact: Redact,
}

impl Asked {
    /// A failure in words that begin with who was asked.
    pub fn failure(&self, kind: &'static str, retryable: bool, what: &str) -> Failure {
        let what = self.redact.text(what.to_owned());
        let text = format!("{}: {what} (model `{}`)", self.provider, self.model);
        if retryable { Failure::new(kind, text) } else { Failure::fatal(kind, text) }
    }

    /// The server could not be reached, or did not say all.
    pub fn connection(&self, what: &str) -> Failure {
        self.failure(failure::CONNECTION, true, &format!("{what}; {}", self.url))
    }

    /// A reply that is no JSON, and why it is none.
    pub fn no_json(&self, why: &str, said: &str) -> Failure {
        self.nonsense(&format!("{why} in `{}`", self.begin(said, 200)))
    }

    /// The beginning of what a server said. A secret that was cut is not known any more, so
    /// that comes last.
    pub fn begin(&self, said: &str, chars_max: usize) -> String {
        self.redact.text(said.to_owned()).chars().take(chars_max).collect()
    }

    /// A reply that makes no sense.
    pub fn nonsense(&self, what: &str) -> Failure {
        self.failure(failure::PROVIDER, true, &format!("a reply that makes no sense: {what}"))
    }
}

/// What a server said in place of a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The HTTP status, or the one that its words amount to.
    pub status: u16,
    /// The server itself has said the status.
    pub is_told: bool,
    /// Its own word: `overloaded_error`, `insufficient_quota`, …
    pub code: String,
    /// Its own sentence.
    pub message: String,
    /// For how long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// A sentence of a server's is cut after so many characters.
const MESSAGE_MAX: usize = 1_000;

impl Complaint {
    /// Of a response that is no reply.
    pub fn of_response(status: u16, body: &str, retry_after: Option<Duration>) -> Complaint {
        let said = serde_json::from_str::<Value>(body).unwrap_or_else(|_| body.trim().into());
        let mut complaint = Complaint::of_json(&said);
        (complaint.status, complaint.is_told) = (status, true);
        complaint.retry_after = retry_after.or(complaint.retry_after);
        complaint
    }

    /// Of an error in the middle of a stream, which has no status: its word stands
    /// for one.
    pub fn of_event(said: &Value) -> Complaint {
        let mut complaint = Complaint::of_json(said);
        complaint.is_told = (400..600).contains(&complaint.status);
        if !complaint.is_told {
            complaint.status = status_of_word(&complaint.code);
        }
        complaint
    }

    /// Servers wrap it in `error` or not, in a list or not, or say one bare
    /// sentence.
    fn of_json(said: &Value) -> Complaint {
        let said = said.get(0).unwrap_or(said);
        let error = said.get("error").filter(|error| !error.is_null()).unwrap_or(said);
        let word = |name: &str| error.get(name).and_then(Value::as_str).filter(|w| !w.is_empty());
        let number = |name: &str| error.get(name).and_then(Value::as_u64);
        let sentence = word("message").or(word("detail")).or(error.as_str());
        let sentence = match sentence {
            Some(text) => Cow::Borrowed(text),
            None if error.is_null() => Cow::Borrowed(""),
            None => Cow::Owned(error.to_string()),
        };
        // OpenAI's `code` is finer than its `type`; Gemini's is a number, and its
        // word is in `status`.
        let code = word("code").or(word("status")).or(word("type")).unwrap_or_default();
        let status = number("code").or(number("status")).and_then(|n| u16::try_from(n).ok());
        Complaint {
            status: status.unwrap_or(0),
            is_told: false,
            code: code.to_owned(),
            message: sentence.into_owned(),
            retry_after: retry_delay(error),
        }
    }

    /// As a failure.
    pub fn into_failure(self, asked: &Asked) -> Failure {
        let (kind, retryable) = self.kind();
        let mut text = match self.is_told {
            false => format!("{}: model `{}` failed", asked.provider, asked.model),
            true => format!("{}: model `{}` answered {}", asked.provider, asked.model, self.status),
        };
        if !self.code.is_empty() {
            text = format!("{text} ({})", asked.redact.text(self.code.clone()));
        }
        if !self.message.is_empty() {
            text = format!("{text}: {}", asked.begin(&self.message, MESSAGE_MAX));
        }
        let text = format!("{}; {}", text.trim_end_matches('.'), self.advice(kind, asked));
        let failure = if retryable { Failure::new(kind, text) } else { Failure::fatal(kind, text) };
        match self.retry_after {
            Some(wait) if retryable => failure.retry_after(wait.min(WAIT_MAX)),
            _ => failure,
        }
    }

    fn kind(&self) -> (&'static str, bool) {
        // By the word: Gemini speaks of quota and billing at every rate limit.
        let code = self.code.to_lowercase();
        let is_paid_up = !code.contains("insufficient_quota") && !code.contains("billing");
        if !is_paid_up || self.says(&["credit balance", "insufficient credits"]) {
            return (failure::QUOTA, false);
        }
        match self.status {
            402 => (failure::QUOTA, false),
            429 => (failure::RATE_LIMITED, true),
            503 | 529 => (failure::OVERLOADED, true),
            _ if self.says(&["overloaded"]) => (failure::OVERLOADED, true),
            401 | 403 => (failure::AUTH, false),
            400 if self.says(&["api_key_invalid", "api key not valid", "api key expired"]) => {
                (failure::AUTH, false)
            }
            413 => (failure::CONTEXT_TOO_LONG, false),
            400 | 422 | 500 if self.says(TOO_LONG) => (failure::CONTEXT_TOO_LONG, false),
            404 => (failure::NO_MODEL, false),
            400 if self.says(&["model_not_found", "does not exist", "invalid model"]) => {
                (failure::NO_MODEL, false)
            }
            // A timeout, a conflict and "too early" pass by themselves.
            408 | 409 | 425 => (failure::PROVIDER, true),
            300..500 => (failure::BAD_REQUEST, false),
            _ => (failure::PROVIDER, true),
        }
    }

    fn says(&self, words: &[&str]) -> bool {
        let (code, message) = (self.code.to_lowercase(), self.message.to_lowercase());
        words.iter().any(|word| code.contains(word) || message.contains(word))
    }

    fn advice(&self, kind: &str, asked: &Asked) -> String {
        match kind {
            failure::RATE_LIMITED | failure::OVERLOADED => match self.retry_after {
                Some(wait) if wait > WAIT_MAX => {
                    let (wished, waits) = (wait.as_secs(), WAIT_MAX.as_secs());
                    format!(
                        "it wants to be left alone for {wished} s; it is asked again in {waits} s"
                    )
                }
                Some(wait) => {
                    format!("it may be asked again in {} s", wait.as_millis().div_ceil(1000))
                }
                None => "it may be asked again later".to_owned(),
            },
            failure::AUTH => "check the key and what it may use".to_owned(),
            failure::QUOTA => "pay in more, or use another provider".to_owned(),
            failure::NO_MODEL => {
                format!("check the model's name and the provider's url ({})", asked.url)
            }
            failure::CONTEXT_TOO_LONG => {
                "compact the conversation, or use a larger model".to_owned()
            }
            failure::BAD_REQUEST if (300..400).contains(&self.status) => {
                format!("the server has moved: set the provider's url anew ({})", asked.url)
            }
            failure::BAD_REQUEST => {
                "the request must be changed; asking again does not help".to_owned()
            }
            _ => "it may be asked again".to_owned(),
        }
    }
}

/// A server is left alone no longer, whatever it wishes: the whole queue of its provider
/// waits with the call, and one call more a minute finds out whether it has changed its
/// mind.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// How servers say that a prompt is too long; none has one word for it.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "context length",
    "context_too_long",
    "context window",
    "prompt is too long",
    "input is too long",
    "exceed_context_size",
    "exceeds the available context",
    "exceeds the maximum number of tokens",
    "request_too_large",
];

fn status_of_word(code: &str) -> u16 {
    match code {
        "overloaded_error" | "server_overloaded" | "UNAVAILABLE" => 529,
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => 429,
        "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => 401,
        "permission_error" | "PERMISSION_DENIED" => 403,
        "billing_error" | "insufficient_quota" => 402,
        "not_found_error" | "model_not_found" | "NOT_FOUND" => 404,
        "request_too_large" | "context_length_exceeded" => 413,
        "invalid_request_error" | "invalid_prompt" | "INVALID_ARGUMENT" => 400,
        "timeout_error" | "DEADLINE_EXCEEDED" => 504,
        _ => 500,
    }
}

/// Gemini's `"retryDelay": "34.07s"`, among the details.
fn retry_delay(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    span(delay)
}

/// An error with its causes, joined by colons.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// For how long a server wants to be left alone, by its headers. Dates are counted
/// from its own `date`, so that no clock of ours matters.
pub(crate) fn retry_after<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let date = header("date").and_then(http_date);
    let until = |when: Option<jiff::Timestamp>| {
        let span = when?.duration_since(date?);
        Some(Duration::try_from(span).unwrap_or_default())
    };
    if let Some(wait) = header("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(wait / 1000.0).ok();
    }
    if let Some(text) = header("retry-after") {
        let seconds = text.trim().parse::<f64>().ok();
        let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if let Some(wait) = wait.or_else(|| until(http_date(text))) {
            return Some(wait);
        }
    }
    // Without `retry-after`: when the limit that is used up is full again.
    let limits = [
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
        ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
        ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ];
    let used_up = limits.iter().filter(|(remaining, _)| header(remaining) == Some("0"));
    let waits = used_up.filter_map(|(_, reset)| {
        let text = header(reset)?.trim();
        span(text).or_else(|| until(text.parse().ok()))
    });
    waits.max()
}

fn http_date(text: &str) -> Option<jiff::Timestamp> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim());
    date.ok()
}

/// OpenAI's and Gemini's `1s`, `6m0s`, `20ms`, `1.5s`, `1d2h`.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}
