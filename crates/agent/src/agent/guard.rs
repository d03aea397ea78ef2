//! Guardrails: facts of a run in, a decision out. Pure.

use crate::conversation::ToolCall;
use crate::definition::Limits;
use greenroom_model::Millis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// A limit that was reached, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached(pub String);

/// What the guardrails have seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Watch {
    /// When it began.
    pub began: Millis,
    /// Calls of the model since a person last spoke.
    pub turns: u32,
    /// How many times the limits were granted again.
    pub grants: u32,
    /// Turns in a row in which every call of a tool has failed.
    fruitless: u32,
    /// Answers in a row that were not what was asked for.
    repairs: u32,
    /// What was wrong with the last of them.
    wrong: String,
    /// The last calls with their results, newest last.
    recent: Vec<Seen>,
}

/// A call of a tool and what came of it, as sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    call: u64,
    result: u64,
}

/// The longest round of calls that is recognized when it is repeated.
const ROUND_MAX: usize = 4;

/// A shorter reply is hardly one: rather than cut it to less, the call is not made.
const USEFUL_TOKENS: u32 = 256;

/// So many letters of what was wrong with an answer are kept.
const WRONG_MAX: usize = 500;

/// What a run has used up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// Tokens.
    pub tokens: u64,
    /// Money, in millionths.
    pub money_micro: u64,
}

impl Watch {
    /// Whether the next call of the model may be made.
    pub fn check(&self, limits: &Limits, used: Used, now: Millis) -> Result<(), Reached> {
        let times = u64::from(self.grants) + 1;
        let reached = |words: String| Err(Reached(words));
        if u64::from(self.turns) >= u64::from(limits.turns) * times {
            return reached(format!("{} calls of its model without an answer", self.turns));
        }
        if limits.tokens.is_some_and(|tokens| used.tokens >= tokens.saturating_mul(times)) {
            return reached(format!("{} tokens used", used.tokens));
        }
        if limits.money.is_some_and(|money| used.money_micro as f64 >= money * 1e6 * times as f64) {
            return reached(format!("{:.4} of money spent", used.money_micro as f64 / 1e6));
        }
        let minutes = now.0.saturating_sub(self.began.0) / 60_000;
        if limits.minutes.is_some_and(|most| minutes >= most.saturating_mul(times)) {
            return reached(format!("{minutes} minutes have passed"));
        }
        let rounds = self.rounds();
        if rounds >= limits.repeats.max(2) {
            return reached(format!(
                "the same calls of tools with the same results {rounds} times in a row"
            ));
        }
        if self.fruitless >= limits.failures.max(2) {
            return reached(format!(
                "every call of a tool has failed in {} turns in a row",
                self.fruitless
            ));
        }
        if self.repairs > limits.repairs {
            return reached(format!(
                "{} answers in a row that are not what was asked for (of the last: {})",
                self.repairs, self.wrong
            ));
        }
        Ok(())
    }

    /// How long the next reply of the model may be, at most `wanted` tokens, for all that
    /// its call may cost (`most`, of so long a reply) to be within the limits.
    pub fn room(
        &self,
        limits: &Limits,
        used: Used,
        wanted: u32,
        most: impl Fn(u32) -> Used,
    ) -> Result<u32, Reached> {
        let times = u64::from(self.grants) + 1;
        let tokens = limits.tokens.map(|tokens| tokens.saturating_mul(times));
        let money = limits.money.map(|money| (money * 1e6 * times as f64) as u64);
        let fits = |length: u32| {
            let most = most(length);
            tokens.is_none_or(|limit| used.tokens.saturating_add(most.tokens) <= limit)
                && money
                    .is_none_or(|limit| used.money_micro.saturating_add(most.money_micro) <= limit)
        };
        if fits(wanted) {
            return Ok(wanted);
        }
        let least = wanted.min(USEFUL_TOKENS);
        if fits(least) {
            let (mut low, mut high) = (least, wanted);
            while low + 1 < high {
                let middle = low.midpoint(high);
                if fits(middle) { low = middle } else { high = middle }
            }
            return Ok(low);
        }
        let needs = most(least);
        let money =
            money.filter(|limit| used.money_micro.saturating_add(needs.money_micro) > *limit);
        Err(Reached(match (money, tokens) {
            (Some(limit), _) => format!(
                "{:.4} of money spent, {:.4} left, and the next call may cost {:.4}",
                used.money_micro as f64 / 1e6,
                limit.saturating_sub(used.money_micro) as f64 / 1e6,
                needs.money_micro as f64 / 1e6
            ),
            (None, limit) => format!(
                "{} tokens used, {} left, and the next call may take {}",
                used.tokens,
                limit.unwrap_or_default().saturating_sub(used.tokens),
                needs.tokens
            ),
        }))
    }

    /// Notes an answer that has to be given again.
    pub fn was_wrong(&mut self, wrong: &str) {
        self.repairs = self.repairs.saturating_add(1);
        self.wrong = wrong.chars().take(WRONG_MAX).collect();
    }

    /// Notes one that is what was asked for.
    pub fn was_right(&mut self) {
        (self.repairs, self.wrong) = (0, String::new());
    }

    /// How long it may still take, if that is limited.
    pub fn left(&self, limits: &Limits, now: Millis) -> Option<Duration> {
        let times = u64::from(self.grants) + 1;
        let all = limits.minutes?.saturating_mul(times).saturating_mul(60_000);
        Some(Duration::from_millis(self.began.0.saturating_add(all).saturating_sub(now.0)))
    }

    /// Whether it is about to be stopped because nothing works, and should be told.
    pub fn is_failing(&self, limits: &Limits) -> bool {
        self.fruitless + 1 >= limits.failures.max(2)
    }

    /// Notes how a turn's calls went, all together.
    pub fn turned(&mut self, all_failed: bool) {
        self.fruitless = if all_failed { self.fruitless.saturating_add(1) } else { 0 };
    }

    /// Whether it is about to be stopped for repeating itself, and should be told.
    pub fn is_repeating(&self, limits: &Limits) -> bool {
        self.rounds() + 1 >= limits.repeats.max(2)
    }

    /// Notes a call and its result.
    pub fn saw(&mut self, call: &ToolCall, result: &str) {
        let call = sum(&[call.name.as_bytes(), call.arguments.to_string().as_bytes()]);
        self.recent.push(Seen { call, result: sum(&[result.as_bytes()]) });
        // Enough to see the longest round as often as anybody may allow.
        const RECENT_MAX: usize = 64;
        if self.recent.len() > RECENT_MAX {
            self.recent.remove(0);
        }
    }

    /// A person has spoken: what came before is no loop.
    pub fn heard(&mut self) {
        (self.turns, self.fruitless) = (0, 0);
        self.was_right();
        self.recent.clear();
    }

    /// The limits are granted once more.
    pub fn grant(&mut self) {
        self.grants += 1;
        self.fruitless = 0;
        self.was_right();
        self.recent.clear();
    }

    /// How often the last round of calls, of whatever length, has come in a row
    /// with the same results. Many different calls are a batch, not a loop.
    fn rounds(&self) -> u32 {
        let longest = ROUND_MAX.min(self.recent.len());
        (1..=longest).map(|length| repeats(&self.recent, length)).max().unwrap_or(0)
    }
}

/// How often the last `length` entries stand at the end in a row.
fn repeats(seen: &[Seen], length: usize) -> u32 {
    let mut rounds = seen.rchunks_exact(length);
    let Some(last) = rounds.next() else { return 0 };
    let more = rounds.take_while(|round| *round == last).count();
    u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1)
}

/// FNV-1a: small, and the same on every machine and version.
fn sum(parts: &[&[u8]]) -> u64 {
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.iter().chain(&[0]) {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    sum
}
