//! What a person sees when the code no longer fits its journal.

use crate::Event;
use std::fmt;

/// Replay met another command than the journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The events before the break, oldest first, with their places.
    pub before: Vec<(u64, String)>,
    /// The place in the journal.
    pub seq: u64,
    /// What the journal holds there; `None`: the code asked for more.
    pub recorded: Option<String>,
    /// What the code asked for; `None`: it asked for nothing more.
    pub asked: Option<String>,
}

impl Divergence {
    /// One event in a few words: its name, operation and what it names.
    pub fn describe(event: &Event) -> String {
        use Event::*;
        let subject = match event {
            WorkflowStarted(segment) | WorkflowContinued(segment) => segment.kind.to_string(),
            StepStarted { name, .. } => name.clone(),
            MessageSent { to, topic, call, .. } => {
                format!("{} `{topic}` to {to}", if *call { "call" } else { "send" })
            }
            MessageReceived { topic, from, .. } => format!("`{topic}` from {from}"),
            ReplySent { to, .. } => format!("to {}", to.process),
            SendBlocked { to, topic, .. } | SendRefused { to, topic, .. } => {
                format!("`{topic}` to {to}")
            }
            SpendBlocked { need, .. } | SpendRefused { need, .. } => {
                format!("by the budget of {}", need.account)
            }
            ProcessSpawned { id, .. } | SpawnRefused { id, .. } => id.to_string(),
            MonitorStarted { target, .. }
            | Linked { target, .. }
            | Unlinked { target, .. }
            | CancelSent { target, .. } => target.to_string(),
            TrapExitSet { on } => on.to_string(),
            PlaceTaken { place, .. } | PlaceLeft { place, .. } => place.to_string(),
            LookupStarted { lookup, .. } => format!("{lookup:?}"),
            Published { topic, .. } => format!("`{topic}`"),
            ChildRestarted { id, .. } | ChildStopped { id, .. } | ChildKilled { id, .. } => {
                id.to_string()
            }
            AskOpened { ask, .. } => ask.name.clone(),
            StateSet { key, .. } => key.clone(),
            VersionMarked { change, version } => format!("{change} = {version}"),
            _ => String::new(),
        };
        let op = event.op().map(|op| format!(" (operation {op})")).unwrap_or_default();
        let space = if subject.is_empty() { "" } else { " " };
        format!("{}{space}{subject}{op}", event.name())
    }

    /// Whether the code asked for what the journal holds. Bodies may differ;
    /// what is named may not.
    pub fn agrees(recorded: &Event, asked: &Event) -> bool {
        use Event::*;
        match (recorded, asked) {
            (StepStarted { op: a, name: x, .. }, StepStarted { op: b, name: y, .. }) => {
                a == b && x == y
            }
            (
                MessageSent { op: a, to: x, topic: t, call: c, .. },
                MessageSent { op: b, to: y, topic: u, call: d, .. },
            ) => a == b && x == y && t == u && c == d,
            (ReplySent { op: a, to: x, .. }, ReplySent { op: b, to: y, .. }) => a == b && x == y,
            (ProcessSpawned { op: a, id: x, .. }, ProcessSpawned { op: b, id: y, .. })
            | (SpawnRefused { op: a, id: x }, SpawnRefused { op: b, id: y })
            | (SendBlocked { op: a, to: x, .. }, SendBlocked { op: b, to: y, .. })
            | (SendRefused { op: a, to: x, .. }, SendRefused { op: b, to: y, .. })
            | (MonitorStarted { op: a, target: x }, MonitorStarted { op: b, target: y })
            | (ChildRestarted { op: a, id: x, .. }, ChildRestarted { op: b, id: y, .. })
            | (ChildStopped { op: a, id: x, .. }, ChildStopped { op: b, id: y, .. })
            | (ChildKilled { op: a, id: x, .. }, ChildKilled { op: b, id: y, .. })
            | (Linked { op: a, target: x }, Linked { op: b, target: y })
            | (Unlinked { op: a, target: x }, Unlinked { op: b, target: y })
            | (CancelSent { op: a, target: x, .. }, CancelSent { op: b, target: y, .. }) => {
                a == b && x == y
            }
            (AskOpened { op: a, ask: x }, AskOpened { op: b, ask: y }) => {
                a == b && x.name == y.name
            }
            (PlaceTaken { op: a, place: x }, PlaceTaken { op: b, place: y })
            | (PlaceLeft { op: a, place: x }, PlaceLeft { op: b, place: y }) => a == b && x == y,
            (LookupStarted { op: a, lookup: x }, LookupStarted { op: b, lookup: y }) => {
                a == b && x == y
            }
            (
                Published { op: a, to: x, topic: t, after: n, .. },
                Published { op: b, to: y, topic: u, after: m, .. },
            ) => a == b && x == y && t == u && n == m,
            (TrapExitSet { on: x }, TrapExitSet { on: y }) => x == y,
            (StateSet { key: x, .. }, StateSet { key: y, .. }) => x == y,
            (VersionMarked { change: x, .. }, VersionMarked { change: y, .. }) => x == y,
            (TimerStarted { op: a, .. }, TimerStarted { op: b, .. })
            | (SpendBlocked { op: a, .. }, SpendBlocked { op: b, .. })
            | (SpendRefused { op: a, .. }, SpendRefused { op: b, .. })
            | (BudgetSpent { op: a, .. }, BudgetSpent { op: b, .. })
            | (OperationDropped { op: a }, OperationDropped { op: b }) => a == b,
            (CompensationsStarted { .. }, CompensationsStarted { .. })
            | (WorkflowCompleted { .. }, WorkflowCompleted { .. })
            | (WorkflowFailed { .. }, WorkflowFailed { .. })
            | (WorkflowContinued(_), WorkflowContinued(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the code does not do what its journal says it did:")?;
        for (seq, event) in &self.before {
            writeln!(f, "    {seq:>5}  {event}")?;
        }
        let nothing = "nothing more";
        writeln!(f, "  - {:>5}  {}", self.seq, self.recorded.as_deref().unwrap_or(nothing))?;
        writeln!(f, "  + {:>5}  {}", self.seq, self.asked.as_deref().unwrap_or(nothing))?;
        write!(
            f,
            "(- recorded, + asked now.) The code was changed under a running process, or it \
             depends on something outside its operations. Put the old code back, or guard the \
             change with `ctx.version`; then `greenroom resume` the process."
        )
    }
}
