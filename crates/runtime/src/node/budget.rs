//! Budgets: what is left, and giving more.

use super::handle::Node;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{AccountWork, ProcessRow, Scope};
use greenroom_model::budget::{Account, Books, Budget};
use greenroom_model::{Event, ProcessId};
use serde::{Deserialize, Serialize};

/// What pays for what a process does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// The process.
    pub process: ProcessId,
    /// The account that pays, and those above it, the nearest first. Empty: what
    /// the process does on its own account is not limited.
    pub accounts: Vec<Account>,
    /// How many operations wait for what it, or one below it, is to pay.
    pub waiting: usize,
}

impl Node {
    /// What pays for what a process does on its own account.
    pub async fn budget(&self, id: &ProcessId) -> Result<BudgetReport> {
        let row = self.found(id).await?;
        let (account, of) = (id.clone(), row.no);
        let mut accounts = self.read(move |journal| Ok(journal.account(&account)?)).await?;
        if accounts.is_empty() {
            let account = match self.engine.account_of(of) {
                Some(account) => account,
                None => self.carried_account(&row).await?,
            };
            if let Some(account) = account {
                accounts = self.read(move |journal| Ok(journal.account(&account)?)).await?;
            }
        }
        let pays = accounts.first().map(|account| &account.id);
        let waiting = pays.map_or(0, |pays| self.engine.accounts.waiting_below(pays));
        Ok(BudgetReport { process: id.clone(), accounts, waiting })
    }

    /// What the beginning of its segment says.
    async fn carried_account(&self, row: &ProcessRow) -> Result<Option<ProcessId>> {
        let loaded = self.loaded(row, Scope::Segment).await?;
        let turns = loaded.into_iter().flat_map(|loaded| loaded.turns);
        let mut events = turns.flat_map(|turn| turn.events);
        let first = events.find(|event| event.segment().is_some());
        let segment = first.as_ref().and_then(Event::segment);
        let carried = segment.and_then(|segment| segment.carried.as_ref());
        Ok(carried.and_then(|carried| carried.account.clone()))
    }

    /// Gives more to the budget of a process. Who waits for it goes on. What is
    /// new to it is new to those it was set aside from.
    ///
    /// # Errors
    /// `bad_request` if it has no budget of its own, or none any more, or has no
    /// limit on what is given.
    pub async fn raise_budget(&self, id: &ProcessId, by: Budget) -> Result<BudgetReport> {
        if by.whole().is_zero() {
            return Err(Error::BadRequest("say what to add, like messages=1000".to_owned()));
        }
        let wish = self.wish("raise", &[id.as_str(), &by.to_string()]);
        if self.done(&wish).await?.is_some() {
            return self.budget(id).await;
        }
        let report = self.budget(id).await?;
        check(&report, by).map_err(Error::BadRequest)?;
        let request = self.keyed(wish, "");
        let accounts = vec![AccountWork::Raise { account: id.clone(), by }];
        let carried = self.request(External { accounts, request, ..External::default() }).await?;
        if carried.before.is_none() && carried.receipt.accounts.is_empty() {
            let words = format!("the budget of {id} has just gone back: it has ended");
            return Err(Error::BadRequest(words));
        }
        self.budget(id).await
    }
}

fn check(report: &BudgetReport, by: Budget) -> std::result::Result<(), String> {
    let id = &report.process;
    match report.accounts.first() {
        None => Err(format!("{id} has no budget: what it does is not limited")),
        Some(account) if account.id != *id => {
            Err(format!("{id} has no budget of its own, that of {} pays: raise that", account.id))
        }
        Some(_) => {
            let mut books = Books::default();
            report.accounts.iter().for_each(|account| books.insert(account.clone()));
            books.raise(id, by)
        }
    }
}
