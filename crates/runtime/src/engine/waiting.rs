//! What processes wait for that others have: a budget, room in a mailbox.

use super::cell::{Body, Live};
use super::state::Engine;
use greenroom_model::{ProcessId, ProcessNo};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a blocked process waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedBy {
    /// Room in the mailbox of this process.
    Mailbox(ProcessId),
    /// More in the budget of this process.
    Budget(ProcessId),
}

impl Engine {
    /// Who cannot go on, or waits for something else by now, stands in no line. To be
    /// called after each visit.
    pub(super) fn stand_in_line(&self, live: &mut Live) {
        let unpaid = &live.ledger.unpaid;
        if live.in_line || !unpaid.is_empty() {
            let nothing = BTreeMap::new();
            let needs = if live.is_held() { &nothing } else { unpaid };
            live.in_line = self.accounts.stands(live.no, needs);
        }
    }

    /// What these wait for, as far as this node knows.
    pub(crate) fn blocked_by(&self, of: &HashSet<ProcessNo>) -> HashMap<ProcessNo, BlockedBy> {
        let budget = |no: &ProcessNo| Some((*no, BlockedBy::Budget(self.accounts.short_for(*no)?)));
        let mut all: HashMap<ProcessNo, BlockedBy> = of.iter().filter_map(budget).collect();
        let rooms = self.rooms.waiting(of).into_iter();
        all.extend(rooms.map(|(no, mailbox)| (no, BlockedBy::Mailbox(mailbox))));
        all
    }

    /// Whose budget pays for what a process does on its own account. The outer
    /// `None`: it is not in memory, or busy.
    pub(crate) fn account_of(&self, no: ProcessNo) -> Option<Option<ProcessId>> {
        let cell = self.cells.get(no)?;
        match cell.try_body().as_deref() {
            Some(Body::Live(live)) => Some(live.ledger.account.clone()),
            _ => None,
        }
    }
}
