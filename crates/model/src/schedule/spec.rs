//! What a schedule is asked to do, and whether it can be done.

use super::timing::Timing;
use crate::{Kind, Millis, Payload};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A schedule: when to start what. One of `cron`, `every_ms` and
/// `after_quiet_ms` says when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// The kind to start; the newest version is taken.
    pub kind: String,
    /// The argument of its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Payload>,
    /// At the times of this cron line: minute, hour, day of the month, month, day
    /// of the week; with six fields the first is the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The time zone of the cron line, by its IANA name; UTC by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Again and again after so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// When nobody has triggered it for so long (debounce).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_quiet_ms: Option<u64>,
    /// What becomes of times that were missed.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// How many missed times `all` makes up for in a row.
    #[serde(default = "catch_up_max")]
    pub catch_up_max: u32,
    /// A start later than this is one that was missed.
    #[serde(default = "grace_ms")]
    pub grace_ms: u64,
    /// What becomes of a start while the last one still runs.
    #[serde(default)]
    pub overlap: Overlap,
}

/// What becomes of times at which nothing could be started: the node was down,
/// the schedule was paused, the clock jumped ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Nothing; the next time is the next start.
    #[default]
    Skip,
    /// One late start for all of them, under the time of the first.
    One,
    /// A start for each, up to `catch_up_max`; the rest is skipped.
    All,
}

/// What becomes of a start while the last one still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is skipped.
    #[default]
    StartAtMostOne,
    /// The first of them waits for the end of the one that runs.
    QueueOne,
    /// It is made: several may run at once.
    Allow,
}

fn catch_up_max() -> u32 {
    100
}

fn grace_ms() -> u64 {
    60_000
}

/// The shortest interval, and the longest.
const EVERY_MIN_MS: u64 = 100;
const EVERY_MAX_MS: u64 = 100 * 366 * 86_400_000;

impl ScheduleSpec {
    /// A schedule of this kind that is yet to be told when.
    pub fn new(kind: &str) -> ScheduleSpec {
        ScheduleSpec {
            kind: kind.to_owned(),
            input: None,
            cron: None,
            zone: None,
            every_ms: None,
            after_quiet_ms: None,
            catch_up: CatchUp::default(),
            catch_up_max: catch_up_max(),
            grace_ms: grace_ms(),
            overlap: Overlap::default(),
        }
    }

    /// At the times of a cron line in a time zone.
    pub fn cron(mut self, line: &str, zone: &str) -> ScheduleSpec {
        (self.cron, self.zone) = (Some(line.to_owned()), Some(zone.to_owned()));
        self
    }

    /// Again and again after so long.
    pub fn every(mut self, span: Duration) -> ScheduleSpec {
        self.every_ms = Some(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Once nobody has triggered it for so long.
    pub fn after_quiet(mut self, span: Duration) -> ScheduleSpec {
        self.after_quiet_ms = Some(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Whether it can be done from `now` on; if not, why.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn check(&self, now: Millis) -> Result<(), String> {
        Kind::new(&self.kind, 1).map_err(|error| error.to_string())?;
        if self.catch_up == CatchUp::All && self.catch_up_max == 0 {
            return Err("catch_up `all` with catch_up_max 0 is `skip`: say so".to_owned());
        }
        let timing = self.timing(now)?;
        if self.cron.is_some() && timing.after(now).is_none() {
            let line = self.cron.as_deref().unwrap_or_default();
            return Err(format!("the cron line `{line}` never fires: there is no such time"));
        }
        Ok(())
    }

    /// When it fires. Intervals are counted from `anchor`.
    pub(super) fn timing(&self, anchor: Millis) -> Result<Timing, String> {
        let spans = |what: &str, ms: u64| match ms {
            EVERY_MIN_MS..=EVERY_MAX_MS => Ok(ms),
            _ => Err(format!("{what} of {ms} ms: it takes {EVERY_MIN_MS} ms to 100 years")),
        };
        match (&self.cron, self.every_ms, self.after_quiet_ms) {
            (Some(line), None, None) => Timing::cron(line, self.zone.as_deref().unwrap_or("UTC")),
            (None, _, _) if self.zone.is_some() => {
                Err("a time zone is for a cron line; there is none".to_owned())
            }
            (None, Some(ms), None) => {
                let every_ms = spans("an interval", ms)?;
                Ok(Timing::Every { anchor, every_ms })
            }
            (None, None, Some(ms)) => Ok(Timing::Quiet { ms: spans("a quiet time", ms)? }),
            _ => Err("say when: one of cron, every_ms, after_quiet_ms".to_owned()),
        }
    }
}
