//! What a supervisor is told: its strategy, its limits, its children.

use crate::{Exit, Payload};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A supervisor's specification. `{"children":[…]}` alone is a whole one: one
/// for one, at most one restart in five seconds, as in OTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisorSpec {
    /// Who is restarted when one child ends.
    pub strategy: Strategy,
    /// How many restarts within `period_ms` are borne; one more is too many.
    pub intensity: u32,
    /// The span over which restarts are counted.
    pub period_ms: u64,
    /// What happens when they were too many.
    pub on_intensity: OnIntensity,
    /// Whether the end of significant children ends the supervisor.
    pub auto_shutdown: AutoShutdown,
    /// The children, in the order in which they are started. With
    /// [`Strategy::Dynamic`] none, or one: the template of those to come.
    pub children: Vec<ChildSpec>,
}

impl Default for SupervisorSpec {
    fn default() -> SupervisorSpec {
        SupervisorSpec {
            strategy: Strategy::OneForOne,
            intensity: 1,
            period_ms: 5_000,
            on_intensity: OnIntensity::Escalate,
            auto_shutdown: AutoShutdown::Never,
            children: Vec::new(),
        }
    }
}

/// Who is restarted when one child ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// That child.
    #[default]
    OneForOne,
    /// All: the others are stopped in reverse order, then all are started.
    OneForAll,
    /// That child and those started after it.
    RestForOne,
    /// That child; children come and go while the supervisor runs, and stop
    /// all at once (OTP's `simple_one_for_one`).
    #[serde(alias = "simple_one_for_one")]
    Dynamic,
}

/// What happens when a supervisor has restarted too often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnIntensity {
    /// It stops its children and ends, so that its own supervisor decides.
    #[default]
    Escalate,
    /// The child stays down and a person is asked: restart, or give up.
    Ask,
}

/// Whether a supervisor ends when its significant children have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoShutdown {
    /// It does not.
    #[default]
    Never,
    /// When one of them has ended by itself.
    AnySignificant,
    /// When the last of them has ended by itself.
    AllSignificant,
}

/// A child's specification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildSpec {
    /// Its name among the supervisor's children.
    pub name: String,
    /// The name of its code.
    pub kind: String,
    /// The key of its id `kind/key`; from the supervisor's key and `name` if
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it is started with.
    #[serde(default = "Payload::null")]
    pub input: Payload,
    /// Whether it is restarted.
    #[serde(default)]
    pub restart: RestartType,
    /// Where a restart takes it.
    #[serde(default)]
    pub restart_from: RestartFrom,
    /// How it is stopped; 5 s if left out, without limit for a supervisor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<Shutdown>,
    /// Its end can end the supervisor, see [`AutoShutdown`].
    #[serde(default)]
    pub significant: bool,
    /// Waits before restarts. None if left out, as in OTP.
    #[serde(default)]
    pub backoff: Backoff,
    /// Other code to fall back to when this keeps failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// Whether a child that has ended is restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartType {
    /// Always.
    #[default]
    Permanent,
    /// If it ended abnormally: in an error, or killed.
    Transient,
    /// Never; its specification goes with it.
    Temporary,
}

impl RestartType {
    /// Whether a child that ended so is to be restarted.
    pub fn restarts(self, exit: &Exit) -> bool {
        match self {
            RestartType::Permanent => true,
            RestartType::Transient => is_abnormal(exit),
            RestartType::Temporary => false,
        }
    }
}

/// What OTP calls abnormal: neither `normal` nor `shutdown`. A cancel is a wish
/// to stop, so an end by it is like a shutdown.
fn is_abnormal(exit: &Exit) -> bool {
    matches!(exit, Exit::Error(_) | Exit::Killed(_) | Exit::NoProcess)
}

/// Where a restart takes a child whose state is in its journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartFrom {
    /// To where it was: what is done stays done, the step that failed is tried
    /// again.
    #[default]
    State,
    /// To where its last `continue_as_new` left it.
    Segment,
    /// To its very beginning, on the newest version of its code.
    Fresh,
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shutdown {
    /// At once, without a word.
    BrutalKill,
    /// It is asked, and killed if it has not ended after this many milliseconds.
    TimeoutMs(u64),
    /// It is asked, and waited for.
    Infinity,
}

/// Waits before restarts: none before the first, then `first_ms`, each next
/// one twice as long, at most `max_ms`. A child that has run longer than
/// `max_ms` begins from none again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// The wait before the second restart.
    pub first_ms: u64,
    /// The longest wait.
    pub max_ms: u64,
}

impl Backoff {
    /// The wait before the `nth` restart in a row, counted from 1.
    pub fn wait(self, nth: u32) -> Duration {
        let Some(doublings) = nth.checked_sub(2) else {
            return Duration::ZERO;
        };
        let grown = self.first_ms.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX));
        Duration::from_millis(grown.min(self.max_ms))
    }
}

/// Other code for a child that keeps failing ("degrade").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// The name of the code. It gets the child's input, from the beginning.
    pub kind: String,
    /// After how many restarts in a row.
    pub after_restarts: u32,
}

impl ChildSpec {
    /// A permanent child of this name and kind, restarted from its state.
    pub fn new(name: impl Into<String>, kind: impl Into<String>, input: Payload) -> ChildSpec {
        ChildSpec {
            name: name.into(),
            kind: kind.into(),
            key: None,
            input,
            restart: RestartType::Permanent,
            restart_from: RestartFrom::State,
            shutdown: None,
            significant: false,
            backoff: Backoff::default(),
            fallback: None,
        }
    }

    /// How it is stopped.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.unwrap_or(if self.kind == SUPERVISOR_KIND {
            Shutdown::Infinity
        } else {
            Shutdown::TimeoutMs(5_000)
        })
    }
}

/// The kind that supervises by a specification alone.
pub(super) const SUPERVISOR_KIND: &str = "supervisor";
