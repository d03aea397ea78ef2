//! The server as the shared SQL sees it: one connection that writes, a few
//! that read, and one that is the sign of life of the node.

use super::connection::Connection;
use super::tx::PostgresTx;
use super::url::Target;
use super::wire::{Wire, wait};
use crate::Error;
use crate::sql::{Dialect, Pool, Tx};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a new node waits for one that is just ending.
const CLAIM_PATIENCE_MS: u32 = 1_500;

/// A schema of a Postgres database.
pub struct PostgresDialect {
    target: Target,
    read_only: bool,
    writer: Mutex<Option<Connection>>,
    readers: Pool<Connection>,
    /// Holds the advisory lock as long as it lives.
    claim: Mutex<Option<Connection>>,
    // Last, so that the thread outlives the connections.
    wire: Wire,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PostgresDialect {
    /// With the connection that has set the tables up.
    pub(super) fn new(wire: Wire, target: Target, first: Connection, read_only: bool) -> Self {
        PostgresDialect {
            target,
            read_only,
            writer: Mutex::new(Some(first).filter(|_| !read_only)),
            readers: Pool::new(Vec::new()),
            claim: Mutex::new(None),
            wire,
        }
    }

    fn connect(&self) -> Result<Connection, Error> {
        Connection::open(&self.wire, &self.target)
    }

    /// Takes the lock that says this node lives. A commit does not depend on
    /// it: that is what the epoch is for.
    fn lock(&self, patience_ms: u32) -> Result<Option<Connection>, Error> {
        let connection = self.connect()?;
        connection.batch(&format!("set lock_timeout = {patience_ms}"))?;
        let hash = blake3::hash(format!("greenroom {}", self.target.schema).as_bytes());
        let mut key = [0; 8];
        key.copy_from_slice(&hash.as_bytes()[..8]);
        let key = i64::from_le_bytes(key);
        let locked = wait(connection.client.execute("select pg_advisory_lock($1)", &[&key]));
        match locked {
            Ok(_) => Ok(Some(connection)),
            Err(error)
                if error.code() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) =>
            {
                Ok(None)
            }
            Err(error) => Err(super::failure::map(error)),
        }
    }

    /// Takes the lock again if its connection was lost. If another node has it
    /// by now, the epoch has moved or will, and commits are fenced off.
    fn keep_claim(&self) {
        let mut claim = held(&self.claim);
        if claim.as_ref().is_some_and(|claim| !claim.is_open()) {
            *claim = self.lock(1).ok().flatten().or(claim.take());
        }
    }

    fn holder(&self) -> Result<String, Error> {
        self.read(|tx| {
            let rows = tx.query("select owner from lease order by epoch desc limit 1", &[])?;
            rows.into_iter().next().map_or(Ok("another node".to_owned()), |mut row| row.text())
        })
    }
}

impl Dialect for PostgresDialect {
    fn write<T>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error> {
        if self.read_only {
            return Err(Error::Unavailable { why: "the store was opened only to read".to_owned() });
        }
        self.keep_claim();
        let mut writer = held(&self.writer);
        // Taken out: if `work` panics, the connection goes, and the server
        // rolls back.
        let mut connection = match writer.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let mut tx = PostgresTx::write(&mut connection);
        let result = work(&mut tx);
        let begun = tx.has_begun();
        let result = result.and_then(|result| {
            if begun { connection.batch("commit").map(|()| result) } else { Ok(result) }
        });
        let clean = result.is_ok() || !begun || connection.batch("rollback").is_ok();
        *writer = Some(connection).filter(|connection| clean && connection.is_open());
        result
    }

    fn read<T>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error> {
        let work = |idle: Connection| {
            // One that was lost while it was idle.
            let open = if idle.is_open() { Ok(idle) } else { self.connect() };
            let mut connection = match open {
                Ok(connection) => connection,
                Err(error) => return (Err(error), None),
            };
            let mut tx = PostgresTx::read(&mut connection);
            let result = work(&mut tx);
            let begun = tx.has_begun();
            let clean = !begun || connection.batch("rollback").is_ok();
            (result, Some(connection).filter(|connection| clean && connection.is_open()))
        };
        self.readers.with(|| self.connect(), work)
    }

    fn claim(&self, _owner: &str) -> Result<(), Error> {
        let mut claim = held(&self.claim);
        if claim.as_ref().is_some_and(Connection::is_open) {
            return Ok(());
        }
        *claim = self.lock(CLAIM_PATIENCE_MS)?;
        if claim.is_some() {
            return Ok(());
        }
        drop(claim);
        Err(Error::InUse { store: self.target.shown.clone(), holder: self.holder()? })
    }

    fn check_files(&self) -> Result<Vec<String>, Error> {
        // The server's own business: data checksums, pg_amcheck.
        Ok(Vec::new())
    }

    fn describe(&self) -> String {
        self.target.shown.clone()
    }
}
