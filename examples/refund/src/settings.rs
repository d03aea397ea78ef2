//! What can be set from outside: where things are, how long they may take.

use crate::command_line::CommandLine;
use anyhow::Context;
use std::path::PathBuf;
use std::time::Duration;

/// How long a person has to decide.
const DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long one call of the payment service may take.
const PAYMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// What can be set from outside.
pub struct Settings {
    /// The node's directory, as Greenroom understands `--dir`.
    pub dir: PathBuf,
    /// The orders file (`--orders` or `REFUND_ORDERS`); the one shipped if there is none.
    pub orders: Option<PathBuf>,
    /// Where a payment service of one's own is (`REFUND_PAYMENTS`).
    pub payments: Option<String>,
    /// How long a person has to decide (`REFUND_DEADLINE_MS`).
    pub deadline: Duration,
    /// How long one call of the payment service may take (`REFUND_TIMEOUT_MS`).
    pub payment_timeout: Duration,
}

impl Settings {
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// If a number is none.
    pub fn read(line: &CommandLine) -> anyhow::Result<Settings> {
        Ok(Settings {
            dir: dir(line),
            orders: variable("REFUND_ORDERS").map(PathBuf::from),
            payments: variable("REFUND_PAYMENTS").map(|url| url.trim_end_matches('/').to_owned()),
            deadline: span("REFUND_DEADLINE_MS")?.unwrap_or(DEADLINE),
            payment_timeout: span("REFUND_TIMEOUT_MS")?.unwrap_or(PAYMENT_TIMEOUT),
        })
    }
}

/// The node's directory, by the rules of Greenroom's own `--dir`.
fn dir(line: &CommandLine) -> PathBuf {
    let named = line.option("--dir").or_else(|| variable("GREENROOM_DIR"));
    named.unwrap_or_else(|| ".greenroom".to_owned()).into()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn span(name: &str) -> anyhow::Result<Option<Duration>> {
    let Some(text) = variable(name) else {
        return Ok(None);
    };
    let millis = text.parse().with_context(|| format!("{name}={text}: not a whole number"))?;
    Ok(Some(Duration::from_millis(millis)))
}
