//! How much may be used up, as people write it.

use super::resource::{MICRO, Resource, Spend};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much of each resource may be used up. What has no limit here is limited
/// by whoever gave the budget, if by anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Messages at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Tokens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money at most, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money_micro: Option<u64>,
}

impl Budget {
    /// At most so many messages.
    #[must_use]
    pub fn messages(mut self, messages: u64) -> Budget {
        self.messages = Some(messages);
        self
    }

    /// At most so many tokens.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Budget {
        self.tokens = Some(tokens);
        self
    }

    /// At most so much money, in millionths.
    #[must_use]
    pub fn money_micro(mut self, money_micro: u64) -> Budget {
        self.money_micro = Some(money_micro);
        self
    }

    /// The limit of one resource.
    pub fn of(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::Messages => self.messages,
            Resource::Tokens => self.tokens,
            Resource::Money => self.money_micro,
        }
    }

    pub(super) fn of_mut(&mut self, resource: Resource) -> &mut Option<u64> {
        match resource {
            Resource::Messages => &mut self.messages,
            Resource::Tokens => &mut self.tokens,
            Resource::Money => &mut self.money_micro,
        }
    }

    /// Whether it limits nothing.
    pub fn is_empty(&self) -> bool {
        *self == Budget::default()
    }

    /// All of it.
    pub fn whole(&self) -> Spend {
        let mut spend = Spend::default();
        for resource in Resource::ALL {
            *spend.of_mut(resource) = self.of(resource).unwrap_or_default();
        }
        spend
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for resource in Resource::ALL {
            if let Some(limit) = self.of(resource) {
                write!(f, "{comma}{resource}={}", resource.shown(limit))?;
                comma = ",";
            }
        }
        Ok(())
    }
}

/// Reads `messages=1000,tokens=50000,money=2.50`.
impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Budget, String> {
        let mut budget = Budget::default();
        for part in text.split(',').map(str::trim) {
            let (name, amount) = part.split_once('=').ok_or_else(|| {
                format!("`{part}` is no limit: write it like messages=1000,tokens=50000,money=2.50")
            })?;
            let resource = Resource::ALL.into_iter().find(|one| one.word() == name.trim());
            let resource = resource.ok_or_else(|| {
                format!("`{name}` cannot be limited: only messages, tokens and money can")
            })?;
            let limit = budget.of_mut(resource);
            if limit.is_some() {
                return Err(format!("{resource} is there twice"));
            }
            *limit = Some(amount_of(resource, amount.trim())?);
        }
        Ok(budget)
    }
}

fn amount_of(resource: Resource, text: &str) -> Result<u64, String> {
    let bad = || match resource {
        Resource::Money => format!(
            "`{text}` is no amount of money: write digits, with up to six decimals, like 2.50"
        ),
        _ => format!("`{text}` is no number of {resource}: write digits"),
    };
    let (whole, part) = match (resource, text.split_once('.')) {
        (Resource::Money, Some((whole, part))) => (whole, part),
        _ => (text, ""),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let decimals_max = 6;
    if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > decimals_max {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    if resource != Resource::Money {
        return Ok(whole);
    }
    let part: u64 = format!("{part:0<6}").parse().map_err(|_| bad())?;
    whole.checked_mul(MICRO).and_then(|whole| whole.checked_add(part)).ok_or_else(bad)
}
