//! What a message carries beside what it says: the request it goes back to,
//! how far it has come, how long it is worth doing. Pure.

use crate::{Failure, Millis, ProcessId, Seq, failure};
use serde::{Deserialize, Serialize};

/// The part of a message's envelope that most have none of, and that travels
/// with its content. The root and the hops are columns of the mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The event of the sender's journal that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Seq>,
    /// From then on nobody wants it done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
    /// Whose budget pays for what is done for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<ProcessId>,
    /// What its process has ended with in a row while it handled this message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crashes: Vec<Failure>,
}

/// The envelope of a message that was taken, in the journal only where it is not
/// that of the process itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The request it goes back to; `None`: the process's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Messages and spawns between the root and it.
    pub hops: u32,
    /// The rest.
    #[serde(flatten)]
    pub carried: Carried,
}

/// What something goes back to: an event in a process's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Whose journal.
    pub process: ProcessId,
    /// Its place there.
    pub seq: Seq,
}

impl Envelope {
    /// Of two deadlines the one that comes first: a child can only shorten it.
    pub fn sooner(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

impl Carried {
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        *self == Carried::default()
    }
}

/// How far a message or a spawn may be from the request it goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many hops.
    pub hops_max: u32,
    /// The time now.
    pub at: Millis,
}

impl Limits {
    /// Why something with this envelope is not taken any more.
    pub fn refuse(&self, root: &str, hops: u32, deadline: Option<Millis>) -> Option<Failure> {
        if hops > self.hops_max {
            let words = format!(
                "it is {hops} messages and spawns away from {root}, which it goes back to, and at \
                 most {} are allowed: most likely a loop",
                self.hops_max
            );
            return Some(Failure::fatal(failure::TOO_MANY_HOPS, words));
        }
        let deadline = deadline.filter(|deadline| *deadline < self.at)?;
        let words = format!("nobody wanted it after {deadline}");
        Some(Failure::fatal(failure::DEADLINE, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_only_gets_shorter() {
        let (one, two) = (Some(Millis(1)), Some(Millis(2)));
        assert_eq!(Envelope::sooner(one, two), one);
        assert_eq!(Envelope::sooner(two, one), one);
        assert_eq!(Envelope::sooner(None, two), two);
    }

    #[test]
    fn what_is_too_far_or_too_late_is_refused() {
        let limits = Limits { hops_max: 2, at: Millis(10) };
        let kind = |hops, deadline| {
            limits.refuse("a/b", hops, deadline).map(|failure| failure.kind.into_owned())
        };
        assert_eq!(kind(2, Some(Millis(10))), None);
        assert_eq!(kind(3, None).as_deref(), Some(failure::TOO_MANY_HOPS));
        assert_eq!(kind(2, Some(Millis(9))).as_deref(), Some(failure::DEADLINE));
    }
}
