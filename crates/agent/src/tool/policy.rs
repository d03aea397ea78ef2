//! On which terms a tool is called. Plain data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// On which terms a tool is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// It changes nothing: it may run beside others of one reply and be repeated.
    /// Tools with effects run one after another, in the order they were asked for.
    pub read_only: bool,
    /// Never run twice, not even if a crash leaves it unknown whether it was done.
    pub at_most_once: bool,
    /// Whether a person is asked first.
    pub approval: Approval,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many attempts in all.
    pub attempts_max: u32,
    /// The queue it stands in (concurrency, rate), if any.
    pub queue: Option<String>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            read_only: false,
            at_most_once: false,
            approval: Approval::Never,
            timeout: Duration::from_secs(600),
            attempts_max: 3,
            queue: None,
        }
    }
}

/// Whether a person is asked before a tool is called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// No.
    #[default]
    Never,
    /// Each time.
    Always,
    /// If the argument at this JSON pointer is more than the number, or is not a
    /// number.
    Above {
        /// Where, such as `/amount`.
        pointer: String,
        /// The most that nobody is asked for.
        most: f64,
    },
    /// Unless the argument at this JSON pointer is one of these.
    Unless {
        /// Where, such as `/path`.
        pointer: String,
        /// What nobody is asked for.
        values: Vec<Value>,
    },
}

impl Approval {
    /// Whether it can say what it is meant to say.
    ///
    /// # Errors
    /// Which field cannot, and why.
    pub fn is_sound(&self) -> Result<(), (&'static str, String)> {
        let (Approval::Above { pointer, .. } | Approval::Unless { pointer, .. }) = self else {
            return Ok(());
        };
        if !pointer.starts_with('/') {
            let words = format!("`{pointer}` is no JSON pointer: write `/{pointer}`");
            return Err(("pointer", words));
        }
        match self {
            Approval::Above { most, .. } if !most.is_finite() => {
                Err(("most", format!("{most} is no number to be above of")))
            }
            _ => Ok(()),
        }
    }

    /// Whether a person must be asked for a call with these arguments.
    pub fn is_needed(&self, arguments: &Value) -> bool {
        match self {
            Approval::Never => false,
            Approval::Always => true,
            Approval::Above { pointer, most } => {
                let number = arguments.pointer(pointer).and_then(Value::as_f64);
                number.is_none_or(|number| number > *most)
            }
            Approval::Unless { pointer, values } => {
                arguments.pointer(pointer).is_none_or(|value| !values.contains(value))
            }
        }
    }
}
