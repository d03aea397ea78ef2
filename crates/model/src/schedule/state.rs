//! What a schedule knows, and what it decides at each fact.

use super::spec::{CatchUp, Overlap, ScheduleSpec};
use super::timing::Timing;
use crate::{Millis, Payload, ProcessId};
use serde::{Deserialize, Serialize};

/// A schedule at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name, which is part of the ids of what it starts.
    pub name: String,
    /// What it was asked to do.
    pub spec: ScheduleSpec,
    /// What its intervals are counted from.
    pub anchor: Millis,
    /// When it fires next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Millis>,
    /// The last time it has fired for, by its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Millis>,
    /// What it started last, if that may still run and matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<ProcessId>,
    /// A start that waits for the end of `running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Start>,
    /// The input the last trigger brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered: Option<Payload>,
    /// How many missed times in a row it has made up for.
    #[serde(default)]
    pub caught_up: u32,
    /// How many starts it has made.
    #[serde(default)]
    pub started: u64,
    /// How often it did not start since it was too late, or the last one still
    /// ran.
    #[serde(default)]
    pub skipped: u64,
    /// Why the last start failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// It starts nothing any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// A process to start. The id holds the time it is for, so that it is started
/// once, whatever crashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The time it is for.
    pub at: Millis,
    /// Its id.
    pub id: ProcessId,
    /// The argument of its code.
    pub input: Payload,
}

/// The longest name: it has to fit into ids, with a time.
const NAME_MAX_BYTES: usize = 160;

impl Schedule {
    /// A schedule that begins `now`.
    ///
    /// # Errors
    /// What is wrong with the specification; nothing is started.
    pub fn new(name: &str, spec: ScheduleSpec, now: Millis) -> Result<Schedule, String> {
        spec.check(now)?;
        if name.len() > NAME_MAX_BYTES {
            return Err(format!("a schedule's name has at most {NAME_MAX_BYTES} characters"));
        }
        run_id(&spec.kind, name, now, "")?;
        let next = spec.timing(now)?.after(now);
        Ok(Schedule {
            name: name.to_owned(),
            spec,
            anchor: now,
            next,
            last: None,
            running: None,
            queued: None,
            triggered: None,
            caught_up: 0,
            started: 0,
            skipped: 0,
            error: None,
            deleted: false,
        })
    }

    /// The next times it fires, at most so many.
    pub fn upcoming(&self, count: usize) -> Vec<Millis> {
        let timing = self.timing();
        let following = |at: &Millis| timing.as_ref()?.after(*at);
        std::iter::successors(self.next, following).take(count).collect()
    }

    /// It may be time. The clock may have jumped: what is not later than the
    /// last one is not started again, what is too late is up to the policy.
    pub fn due(&mut self, now: Millis) -> Option<Start> {
        let at = self.next.filter(|at| *at <= now && !self.deleted)?;
        let Some(timing) = self.timing() else {
            self.next = None;
            return None;
        };
        let following = timing.after(at);
        let outrun = following.is_some_and(|following| following <= now);
        let waited_for = matches!(timing, Timing::Quiet { .. });
        let late = !waited_for && (outrun || now.0 - at.0 > self.spec.grace_ms);
        let made_up = match self.spec.catch_up {
            _ if !late => {
                (self.next, self.caught_up) = (following, 0);
                true
            }
            CatchUp::All if self.caught_up < self.spec.catch_up_max => {
                (self.next, self.caught_up) = (following, self.caught_up + 1);
                true
            }
            policy => {
                (self.next, self.caught_up) = (timing.after(now), 0);
                policy == CatchUp::One
            }
        };
        let again = self.last.is_some_and(|last| last >= at);
        self.last = self.last.max(Some(at));
        if !made_up || again {
            self.skipped += 1;
            return None;
        }
        let input = self.triggered.take();
        self.start(at, "", input)
    }

    /// What it started last has ended.
    pub fn ended(&mut self, id: &ProcessId) -> Option<Start> {
        if self.running.as_ref() != Some(id) {
            return None;
        }
        self.running = None;
        let start = self.queued.take()?;
        self.begin(start)
    }

    /// Somebody wants it to start now, beside its plan.
    pub fn run_now(&mut self, now: Millis, input: Option<Payload>) -> Option<Start> {
        if self.deleted {
            return None;
        }
        self.start(now, "+now", input)
    }

    /// Somebody triggers it: it fires once nobody has for a while, with the
    /// latest input. `false`: it does not fire that way.
    pub fn trigger(&mut self, now: Millis, input: Option<Payload>) -> bool {
        let at = self.timing().and_then(|timing| timing.triggered(now));
        let Some(at) = at.filter(|_| !self.deleted) else { return false };
        self.next = Some(at);
        self.triggered = input;
        true
    }

    /// Does from now on what another specification says. What runs is let run.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed.
    pub fn replace(&mut self, spec: ScheduleSpec, now: Millis) -> Result<(), String> {
        let new = Schedule::new(&self.name, spec, now)?;
        let (last, running) = (self.last, self.running.take());
        *self = Schedule { last, running, started: self.started, skipped: self.skipped, ..new };
        if self.spec.overlap == Overlap::Allow {
            self.running = None;
        }
        Ok(())
    }

    /// Starts nothing any more, until it is told anew what to do.
    pub fn delete(&mut self) {
        (self.next, self.queued, self.triggered, self.running) = (None, None, None, None);
        self.deleted = true;
    }

    /// A start could not be made.
    pub fn failed(&mut self, why: String) {
        (self.running, self.error) = (None, Some(why));
    }

    fn timing(&self) -> Option<Timing> {
        self.spec.timing(self.anchor).ok()
    }

    fn start(&mut self, at: Millis, beside: &str, input: Option<Payload>) -> Option<Start> {
        let id = match run_id(&self.spec.kind, &self.name, at, beside) {
            Ok(id) => id,
            Err(why) => {
                self.failed(why);
                return None;
            }
        };
        let input = input.or_else(|| self.spec.input.clone()).unwrap_or_else(Payload::null);
        let start = Start { at, id, input };
        match self.spec.overlap {
            _ if self.running.is_none() => self.begin(start),
            Overlap::Allow => self.begin(start),
            Overlap::QueueOne if self.queued.is_none() => {
                self.queued = Some(start);
                None
            }
            Overlap::QueueOne | Overlap::StartAtMostOne => {
                self.skipped += 1;
                None
            }
        }
    }

    fn begin(&mut self, start: Start) -> Option<Start> {
        self.running = (self.spec.overlap != Overlap::Allow).then(|| start.id.clone());
        self.started += 1;
        self.error = None;
        Some(start)
    }
}

fn run_id(kind: &str, name: &str, at: Millis, beside: &str) -> Result<ProcessId, String> {
    let time = at.to_string().replace(".000Z", "Z");
    let id = ProcessId::new(kind, &format!("{name}@{time}{beside}"));
    id.map_err(|error| error.to_string())
}
