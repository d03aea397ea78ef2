//! What a process waits for, from what it has open.

use super::budget::amounts;
use super::fact::Folder;
use super::span::{span, until};
use greenroom_model::{Ledger, Millis};

/// One line per thing that is open.
pub fn waits(ledger: &Ledger, folder: &Folder, now: Millis) -> Vec<String> {
    let mut lines = Vec::new();
    if ledger.parked {
        lines.push("parked: it cannot go on by itself".to_owned());
    }
    if ledger.paused {
        lines.push("paused".to_owned());
    }
    for (op, step) in &ledger.steps {
        let attempt = if step.attempts > 0 {
            format!(" (attempt {})", step.attempts + 1)
        } else {
            String::new()
        };
        let how = match step.retry_at {
            Some(retry_at) => format!("tries again {}", until(now, retry_at)),
            None => folder.since(*op).map(|since| span(now.since(since))).unwrap_or_default(),
        };
        lines.push(format!("step {}{attempt}  {how}", step.name));
    }
    for ask in ledger.asks.values() {
        let limit =
            ask.spec.deadline.map(|at| format!("  ends {}", until(now, at))).unwrap_or_default();
        lines.push(format!("an answer to {}{limit}", ask.spec.name));
    }
    for (op, fire_at) in &ledger.timers {
        if !ledger.asks.contains_key(op) {
            lines.push(format!("a timer  {}", until(now, *fire_at)));
        }
    }
    lines.extend(ledger.blocked.values().map(|send| format!("room in the mailbox of {}", send.to)));
    for need in ledger.unpaid.values() {
        lines.push(format!("{} of the budget of {}", amounts(&need.spend), need.account));
    }
    lines.extend(ledger.calls.values().map(|to| format!("a reply from {to}")));
    lines.extend(ledger.watches.values().map(|id| format!("the end of {id}")));
    lines
}
