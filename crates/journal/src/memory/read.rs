//! What is read from the store in memory.

use super::world::{KeptTurn, Process, World};
use crate::{
    AskRow, Count, DeadLetter, Error, LetterListing, Listing, ProcessRow, Scope, StateRow,
    TraceListing, TracePlace, TraceTurn, TurnRow, decode_events, trace::Page,
};
use greenroom_model::{Kind, Millis, ProcessId, ProcessNo, Seq, Status, Sum};

/// A process's row.
pub(super) fn row(no: ProcessNo, process: &Process) -> ProcessRow {
    ProcessRow {
        no,
        id: process.id.clone(),
        kind: process.kind.clone(),
        shard: process.shard,
        parent: process.parent.as_ref().map(|(id, _)| id.clone()),
        parent_op: process.parent.as_ref().map(|(_, op)| *op),
        detached: process.detached,
        root: process.root.clone(),
        hops: process.hops,
        seq: process.seq,
        sum: process.sum,
        segment: process.segment,
        status: process.status,
        wake_at: process.wake_at,
        started_at: process.started_at,
        changed_at: process.changed_at,
        exit: process.exit.clone(),
    }
}

/// The turns of a scope; every sum of the journal is checked on the way.
pub(super) fn turns(process: &Process, scope: Scope) -> Result<Vec<TurnRow>, Error> {
    let begin = match scope {
        Scope::Segment => process.segment,
        Scope::Whole => Seq(1),
        Scope::After(seq) => Seq(seq.0.saturating_add(1)),
    };
    let mut sum = Sum::default();
    let mut turns = Vec::new();
    for kept in &process.turns {
        sum = checked(&process.id, sum, kept)?;
        let events = decode_events(&kept.body, kept.count)?;
        let turn = TurnRow { seq: kept.seq, at: kept.at, events };
        turns.extend(turn.from(begin));
    }
    Ok(turns)
}

fn checked(id: &ProcessId, before: Sum, kept: &KeptTurn) -> Result<Sum, Error> {
    let sum = before.then(kept.seq, kept.at, &kept.body);
    if sum != kept.sum {
        let what = format!("{id}: the sum of the turn at event {} does not match", kept.seq);
        return Err(Error::corrupt(what));
    }
    Ok(sum)
}

/// The processes a listing names.
pub(super) fn list(world: &World, listing: &Listing) -> Vec<ProcessRow> {
    let wanted = |(no, process): &(&ProcessNo, &Process)| {
        let beyond = match listing.after {
            Some(after) if listing.newest_first => **no < after,
            Some(after) => **no > after,
            None => true,
        };
        let parent = process.parent.as_ref().map(|(id, _)| id);
        beyond
            && (listing.statuses.is_empty() || listing.statuses.contains(&process.status))
            && listing.kind.as_deref().is_none_or(|kind| kind == &*process.kind.name)
            && listing.parent.as_ref().is_none_or(|wanted| Some(wanted) == parent)
            && listing.root.as_deref().is_none_or(|root| root == process.root)
    };
    let rows = world.processes.iter();
    let found: Vec<_> = if listing.newest_first {
        rows.rev().filter(wanted).take(listing.limit).collect()
    } else {
        rows.filter(wanted).take(listing.limit).collect()
    };
    found.into_iter().map(|(no, process)| row(*no, process)).collect()
}

/// Those with a step under way or mail.
pub(super) fn runnable(world: &World, after: ProcessNo, limit: usize) -> Vec<ProcessNo> {
    let later = world.processes.iter().filter(|(no, _)| **no > after);
    let busy = later.filter(|(_, process)| {
        let waits = matches!(process.status, Status::Running | Status::Blocked);
        waits || !process.mailbox.is_empty()
    });
    busy.map(|(no, _)| *no).take(limit).collect()
}

/// The next wake-ups.
pub(super) fn due(
    world: &World,
    after: (Millis, ProcessNo),
    limit: usize,
) -> Vec<(Millis, ProcessNo)> {
    let wakes = world.processes.iter().filter_map(|(no, process)| Some((process.wake_at?, *no)));
    let mut due: Vec<_> = wakes.filter(|wake| *wake > after).collect();
    due.sort_unstable();
    due.truncate(limit);
    due
}

/// The state of a process.
pub(super) fn state(world: &World, no: ProcessNo) -> Vec<StateRow> {
    let Some(process) = world.processes.get(&no) else {
        return Vec::new();
    };
    let rows = process.state.iter();
    rows.map(|(key, value)| StateRow { key: key.clone(), value: value.clone() }).collect()
}

/// Open questions, oldest first.
pub(super) fn asks(world: &World, process: Option<&ProcessId>) -> Vec<AskRow> {
    let mut asked: Vec<_> = world.asks.iter().collect();
    asked.sort_unstable_by_key(|(key, asked)| (asked.at, **key));
    let rows = asked.into_iter().filter_map(|((no, op), asked)| {
        let process = world.processes.get(no)?;
        let answers = |message: &greenroom_model::Message| message.content.answers() == Some(*op);
        if process.mailbox.values().any(answers) {
            return None;
        }
        let id = process.id.clone();
        Some(AskRow { process: id, op: *op, spec: asked.spec.clone(), opened_at: asked.at })
    });
    rows.filter(|row| process.is_none_or(|process| *process == row.process)).collect()
}

/// Dead letters, newest first.
pub(super) fn letters(world: &World, listing: &LetterListing) -> Vec<DeadLetter> {
    let words = listing.reason.as_deref().map(str::to_lowercase);
    let wanted = |letter: &&DeadLetter| {
        listing.to.as_ref().is_none_or(|to| *to == letter.to)
            && words.as_ref().is_none_or(|words| letter.reason.to_lowercase().contains(words))
            && listing.before.is_none_or(|before| letter.no < before)
    };
    world.dead.values().rev().filter(wanted).take(listing.limit).cloned().collect()
}

/// How many processes there are of each kind, by status.
pub(super) fn census(world: &World) -> Vec<Count> {
    let mut counts: std::collections::BTreeMap<(Kind, i64), Count> = Default::default();
    for process in world.processes.values() {
        let (kind, status) = (process.kind.clone(), process.status);
        let none = Count { kind: kind.clone(), status, count: 0 };
        counts.entry((kind, status.code())).or_insert(none).count += 1;
    }
    counts.into_values().collect()
}

/// What one request caused.
pub(super) fn trace(world: &World, listing: &TraceListing) -> Result<Vec<TraceTurn>, Error> {
    let mut page = Page::new(listing);
    for (no, process) in &world.processes {
        let turns = turns(process, Scope::Whole)?;
        if process.root == listing.root {
            page.offer(*no, &process.id, &process.root, Seq(1), turns);
            continue;
        }
        for turn in turns {
            let place = |seq| {
                let place = TracePlace { at: turn.at, process: *no, seq };
                (listing.root.clone(), place)
            };
            let noted = place(turn.seq)..place(turn.seq.plus(turn.events.len()));
            let first = world.traces.range(noted).next().map(|(_, place)| place.seq);
            if let Some(first) = first {
                page.offer(*no, &process.id, &process.root, first, vec![turn]);
            }
        }
    }
    Ok(page.done())
}
