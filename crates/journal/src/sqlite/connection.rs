//! One connection to the file, set up.

use super::failure::map;
use crate::Error;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// `GRNR`: says in the file's head that it is Greenroom's.
pub(super) const APPLICATION_ID: i64 = 0x4752_4e52;
/// How long to wait for another program that has the file locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENTS_CACHED: usize = 100;

/// What the connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The one that writes.
    Write,
    /// Reads beside a writer.
    Read,
}

/// Opens the file, which must be there unless it is opened to write.
pub(super) fn open(path: &Path, purpose: Use) -> Result<Connection, Error> {
    let access = match purpose {
        Use::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Use::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection =
        Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(map)?;
    set_up(&connection, purpose).map_err(map)?;
    Ok(connection)
}

fn set_up(connection: &Connection, purpose: Use) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    let set = |name: &str, value: i64| connection.pragma_update(None, name, value);
    // Views must not be able to run code, whoever made the file.
    set("trusted_schema", 0)?;
    set("temp_store", 2)?;
    match purpose {
        Use::Read => set("cache_size", -2_000),
        Use::Write => {
            set("page_size", 4096)?;
            // A page that is damaged in memory or on disk is noticed early.
            set("cell_size_check", 1)?;
            set("cache_size", -16_000)?;
            connection.query_row("pragma journal_mode = wal", [], |_| Ok(()))?;
            // FULL: each commit is synced, none is lost with the power.
            set("synchronous", 2)?;
            set("wal_autocheckpoint", 4_000)?;
            // The log is used again from its start, never cut: overwriting
            // costs less than growing.
            set("journal_size_limit", 64 << 20)
        }
    }
}
