//! One event as a fact a person reads: what it is called, what it is about,
//! and what is worth knowing. A step's begin is folded into its end.

use super::budget::amounts;
use super::short::{one_line, short};
use super::span::span;
use crate::paint::Tone;
use greenroom_model::supervisor::RestartFrom;
use greenroom_model::{
    Audience, Envelope, Event, Exit, Failure, Lookup, Millis, Op, Payload, Segment, Seq, Stop,
};
use std::collections::BTreeMap;

/// A fact.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The place of its event.
    pub seq: Seq,
    /// When it was committed.
    pub at: Millis,
    /// The event's name.
    pub name: &'static str,
    /// What it is about: a step's name, a topic, another process.
    pub subject: String,
    /// The rest.
    pub detail: String,
    /// How good or bad it is.
    pub tone: Tone,
}

/// Turns events into facts, remembering what earlier ones were about.
pub struct Folder {
    /// What each operation is about, and since when.
    about: BTreeMap<Op, (String, Millis)>,
    /// The longest detail of a value.
    letters_max: usize,
}

impl Folder {
    /// Values are cut to so many characters.
    pub fn new(letters_max: usize) -> Folder {
        Folder { about: BTreeMap::new(), letters_max }
    }

    /// What an operation is about.
    pub fn subject(&self, op: Op) -> &str {
        self.about.get(&op).map_or("", |(subject, _)| subject)
    }

    /// Since when an operation waits.
    pub fn since(&self, op: Op) -> Option<Millis> {
        self.about.get(&op).map(|(_, at)| *at)
    }

    /// The fact of one event. Must be called for every event in order.
    pub fn fact(&mut self, seq: Seq, at: Millis, event: &Event) -> Fact {
        if let Some(subject) = own_subject(event) {
            if let Some(op) = event.op() {
                self.about.entry(op).or_insert_with(|| (subject.clone(), at));
            }
            return self.told(seq, at, event, subject);
        }
        let subject = event.op().map(|op| self.subject(op).to_owned()).unwrap_or_default();
        self.told(seq, at, event, subject)
    }

    fn told(&self, seq: Seq, at: Millis, event: &Event, subject: String) -> Fact {
        let told = self.input(at, event).or_else(|| self.command(at, event));
        let (detail, tone) = told.unwrap_or((String::new(), Tone::Plain));
        Fact { seq, at, name: event.name(), subject: short(&subject, 60), detail, tone }
    }

    /// What is worth knowing of an input.
    fn input(&self, at: Millis, event: &Event) -> Option<(String, Tone)> {
        use Event::*;
        Some(match event {
            WorkflowStarted(segment) | WorkflowContinued(segment) => {
                (self.segment(segment), Tone::Plain)
            }
            StepCompleted { op, attempt, result } => {
                let parts = [self.took(*op, at), tries(*attempt), self.gave(result)];
                (join(parts), Tone::Good)
            }
            StepFailed { op, attempt, failure } => {
                (join([self.took(*op, at), tries(*attempt), self.failure(failure)]), Tone::Bad)
            }
            StepRetrying { attempt, failure, retry_at, .. } => {
                let again = format!("again after {}", span(retry_at.since(at)));
                let failed = format!("attempt {attempt} failed: {}", self.failure(failure));
                (join([failed, again]), Tone::Warn)
            }
            StepRetried { attempt, .. } | StepAdmitted { attempt, .. } => {
                (format!("attempt {attempt}"), Tone::Plain)
            }
            StepUnknown { attempt, .. } => {
                (format!("the node died in attempt {attempt}: outcome unknown"), Tone::Warn)
            }
            MessageReceived { from, body, envelope, .. } => {
                let said = format!("{}  from {from}", self.value(body));
                (join([said, envelope.as_deref().map(of_whom).unwrap_or_default()]), Tone::Plain)
            }
            ReplyReceived { result, .. } => self.result(result),
            ProcessExited { exit, .. } | ExitReceived { exit, .. } => self.exit(exit),
            LinkReceived { by } => (format!("by {by}"), Tone::Plain),
            CancelRequested { reason, by, .. } | KillRequested { reason, by, .. } => {
                (by_whom(reason, by), Tone::Warn)
            }
            Released { by } => (format!("by {by}: it will not be restarted"), Tone::Warn),
            Paused { by } | Resumed { by } => (format!("by {by}"), Tone::Warn),
            Restarted { keep, by, crashes, poison, .. } => {
                let times = match (crashes.len(), poison) {
                    (0, _) => String::new(),
                    (count, false) => format!("{count} crashes at the last message"),
                    (count, true) => format!("the message was given up after {count} crashes"),
                };
                (join([format!("goes on after #{keep}, by {by}"), times]), Tone::Warn)
            }
            Forked { at, .. } => (format!("shares its history up to #{at}"), Tone::Plain),
            Parked { failure } => (self.failure(failure), Tone::Bad),
            _ => return None,
        })
    }

    /// What is worth knowing of a command.
    fn command(&self, at: Millis, event: &Event) -> Option<(String, Tone)> {
        use Event::*;
        Some(match event {
            StepStarted { at_most_once, queue, .. } if *at_most_once || queue.is_some() => {
                let once = if *at_most_once { "at most once" } else { "" };
                let queue = queue.as_ref().map(|queued| format!("queue {}", queued.name));
                (join([once.to_owned(), queue.unwrap_or_default()]), Tone::Plain)
            }
            TimerStarted { fire_at, .. } => (span(fire_at.since(at)), Tone::Plain),
            MessageSent { to, body, call, .. } => {
                let how = if *call { "call " } else { "" };
                (format!("{}  {how}to {to}", self.value(body)), Tone::Plain)
            }
            ReplySent { result, .. } => self.result(result),
            ProcessSpawned { kind, input, .. } => {
                (format!("{kind}  {}", self.value(input)), Tone::Plain)
            }
            ChildRestarted { from, kind, .. } => {
                let other = kind.as_ref().map(|kind| format!("as {kind}")).unwrap_or_default();
                (join([format!("from {}", word(from)), other]), Tone::Warn)
            }
            ChildStopped { stop, reason, .. } | ChildKilled { stop, reason, .. } => {
                let kept = if *stop == Stop::Final { "for good" } else { "to be started again" };
                (join([one_line(reason), kept.to_owned()]), Tone::Plain)
            }
            SendBlocked { .. } => ("waits for room".to_owned(), Tone::Warn),
            SendRefused { .. } => ("its mailbox is full".to_owned(), Tone::Warn),
            SpendBlocked { need, .. } => {
                (format!("waits for {}", amounts(&need.spend)), Tone::Warn)
            }
            SpendRefused { .. } => ("it is used up".to_owned(), Tone::Warn),
            BudgetSpent { spent, back, .. } => {
                let back = (!back.is_zero()).then(|| format!("{} back", amounts(back)));
                (join([amounts(spent), back.unwrap_or_default()]), Tone::Plain)
            }
            SpawnRefused { .. } => ("no code of this kind here".to_owned(), Tone::Warn),
            TrapExitSet { on } => (on.to_string(), Tone::Plain),
            Published { body, .. } => (self.value(body), Tone::Plain),
            CancelSent { reason, .. } => (one_line(reason), Tone::Plain),
            AskOpened { ask, .. } => {
                let choices = ask.choices.join(" | ");
                (join([short(&ask.question, self.letters_max.max(80)), choices]), Tone::Warn)
            }
            StateSet { value, .. } => (format!("= {}", self.value(value)), Tone::Plain),
            VersionMarked { version, .. } => (format!("= {version}"), Tone::Plain),
            WorkflowCompleted { result } => (self.value(result), Tone::Good),
            WorkflowFailed { exit } => self.exit(exit),
            _ => return None,
        })
    }

    fn segment(&self, segment: &Segment) -> String {
        format!("{}  by {}", self.value(&segment.input), segment.origin)
    }

    fn took(&self, op: Op, at: Millis) -> String {
        self.since(op).map(|since| span(at.since(since))).unwrap_or_default()
    }

    /// A result that says nothing is not told.
    fn gave(&self, result: &Payload) -> String {
        if result.text() == Some("null") {
            return String::new();
        }
        format!("→ {}", self.value(result))
    }

    fn value(&self, value: &Payload) -> String {
        short(&value.to_string(), self.letters_max)
    }

    fn failure(&self, failure: &Failure) -> String {
        short(&failure.to_string(), self.letters_max.max(200))
    }

    fn result(&self, result: &Result<Payload, Failure>) -> (String, Tone) {
        match result {
            Ok(value) => (self.value(value), Tone::Plain),
            Err(failure) => (self.failure(failure), Tone::Bad),
        }
    }

    fn exit(&self, exit: &Exit) -> (String, Tone) {
        match exit {
            Exit::Normal(result) => (self.value(result), Tone::Good),
            Exit::Error(failure) => (self.failure(failure), Tone::Bad),
            other => (short(&other.to_string(), self.letters_max.max(200)), Tone::Warn),
        }
    }
}

/// What the event itself says it is about.
fn own_subject(event: &Event) -> Option<String> {
    use Event::*;
    Some(match event {
        WorkflowStarted(segment) | WorkflowContinued(segment) => segment.kind.to_string(),
        StepStarted { name, .. } => name.clone(),
        MessageSent { topic, .. } | MessageReceived { topic, .. } => topic.clone(),
        ReplySent { to, .. } => to.process.to_string(),
        ProcessSpawned { id, .. }
        | SpawnRefused { id, .. }
        | SendBlocked { to: id, .. }
        | SendRefused { to: id, .. }
        | ProcessExited { id, .. }
        | ExitReceived { id, .. } => id.to_string(),
        ChildRestarted { id, .. } | ChildStopped { id, .. } | ChildKilled { id, .. } => {
            id.to_string()
        }
        SpendBlocked { need, .. } | SpendRefused { need, .. } => {
            format!("budget of {}", need.account)
        }
        MonitorStarted { target, .. }
        | Linked { target, .. }
        | Unlinked { target, .. }
        | CancelSent { target, .. } => target.to_string(),
        PlaceTaken { place, .. } | PlaceLeft { place, .. } => place.to_string(),
        LookupStarted { lookup, .. } => match lookup {
            Lookup::Name(name) => format!("name {name}"),
            Lookup::Group(group) => format!("group {group}"),
            Lookup::Children => "children".to_owned(),
        },
        Published { to, topic, .. } => match to {
            Audience::Subscribers => topic.clone(),
            Audience::Group(group) => format!("{topic} to group {group}"),
        },
        AskOpened { ask, .. } => ask.name.clone(),
        StateSet { key, .. } => key.clone(),
        VersionMarked { change, .. } => change.clone(),
        Forked { from, .. } => from.to_string(),
        _ => return None,
    })
}

/// A restart's place in a word.
fn word(from: &RestartFrom) -> &'static str {
    match from {
        RestartFrom::State => "its state",
        RestartFrom::Segment => "the beginning of its segment",
        RestartFrom::Fresh => "its very beginning",
    }
}

fn tries(attempt: u32) -> String {
    if attempt > 1 { format!("attempt {attempt}") } else { String::new() }
}

fn by_whom(reason: &str, by: &greenroom_model::Origin) -> String {
    let reason = one_line(reason);
    if reason.is_empty() { format!("by {by}") } else { format!("{reason}, by {by}") }
}

fn join<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("  ")
}

/// Where a message comes from in the end, if not from its process's own request.
fn of_whom(envelope: &Envelope) -> String {
    let root = envelope.root.as_ref().map(|root| format!("for {root}"));
    let deadline = envelope.carried.deadline.map(|deadline| format!("until {deadline}"));
    join([root.unwrap_or_default(), deadline.unwrap_or_default()])
}
