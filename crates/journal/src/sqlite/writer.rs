//! The connection that writes, and what goes on from one of its transactions to
//! the next.

use super::connection::{self, Use};
use super::failure::map;
use super::log::Log;
use super::tx::SqliteTx;
use crate::Error;
use crate::sql::{Header, Tx};
use rusqlite::Connection;
use std::path::Path;

/// The connection that writes.
pub(super) struct Writer {
    connection: Connection,
    log: Log,
    kept: Option<Header>,
    /// SQLite's count of the writes of others.
    others: i64,
}

impl Writer {
    /// Opens the file for it.
    pub fn open(path: &Path) -> Result<Writer, Error> {
        Ok(Writer::on(path, connection::open(path, Use::Write)?))
    }

    /// On a connection that was opened to write.
    pub fn on(path: &Path, connection: Connection) -> Writer {
        let log = Log::of(path);
        Writer { connection, log, kept: None, others: 0 }
    }

    /// Whether no transaction is left half done on it.
    pub fn is_clean(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Runs `work` in a transaction that is durable when this returns.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // What is kept is as good as the transaction: it comes back with the
        // commit only.
        let kept = self.kept.take();
        self.run("begin immediate")?;
        let result = self.begun(kept, work);
        if result.is_err() && !self.is_clean() {
            // If this fails too, the caller drops the connection.
            let _ = self.run("rollback");
        }
        result
    }

    fn begun<T>(
        &mut self,
        kept: Option<Header>,
        work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.log.make_room();
        let others = self.others().map_err(map)?;
        let kept = kept.filter(|_| others == self.others);
        let mut tx = SqliteTx::going_on(&self.connection, kept);
        let result = work(&mut tx)?;
        let kept = tx.into_kept();
        self.run("commit")?;
        (self.kept, self.others) = (kept, others);
        Ok(result)
    }

    fn run(&self, sql: &str) -> Result<(), Error> {
        let run = || self.connection.prepare_cached(sql)?.raw_execute();
        run().map(|_| ()).map_err(map)
    }

    /// Nobody else writes but a person with a tool. What is kept must not go
    /// over what they did.
    fn others(&self) -> rusqlite::Result<i64> {
        let mut select = self.connection.prepare_cached("pragma data_version")?;
        select.query_row([], |row| row.get(0))
    }
}
