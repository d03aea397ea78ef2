//! What attempts at a call of a model have taken that came to nothing: providers bill
//! what they have read and written, whether or not it arrives whole.

use crate::conversation::Message;
use crate::provider::{Delta, Reply, Request, Stop, Usage};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(test)]
mod tests;

/// What all attempts at one call have taken in vain, as far as this node knows: what those
/// on a node that has died had taken is known to nobody.
#[derive(Clone, Default)]
pub(super) struct Lost(Arc<Mutex<Usage>>);

impl Lost {
    /// All of it so far.
    pub fn so_far(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, usage: Usage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += usage;
    }
}

/// A [`Reply`], and what was lost before it came. What the journal has of a call.
///
/// Field by field: through serde's `flatten` what a provider sent would be lost.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    message: Message,
    stop: Stop,
    usage: Usage,
    model: String,
    /// What the attempts before it took.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub lost: Usage,
}

impl Answer {
    fn new(reply: Reply, lost: Usage) -> Answer {
        let Reply { message, stop, usage, model } = reply;
        Answer { message, stop, usage, model, lost }
    }

    /// The reply.
    pub fn reply(self) -> Reply {
        let Answer { message, stop, usage, model, .. } = self;
        Reply { message, stop, usage, model }
    }
}

fn is_nothing(usage: &Usage) -> bool {
    usage.total() == 0
}

/// Watches one attempt. One that is dropped before it [came to an end](Meter::whole), by
/// its time limit say, is lost.
pub(super) struct Meter {
    lost: Lost,
    request: Arc<Request>,
    /// What the provider has said that it took.
    told: Option<Usage>,
    /// So many letters of the reply were seen.
    seen: usize,
}

impl Meter {
    pub fn new(lost: Lost, request: Arc<Request>) -> Meter {
        Meter { lost, request, told: None, seen: 0 }
    }

    /// Sees a part of the reply; whether it is one for who watches.
    pub fn sees(&mut self, delta: &Delta) -> bool {
        match delta {
            Delta::Usage { usage } => self.told = Some(*usage),
            Delta::Text { text } | Delta::Thinking { text } => self.seen += text.len(),
            Delta::ToolCall { name, .. } => self.seen += name.len(),
        }
        !matches!(delta, Delta::Usage { .. })
    }

    /// The reply is whole: nothing of this attempt is lost.
    pub fn whole(mut self, reply: Reply) -> Answer {
        (self.told, self.seen) = (None, 0);
        Answer::new(reply, self.lost.so_far())
    }

    /// What it has taken: what the provider said, or else the request and what was seen
    /// of the reply, four letters a token. Nothing, if no reply began.
    fn taken(&self) -> Usage {
        if self.told.is_none() && self.seen == 0 {
            return Usage::default();
        }
        let guessed = || Usage {
            input: (self.request.chars() as u64).div_ceil(4),
            guessed: true,
            ..Usage::default()
        };
        let told = self.told.filter(|told| told.total() > 0).unwrap_or_else(guessed);
        // Until the end providers tell of the reply's beginning only.
        let seen = (self.seen as u64).div_ceil(4);
        match seen > told.output {
            true => Usage { output: seen, guessed: true, ..told },
            false => told,
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.lost.add(self.taken());
    }
}
