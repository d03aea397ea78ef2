//! What a model has answered. Knows no provider.

use crate::conversation::Message;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// What a model has answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Its message, with the provider's own form of it.
    pub message: Message,
    /// Why it stopped.
    pub stop: Stop,
    /// What it took.
    pub usage: Usage,
    /// The model that has really answered, as the provider names it.
    pub model: String,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It had no more to say.
    End,
    /// It waits for tools.
    ToolCalls,
    /// `tokens_max` or the model's window was reached: the reply is cut.
    Length,
    /// It, or a filter of the provider's, refused.
    Refused,
    /// It wants to be called again with the same conversation.
    Paused,
    /// Something else, in the provider's word.
    Other(String),
}

/// What a call took, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Read anew: neither from a cache nor into one.
    pub input: u64,
    /// Written, thinking included.
    pub output: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Read and put into the provider's cache.
    pub cache_write: u64,
    /// The server did not say: these are guessed from the texts' lengths, so that a
    /// budget holds all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub guessed: bool,
}

impl Usage {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.counts().into_iter().fold(0, u64::saturating_add)
    }

    /// The same, or nothing, if it cannot be: what counts one thing wrong is not believed
    /// in the others.
    pub(crate) fn believed(self) -> Usage {
        match self.counts().into_iter().all(|count| count <= TOKENS_MAX) {
            true => self,
            false => Usage::default(),
        }
    }

    fn counts(&self) -> [u64; 4] {
        [self.input, self.output, self.cache_read, self.cache_write]
    }
}

/// The numbers come from a network, and this is also done while a value is dropped: it
/// must not panic.
impl AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.guessed = self.guessed || other.guessed;
    }
}

/// More tokens than any model reads or writes in one call.
pub(crate) const TOKENS_MAX: u64 = 100_000_000;

/// A part of a reply as it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delta", rename_all = "snake_case")]
pub enum Delta {
    /// Words.
    Text {
        /// The next ones.
        text: String,
    },
    /// Thoughts that the provider lets be seen.
    Thinking {
        /// The next ones.
        text: String,
    },
    /// A tool is asked for; its arguments follow with the whole reply.
    ToolCall {
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// What the call has taken so far, as the provider says: for who pays, so that an
    /// attempt that comes to nothing is paid for too. Nothing said yet: zeros.
    Usage {
        /// It.
        usage: Usage,
    },
}
