//! What ends calls before their end: that their tool is taken away, and that the agent's
//! time is over. Knows no run.

use futures_util::future::{AbortHandle, AbortRegistration};
use greenroom_model::Failure;
use greenroom_runtime::Operation;

/// Why a call has ended before its end.
pub(super) enum Ended<'a> {
    /// The tool of this name was taken away.
    Revoked(&'a str),
    /// The agent's time is over.
    TimeIsOver,
}

/// The ends of calls that are under way, each with its tool's name.
#[derive(Default)]
pub(super) struct Ends(Vec<(String, AbortHandle)>);

/// The agent's time, as far as it is limited.
#[derive(Default)]
pub(super) struct Clock {
    pub left: Option<Operation<()>>,
    /// Whether it is over.
    pub is_over: bool,
}

impl Ended<'_> {
    /// What the model is told of a call that was not made.
    pub fn not_made(&self) -> String {
        match self {
            Ended::Revoked(name) => format!(
                "The call was not made: `{name}` was taken away from you. Go on without it, or \
                 say what you cannot do."
            ),
            Ended::TimeIsOver => {
                "The call was not made: the time for this work is over.".to_owned()
            }
        }
    }

    /// What the model is told of a call that was under way.
    pub fn stopped(&self) -> String {
        "The time for this work is over: the call was stopped".to_owned()
    }
}

impl Ends {
    /// One more call, of this tool.
    pub fn of(&mut self, name: &str) -> AbortRegistration {
        let (handle, end) = AbortHandle::new_pair();
        self.0.push((name.to_owned(), handle));
        end
    }

    pub fn end(&self, which: impl Fn(&str) -> bool) {
        self.0.iter().filter(|(name, _)| which(name)).for_each(|(_, handle)| handle.abort());
    }
}

impl Clock {
    /// Waits until it is over; for ever if it is already, or is not limited.
    pub async fn over(&mut self) -> Result<(), Failure> {
        match &mut self.left {
            Some(left) if !self.is_over => left.await,
            _ => std::future::pending().await,
        }
    }
}
