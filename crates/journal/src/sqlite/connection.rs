//! One connection to the file, set up.

use super::failure::map;
use crate::Error;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
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
    match purpose {
        Use::Write => {
            let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            with(path.as_os_str().as_bytes(), access, purpose).map_err(map)
        }
        Use::Read => {
            let access = OpenFlags::SQLITE_OPEN_READ_ONLY;
            match with(path.as_os_str().as_bytes(), access, purpose) {
                Err(error) if is_no_place(&error) => open_copy(path, &error),
                opened => opened.map_err(map),
            }
        }
    }
}

fn with(name: &[u8], access: OpenFlags, purpose: Use) -> rusqlite::Result<Connection> {
    let access = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(OsStr::from_bytes(name), access)?;
    set_up(&connection, purpose)?;
    Ok(connection)
}

/// A reader needs a file beside the store's to agree with a writer, and may not
/// make one: a copy that is read-only, in a directory that is.
fn is_no_place(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Opens a file that nobody can be writing.
fn open_copy(path: &Path, error: &rusqlite::Error) -> Result<Connection, Error> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        let why = format!(
            "{error}: it is read-only, and the log {} beside it, which has its last commits, \
             cannot be read without writing; copy both to where you may write, and look there \
             with --store sqlite:FILE",
            Path::new(&log).display()
        );
        return Err(Error::Open { store: format!("sqlite:{}", path.display()), why });
    }
    let mut name = b"file:".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'~' => name.push(*byte),
            byte if byte.is_ascii_alphanumeric() => name.push(*byte),
            byte => name.extend(format!("%{byte:02X}").bytes()),
        }
    }
    name.extend(b"?immutable=1");
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    with(&name, access, Use::Read).map_err(map)
}

fn set_up(connection: &Connection, purpose: Use) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    let set = |name: &str, value: i64| connection.pragma_update(None, name, value);
    // Views must not be able to run code, whoever made the file.
    set("trusted_schema", 0)?;
    set("temp_store", 2)?;
    match purpose {
        Use::Read => {
            set("cache_size", -2_000)?;
            // Opening alone touches no file: it would fail later, or not at all.
            connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))
        }
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
