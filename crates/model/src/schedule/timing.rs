//! The times at which a schedule fires: the only file that knows calendars.

use crate::Millis;
use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// When a schedule fires.
pub(super) enum Timing {
    /// At the times of a cron line.
    Cron(Box<Cron>, TimeZone),
    /// At `anchor` plus one interval, plus two, …
    Every { anchor: Millis, every_ms: u64 },
    /// So long after the last trigger.
    Quiet { ms: u64 },
}

impl Timing {
    /// Reads a cron line.
    pub fn cron(line: &str, zone: &str) -> Result<Timing, String> {
        let shown: String = line.chars().take(100).collect();
        let cron: Cron =
            line.parse().map_err(|error| format!("the cron line `{shown}`: {error}"))?;
        let zone_shown: String = zone.chars().take(64).collect();
        let zone = TimeZone::get(zone).map_err(|_| {
            format!("no time zone `{zone_shown}`: use an IANA name such as Europe/Berlin or UTC")
        })?;
        Ok(Timing::Cron(Box::new(cron), zone))
    }

    /// The first time after `after`. `None`: never again, or not by itself.
    pub fn after(&self, after: Millis) -> Option<Millis> {
        match self {
            Timing::Cron(cron, zone) => {
                let begin = at(after, zone)?;
                let found = cron.find_next_occurrence(&begin, false).ok()?;
                let found = u64::try_from(found.timestamp().as_millisecond()).ok()?;
                // What is found lies on a second; `after` need not.
                (found > after.0).then_some(Millis(found))
            }
            Timing::Every { anchor, every_ms } => {
                let intervals = after.0.saturating_sub(anchor.0) / every_ms + 1;
                let next = anchor.0.checked_add(intervals.checked_mul(*every_ms)?)?;
                Some(Millis(next))
            }
            Timing::Quiet { .. } => None,
        }
    }

    /// When a trigger at `now` makes it fire, unless another comes.
    pub fn triggered(&self, now: Millis) -> Option<Millis> {
        match self {
            Timing::Quiet { ms } => Some(Millis(now.0.saturating_add(*ms))),
            Timing::Cron(..) | Timing::Every { .. } => None,
        }
    }
}

fn at(millis: Millis, zone: &TimeZone) -> Option<Zoned> {
    let timestamp = Timestamp::from_millisecond(i64::try_from(millis.0).ok()?).ok()?;
    Some(timestamp.to_zoned(zone.clone()))
}
