//! What can be used up, and amounts of it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Messages sent, calls, spawns, and each process that a publish reaches.
    Messages,
    /// Tokens of a model, as the code counts them.
    Tokens,
    /// Money, in millionths of whatever unit the code counts in.
    Money,
}

impl Resource {
    /// All of them.
    pub const ALL: [Resource; 3] = [Resource::Messages, Resource::Tokens, Resource::Money];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Resource::Messages => "messages",
            Resource::Tokens => "tokens",
            Resource::Money => "money",
        }
    }

    /// An amount of it, for people: money with its decimals.
    pub fn shown(self, amount: u64) -> String {
        let (whole, micro) = (amount / MICRO, amount % MICRO);
        match self {
            Resource::Money if micro == 0 => whole.to_string(),
            Resource::Money => {
                let text = format!("{whole}.{micro:06}");
                text.trim_end_matches('0').to_owned()
            }
            _ => amount.to_string(),
        }
    }
}

impl Resource {
    /// An amount with its word: `1 message`, `2.5 money`.
    pub fn counted(self, amount: u64) -> String {
        let shown = self.shown(amount);
        match (self, amount) {
            (Resource::Messages, 1) => "1 message".to_owned(),
            (Resource::Tokens, 1) => "1 token".to_owned(),
            _ => format!("{shown} {}", self.word()),
        }
    }
}

/// So many millionths are one.
pub(super) const MICRO: u64 = 1_000_000;

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spend {
    /// Messages.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// Tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// Money, in millionths.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub money_micro: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(amount: &u64) -> bool {
    *amount == 0
}

impl Spend {
    /// So many messages.
    pub fn messages(messages: u64) -> Spend {
        Spend { messages, ..Spend::default() }
    }

    /// So many tokens.
    pub fn tokens(tokens: u64) -> Spend {
        Spend { tokens, ..Spend::default() }
    }

    /// So much money, in millionths.
    pub fn money_micro(money_micro: u64) -> Spend {
        Spend { money_micro, ..Spend::default() }
    }

    /// The amount of one resource.
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Messages => self.messages,
            Resource::Tokens => self.tokens,
            Resource::Money => self.money_micro,
        }
    }

    pub(super) fn of_mut(&mut self, resource: Resource) -> &mut u64 {
        match resource {
            Resource::Messages => &mut self.messages,
            Resource::Tokens => &mut self.tokens,
            Resource::Money => &mut self.money_micro,
        }
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        *self == Spend::default()
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: Spend) -> Spend {
        for resource in Resource::ALL {
            let amount = self.of_mut(resource);
            *amount = amount.saturating_add(other.of(resource));
        }
        self
    }

    /// What is left of it without the other; never less than nothing.
    #[must_use]
    pub fn minus(mut self, other: Spend) -> Spend {
        for resource in Resource::ALL {
            let amount = self.of_mut(resource);
            *amount = amount.saturating_sub(other.of(resource));
        }
        self
    }
}
