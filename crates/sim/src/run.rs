//! What a run came to: every process as it is in the store at the end, what
//! the outside saw, and what was found wrong.

use greenroom_journal::{
    DeadLetter, Error, Journal, Listing, Loaded, Memory, Scope, TraceListing, TraceTurn,
};
use greenroom_model::budget::Account;
use greenroom_model::{Exit, Status};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The store at the end of a run.
#[derive(Default)]
pub struct Seen {
    /// Every process with its whole journal, in the order they were started.
    pub processes: Vec<Loaded>,
    /// The state of each, by its id.
    pub states: BTreeMap<String, BTreeMap<String, String>>,
    /// The budgets of those that have one of their own.
    pub accounts: BTreeMap<String, Account>,
    /// Dead letters, oldest first.
    pub dead: Vec<DeadLetter>,
    store: Memory,
}

/// A run that is over.
pub struct Run {
    /// The store at its end.
    pub seen: Seen,
    /// How often each step took effect, counting a key once.
    pub effects: BTreeMap<String, u64>,
    /// How often each was called outside, those in vain and again included.
    pub calls: BTreeMap<String, u64>,
    /// The effects in their order.
    pub order: Vec<String>,
    /// What was wrong.
    pub violations: Vec<String>,
    /// How many actions it took.
    pub actions: u64,
    /// How many group commits.
    pub commits: u64,
    /// How much virtual time.
    pub virtual_ms: u64,
    /// Every action, if asked for.
    pub trace: Vec<String>,
}

impl Seen {
    /// Reads all of a store.
    ///
    /// # Errors
    /// The store's: at the end of a run there is no fault left to excuse it.
    pub fn read(store: &Memory) -> Result<Seen, Error> {
        let listing = Listing { limit: usize::MAX, ..Listing::default() };
        let mut seen = Seen { store: store.clone(), ..Seen::default() };
        for row in store.list(&listing)? {
            let state = store.state(row.no)?;
            let state = state.into_iter().map(|row| (row.key, row.value.to_string())).collect();
            seen.states.insert(row.id.to_string(), state);
            let account = store.account(&row.id)?.into_iter().next();
            seen.accounts.extend(account.map(|account| (row.id.to_string(), account)));
            seen.processes.extend(store.load(row.no, Scope::Whole)?);
        }
        seen.dead = store.dead(usize::MAX)?;
        seen.dead.reverse();
        Ok(seen)
    }

    /// The trace of a root, read in pages of `limit`.
    ///
    /// # Errors
    /// The store's.
    pub fn trace(&self, root: &str, limit: usize) -> Result<Vec<TraceTurn>, Error> {
        let mut listing = TraceListing { root: root.to_owned(), after: None, limit };
        let mut turns = Vec::new();
        loop {
            let page = self.store.trace(&listing)?;
            let Some(last) = page.iter().map(|turn| turn.place).max() else { return Ok(turns) };
            listing.after = Some(last);
            turns.extend(page);
        }
    }

    /// How often an event of this name stands in the journal of a process.
    pub fn count(&self, id: &str, name: &str) -> usize {
        let own = self.processes.iter().filter(|loaded| loaded.row.id.as_str() == id);
        let events = own.flat_map(|loaded| &loaded.turns).flat_map(|turn| &turn.events);
        events.filter(|event| event.name() == name).count()
    }

    /// How each process stands: what a crash must not change.
    pub fn summary(&self) -> BTreeMap<String, String> {
        let of = |loaded: &Loaded| {
            let exit = loaded.row.exit.as_ref().map(exit_text).unwrap_or_default();
            let state = self.states.get(loaded.row.id.as_str());
            format!("{} {exit} {:?}", loaded.row.status, state.unwrap_or(&BTreeMap::new()))
        };
        self.processes.iter().map(|loaded| (loaded.row.id.to_string(), of(loaded))).collect()
    }

    /// A process by its id.
    pub fn process(&self, id: &str) -> Option<&Loaded> {
        self.processes.iter().find(|loaded| loaded.row.id.as_str() == id)
    }

    /// A process's status and result or exit, in words: `completed 55`.
    pub fn end(&self, id: &str) -> String {
        let Some(loaded) = self.process(id) else { return "none".to_owned() };
        let exit = loaded.row.exit.as_ref().map(exit_text).unwrap_or_default();
        format!("{} {exit}", loaded.row.status).trim_end().to_owned()
    }

    /// Every journal, as text.
    pub fn history(&self) -> String {
        let mut text = String::new();
        for loaded in &self.processes {
            let _ = writeln!(text, "{}", loaded.row.id);
            for turn in &loaded.turns {
                for (place, event) in turn.events.iter().enumerate() {
                    let event = serde_json::to_string(event).unwrap_or_default();
                    let _ =
                        writeln!(text, "  {:>4} {} {event}", turn.seq.0 + place as u64, turn.at);
                }
            }
        }
        text
    }

    /// The ids of the processes that have not ended.
    pub fn unended(&self) -> Vec<(String, Status)> {
        let rows = self.processes.iter().map(|loaded| &loaded.row);
        let rows = rows.filter(|row| !row.status.is_ended());
        rows.map(|row| (row.id.to_string(), row.status)).collect()
    }
}

fn exit_text(exit: &Exit) -> String {
    match exit {
        Exit::Normal(result) => result.to_string(),
        other => other.to_string(),
    }
}
