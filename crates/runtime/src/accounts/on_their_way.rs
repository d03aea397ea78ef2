//! What commits on their way will pay and give back, until they are known to be
//! durable.

use greenroom_model::budget::{Books, Spend};
use greenroom_model::{ProcessId, ProcessNo};
use std::collections::HashMap;

/// Who pays how much of it, and gets how much back.
#[derive(Debug)]
pub(super) struct Share {
    pub payer: ProcessId,
    spent: Spend,
    back: Spend,
    /// Who may have at once what comes back: nobody else's commit can be before the
    /// one that gives it back.
    by: ProcessNo,
}

/// What is on its way to the store, by who pays.
#[derive(Default)]
pub(super) struct OnTheirWay {
    spent: HashMap<ProcessId, Spend>,
    back: HashMap<ProcessNo, HashMap<ProcessId, Spend>>,
}

impl OnTheirWay {
    /// What will be used up of an account.
    pub fn spent(&self, payer: &ProcessId) -> Spend {
        self.spent.get(payer).copied().unwrap_or_default()
    }

    /// That, and what will come back to it before anything else that process `no`
    /// does.
    pub fn of(&self, no: ProcessNo, payer: &ProcessId) -> (Spend, Spend) {
        let back = self.back.get(&no).and_then(|back| back.get(payer));
        (self.spent(payer), back.copied().unwrap_or_default())
    }

    /// Notes it, with those who pay.
    pub fn hold(
        &mut self,
        books: &Books,
        by: ProcessNo,
        id: &ProcessId,
        (spent, back): (Spend, Spend),
    ) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        let none = Spend::default();
        for (payer, spent) in books.shares(id, spent) {
            let sum = self.spent.entry(payer.clone()).or_default();
            *sum = sum.plus(spent);
            shares.push(Share { payer, spent, back: none, by });
        }
        for (payer, back) in books.shares(id, back) {
            let sum = self.back.entry(by).or_default().entry(payer.clone()).or_default();
            *sum = sum.plus(back);
            shares.push(Share { payer, spent: none, back, by });
        }
        shares
    }

    pub fn release(&mut self, share: &Share) {
        take(&mut self.spent, &share.payer, share.spent);
        if let Some(back) = self.back.get_mut(&share.by) {
            take(back, &share.payer, share.back);
            if back.is_empty() {
                self.back.remove(&share.by);
            }
        }
    }

    pub fn payers(&self) -> impl Iterator<Item = &ProcessId> {
        self.spent.keys().chain(self.back.values().flat_map(HashMap::keys))
    }
}

fn take(sums: &mut HashMap<ProcessId, Spend>, payer: &ProcessId, less: Spend) {
    if let Some(sum) = sums.get_mut(payer) {
        *sum = sum.minus(less);
        if sum.is_zero() {
            sums.remove(payer);
        }
    }
}
