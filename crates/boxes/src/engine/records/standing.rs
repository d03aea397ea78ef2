//! Rows of boxes that run: what their sandboxes stand on, what of them is sealed, and which
//! of them somebody froze.

use super::{Records, json, parsed, signed, unsigned};
use crate::error::Error;
use crate::hash::LayerId;
use rusqlite::TransactionBehavior;
use std::collections::BTreeSet;

/// The stack of a box's head when all that it had written was last in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// The stack of before, while somebody seals.
    pub was: Vec<LayerId>,
    /// The stack. If the head has neither, somebody else gave it another one.
    pub now: Vec<LayerId>,
    /// When that was, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Records {
    /// A sandbox of this number is about to run a box over these layers. What it wrote earlier,
    /// if anything, goes on from what was sealed.
    pub fn mount(
        &self,
        name: &str,
        no: u64,
        over: &[LayerId],
        sealed: Option<&SealedRow>,
        boot: &str,
    ) -> Result<(), Error> {
        self.with(|connection| {
            let begin = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(begin)?;
            let sql = "UPDATE box SET sandbox = ?2, mounted = ?3, boot = ?4 WHERE name = ?1";
            transaction.execute(sql, (name, signed(no), json(over), boot))?;
            let (was, now, at_ms) = match sealed {
                Some(sealed) => (json(&sealed.was), json(&sealed.now), sealed.at_ms),
                None => (json(over), json(over), 0),
            };
            let sql =
                "INSERT OR REPLACE INTO sealed (box, was, now, at_ms) VALUES (?1, ?2, ?3, ?4)";
            transaction.execute(sql, (name, was, now, signed(at_ms)))?;
            transaction.execute("DELETE FROM frozen WHERE box = ?1", [name])?;
            transaction.commit()
        })
    }

    /// Nothing of a sandbox counts any more: what it has written is in the head.
    pub fn unmount(&self, name: &str) -> Result<(), Error> {
        self.with(|connection| {
            let begin = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(begin)?;
            let sql = "UPDATE box SET mounted = NULL, boot = NULL WHERE name = ?1";
            transaction.execute(sql, [name])?;
            transaction.execute("DELETE FROM sealed WHERE box = ?1", [name])?;
            transaction.execute("DELETE FROM frozen WHERE box = ?1", [name])?;
            transaction.commit()
        })
    }

    /// The head is about to have this stack, with all that was written.
    pub fn sealing(&self, name: &str, next: &[LayerId]) -> Result<(), Error> {
        self.change_for_good("UPDATE sealed SET now = ?2 WHERE box = ?1", (name, json(next)))
            .map(drop)
    }

    /// All that was written by this moment is in the head, which has this stack.
    pub fn sealed(&self, name: &str, stack: &[LayerId], at_ms: u64) -> Result<(), Error> {
        let sql = "UPDATE sealed SET was = ?2, now = ?2, at_ms = ?3 WHERE box = ?1";
        self.change_for_good(sql, (name, json(stack), signed(at_ms))).map(drop)
    }

    pub fn sealed_row(&self, name: &str) -> Result<Option<SealedRow>, Error> {
        let sql = "SELECT was, now, at_ms FROM sealed WHERE box = ?1";
        let rows = self.all(sql, [name], |row| {
            Ok(SealedRow {
                was: parsed(row, 0)?,
                now: parsed(row, 1)?,
                at_ms: unsigned(row.get(2)?),
            })
        });
        Ok(rows?.pop())
    }

    /// Somebody wants a box to stand still until it is thawed.
    pub fn freeze(&self, name: &str) -> Result<(), Error> {
        self.change("INSERT OR IGNORE INTO frozen (box) VALUES (?1)", [name]).map(drop)
    }

    pub fn thaw(&self, name: &str) -> Result<(), Error> {
        self.change("DELETE FROM frozen WHERE box = ?1", [name]).map(drop)
    }

    pub fn is_frozen(&self, name: &str) -> Result<bool, Error> {
        let rows: Vec<String> =
            self.all("SELECT box FROM frozen WHERE box = ?1", [name], |row| row.get(0))?;
        Ok(!rows.is_empty())
    }

    /// All boxes that somebody froze.
    pub fn frozen(&self) -> Result<BTreeSet<String>, Error> {
        let rows: Vec<String> = self.all("SELECT box FROM frozen", [], |row| row.get(0))?;
        Ok(rows.into_iter().collect())
    }
}
