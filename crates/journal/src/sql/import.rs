//! An import in one transaction, a page of processes at a time: what it holds
//! in memory is bounded, and a crash, an error or a process that is there with
//! another history leaves nothing of it.

use super::dialect::Tx;
use super::draft::{Deciding, Draft, Letter};
use super::facts::Facts;
use super::header::{Header, Meta};
use super::process::{COLUMNS, Kept};
use super::run::Run;
use super::value::Value;
use crate::import::Arrivals;
use crate::{Arrival, Commit, Error, FirstTurn, Imported, LetterRules, Receipt, Watch, notice};
use greenroom_model::{Epoch, Millis, Op, Origin, ProcessId, ProcessNo, Seq};
use std::collections::{HashMap, HashSet};

/// How many processes are written together.
const PAGE: usize = 200;
/// A page ends early when it has this much text.
const PAGE_BYTES: usize = 8 << 20;

/// What a process waits for, to be settled once all are there.
struct Waits {
    no: ProcessNo,
    id: ProcessId,
    watches: Vec<Watch>,
    calls: Vec<(Op, ProcessId)>,
}

/// Takes all of them in.
pub(super) fn all(
    tx: &mut dyn Tx,
    epoch: Epoch,
    at: Millis,
    next: &mut Arrivals<'_>,
) -> Result<Imported, Error> {
    let Header { mut meta, epochs } = super::lease::header(tx)?;
    let mut imported = Imported::default();
    let mut waits = Vec::new();
    loop {
        let page = page(next)?;
        if page.is_empty() {
            break;
        }
        let arrivals = new_ones(tx, page, &mut imported)?;
        if arrivals.is_empty() {
            continue;
        }
        let (commit, mut page_waits) = commit_of(epoch, at, arrivals);
        epochs.check(&commit).map_err(|why| Error::Unavailable { why: why.to_string() })?;
        let receipt = carry_out(tx, &mut meta, &commit)?;
        for (waits, spawned) in page_waits.iter_mut().zip(&receipt.spawned) {
            waits.no = spawned.no;
        }
        imported.created += receipt.spawned.len() as u64;
        waits.extend(page_waits.into_iter().filter(Waits::is_any));
    }
    for waits in waits.chunks(PAGE) {
        settle(tx, &mut meta, at, waits)?;
    }
    meta.write(tx)?;
    tx.keep(Header { meta, epochs });
    Ok(imported)
}

fn page(next: &mut Arrivals<'_>) -> Result<Vec<Arrival>, Error> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while page.len() < PAGE && bytes < PAGE_BYTES {
        let Some(arrival) = next()? else { break };
        bytes += arrival.spawn.turns.iter().map(|turn| turn.body.len()).sum::<usize>();
        page.push(arrival);
    }
    Ok(page)
}

/// Those that are not there yet.
fn new_ones(
    tx: &mut dyn Tx,
    page: Vec<Arrival>,
    imported: &mut Imported,
) -> Result<Vec<Arrival>, Error> {
    let mut ids = HashSet::new();
    if let Some(twice) = page.iter().find(|arrival| !ids.insert(&arrival.spawn.id)) {
        return Err(Error::Differs { id: twice.spawn.id.clone() });
    }
    let keys: Vec<Value<'_>> =
        page.iter().map(|arrival| Value::Text(arrival.spawn.id.as_str())).collect();
    let rows = tx.find(&format!("select {COLUMNS} from process"), "id", &keys)?;
    let there: HashMap<ProcessId, Kept> = rows
        .into_iter()
        .map(|row| Kept::read(row).map(|kept| (kept.row.id.clone(), kept)))
        .collect::<Result<_, Error>>()?;
    let mut new = Vec::with_capacity(page.len());
    for arrival in page {
        match there.get(&arrival.spawn.id) {
            None => new.push(arrival),
            Some(kept) if has(tx, kept, &arrival.spawn.turns)? => imported.present += 1,
            Some(_) => return Err(Error::Differs { id: arrival.spawn.id }),
        }
    }
    Ok(new)
}

/// Whether the process's journal is this, or goes on from it.
fn has(tx: &mut dyn Tx, kept: &Kept, turns: &[FirstTurn]) -> Result<bool, Error> {
    let found = tx.history(kept.row.no, kept.head, Seq(1))?;
    let same = |(kept, turn): (&super::KeptTurn, &FirstTurn)| {
        kept.at == turn.at && is_same_json(&kept.body, &turn.body)
    };
    Ok(found.len() >= turns.len() && found.iter().zip(turns).all(same))
}

/// A line of an export has other white space than the text it came from.
fn is_same_json(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || parse(one).is_some_and(|one| Some(one) == parse(other))
}

fn commit_of(epoch: Epoch, at: Millis, arrivals: Vec<Arrival>) -> (Commit, Vec<Waits>) {
    let (mut spawns, mut sends, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for Arrival { mut spawn, mailbox, calls } in arrivals {
        let watches = std::mem::take(&mut spawn.watches);
        waits.push(Waits { no: ProcessNo(0), id: spawn.id.clone(), watches, calls });
        sends.extend(mailbox);
        spawns.push(spawn);
    }
    (Commit { sends, spawns, ..Commit::new(at, epoch) }, waits)
}

fn carry_out(tx: &mut dyn Tx, meta: &mut Meta, commit: &Commit) -> Result<Receipt, Error> {
    let mut outcomes = vec![Ok(Receipt::default())];
    let mut run = Run::default();
    run.push(0, commit);
    run.carry_out(tx, meta, &mut outcomes)?;
    let outcome = outcomes.pop().unwrap_or_else(|| Ok(Receipt::default()));
    outcome.map_err(|why| Error::Unavailable { why: why.to_string() })
}

impl Waits {
    fn is_any(&self) -> bool {
        !self.watches.is_empty() || !self.calls.is_empty()
    }
}

/// Whose ends they hear of, and what they hear at once: of those who have
/// ended or are nowhere.
fn settle(tx: &mut dyn Tx, meta: &mut Meta, at: Millis, waits: &[Waits]) -> Result<(), Error> {
    let watched = waits.iter().flat_map(|waits| &waits.watches).map(|watch| &watch.target);
    let called = waits.iter().flat_map(|waits| &waits.calls).map(|(_, callee)| callee);
    let facts = Facts::of(tx, watched.chain(called), waits.iter().map(|waits| waits.no))?;
    let mut draft = Draft::new(facts);
    let mut deciding =
        Deciding { at, meta, rules: LetterRules::default(), receipt: Receipt::default() };
    for Waits { no, id, watches, calls } in waits {
        for watch in watches {
            draft.watch(&mut deciding, *no, watch);
        }
        for (op, callee) in calls {
            if draft.facts.named(callee).is_none() {
                let content = notice::no_process(*op, callee, false);
                let (from, root) = (Origin::Runtime, id.to_string());
                draft.tell(&mut deciding, id, Letter { from, content, root, hops: 0 });
            }
        }
    }
    draft.write(tx)
}
