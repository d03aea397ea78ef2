//! Opens a file of rows that many processes use at once. Knows no rows.

use crate::error::Error;
use crate::store::lock;
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

/// How long a write waits for another process's.
const BUSY: Duration = Duration::from_secs(10);

/// Opens it with these tables. `format` is raised when they change their meaning.
///
/// # Errors
/// A file that is no database, or of a newer format.
pub fn open(file: &Path, schema: &str, format: i64) -> Result<Connection, Error> {
    let failed = |error| failed(file, error);
    // SQLite does not wait where two turn a new file to its write-ahead log.
    let _lock = lock(&file.with_extension("lock"), true)?;
    let connection = Connection::open(file).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    let found: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if found > format {
        let why = format!("{} is of a newer format ({found}); use a newer version", file.display());
        return Err(Error::Damaged(why));
    }
    connection.execute_batch(schema).map_err(failed)?;
    // A disk that is full can still be read.
    if found < format {
        connection.pragma_update(None, "user_version", format).map_err(failed)?;
    }
    Ok(connection)
}

/// SQLite did not do it.
pub fn failed(file: &Path, error: rusqlite::Error) -> Error {
    Error::io("use", file, std::io::Error::other(error))
}
