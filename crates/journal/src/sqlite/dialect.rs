//! The file as the shared SQL sees it: one connection that writes, a few that
//! read beside it.

use super::connection::{self, Use};
use super::failure::map;
use super::lock::Lock;
use super::tx::SqliteTx;
use super::writer::Writer;
use crate::Error;
use crate::sql::{Dialect, Pool, Tx};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

const DAMAGES_SHOWN: usize = 100;

/// A SQLite file.
pub struct SqliteDialect {
    path: PathBuf,
    store: String,
    // Dropped in this order: the last connection to close writes the log back
    // into the file, and only the writer may.
    readers: Pool<Connection>,
    /// `None` only for a store opened to read, or after a failure: the next
    /// write opens it again.
    writer: Mutex<Option<Writer>>,
    lock: Option<Lock>,
}

impl SqliteDialect {
    /// For a node.
    pub(super) fn writing(path: PathBuf, store: String, writer: Writer, lock: Lock) -> Self {
        let (writer, readers) = (Mutex::new(Some(writer)), Pool::new(Vec::new()));
        SqliteDialect { path, store, writer, readers, lock: Some(lock) }
    }

    /// For a look.
    pub(super) fn reading(path: PathBuf, store: String, reader: Connection) -> Self {
        let (writer, readers) = (Mutex::new(None), Pool::new(vec![reader]));
        SqliteDialect { path, store, writer, readers, lock: None }
    }

    fn on_reader<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let connect = || connection::open(&self.path, Use::Read);
        self.readers.with(connect, |reader| {
            let result = work(&reader);
            (result, Some(reader).filter(Connection::is_autocommit))
        })
    }
}

impl Dialect for SqliteDialect {
    fn write<T>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error> {
        if self.lock.is_none() {
            return Err(Error::Unavailable { why: "the store was opened only to read".to_owned() });
        }
        // A connection whose user panicked is dropped here, half a
        // transaction with it: it was taken out.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = match writer.take() {
            Some(taken) => taken,
            None => Writer::open(&self.path)?,
        };
        let result = taken.transaction(work);
        // A transaction that could not be rolled back goes with its connection.
        *writer = Some(taken).filter(Writer::is_clean);
        result
    }

    fn read<T>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error> {
        self.on_reader(|reader| snapshot(reader, work))
    }

    fn claim(&self, _owner: &str) -> Result<(), Error> {
        // The lock on the file is held since it was opened.
        Ok(())
    }

    fn check_files(&self) -> Result<Vec<String>, Error> {
        let check = |reader: &Connection| -> rusqlite::Result<Vec<String>> {
            let sql = format!("pragma integrity_check({DAMAGES_SHOWN})");
            let mut statement = reader.prepare(&sql)?;
            let words = statement.query_map([], |row| row.get::<_, String>(0))?;
            words.filter(|word| !matches!(word.as_deref(), Ok("ok"))).collect()
        };
        match self.on_reader(|reader| check(reader).map_err(map)) {
            Err(Error::Corrupt { what }) => Ok(vec![what]),
            found => found,
        }
    }

    fn describe(&self) -> String {
        self.store.clone()
    }
}

fn snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
) -> Result<T, Error> {
    connection.execute_batch("begin").map_err(map)?;
    let result = work(&mut SqliteTx::new(connection));
    // If this fails the connection is not lent again.
    let _ = connection.execute_batch("rollback");
    result
}
