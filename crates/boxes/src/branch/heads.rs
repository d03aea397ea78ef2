//! Heads as rows. Knows no files and no merging.

use crate::error::Error;
use crate::hash::LayerId;
use crate::sqlite::{self, failed};
use crate::steps::Steps;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// `moves` is how often a head's stack has changed: who commits compares it.
/// `base`, `base_moves`: the parent as it was when the branch began.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS head (
    no INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    parent INTEGER REFERENCES head (no),
    state TEXT NOT NULL CHECK (state IN ('open', 'committed', 'discarded')),
    moves INTEGER NOT NULL,
    stack TEXT NOT NULL,
    base_moves INTEGER NOT NULL,
    base TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS head_name ON head (name) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS head_parent ON head (parent) WHERE state = 'open';
";

/// Raised when the schema changes its meaning.
const FORMAT: i64 = 1;

const COLUMNS: &str = "no, name, parent, state, moves, stack, base_moves, base";

/// Where a head is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can be changed, branched, committed and discarded.
    Open,
    /// Its parent has its changes.
    Committed,
    /// Nobody wanted its changes.
    Discarded,
}

/// A name for a stack of layers that changes over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number, never used again.
    pub no: i64,
    /// Its name, that of no other open head.
    pub name: String,
    /// The head that it is a branch of.
    pub parent: Option<i64>,
    /// Where it is in its life.
    pub state: State,
    /// How often its stack has changed.
    pub moves: i64,
    /// Its layers, the lowest first.
    pub stack: Vec<LayerId>,
    /// How often its parent's had when it began.
    pub base_moves: i64,
    /// Its parent's layers when it began.
    pub base: Vec<LayerId>,
}

/// How safe a write is when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    /// On disk.
    Disk,
    /// From a crash of the process. A failure of the machine's power may undo it, together
    /// with all after it that is not on disk.
    Process,
}

/// The table.
#[derive(Debug)]
pub struct Heads {
    file: PathBuf,
    connection: Mutex<Connected>,
    steps: Steps,
}

#[derive(Debug)]
struct Connected {
    connection: Connection,
    /// How it syncs now.
    safe: Option<Safe>,
}

impl Heads {
    pub fn open(file: &Path, steps: Steps) -> Result<Heads, Error> {
        let connection = sqlite::open(file, SCHEMA, FORMAT)?;
        Ok(Heads {
            file: file.to_owned(),
            connection: Mutex::new(Connected { connection, safe: None }),
            steps,
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connected> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads in one snapshot.
    pub fn read<T>(&self, read: impl FnOnce(&Table<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut connected = self.connection();
        let transaction =
            connected.connection.transaction().map_err(|error| failed(&self.file, error))?;
        read(&Table { transaction, file: &self.file })
    }

    /// Writes all or nothing.
    pub fn write<T>(
        &self,
        safe: Safe,
        write: impl FnOnce(&Table<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let failed = |error| failed(&self.file, error);
        let mut connected = self.connection();
        if connected.safe != Some(safe) {
            let level = if safe == Safe::Disk { "FULL" } else { "NORMAL" };
            connected.connection.pragma_update(None, "synchronous", level).map_err(failed)?;
            connected.safe = Some(safe);
        }
        let begin = TransactionBehavior::Immediate;
        let transaction = connected.connection.transaction_with_behavior(begin).map_err(failed)?;
        let table = Table { transaction, file: &self.file };
        let written = write(&table)?;
        self.steps.at("commit the heads");
        table.transaction.commit().map_err(failed)?;
        self.steps.at("the heads are committed");
        Ok(written)
    }
}

/// The table within a transaction.
pub struct Table<'c> {
    transaction: Transaction<'c>,
    file: &'c Path,
}

impl Table<'_> {
    fn failed(&self, error: rusqlite::Error) -> Error {
        failed(self.file, error)
    }

    /// The open head of a name, or the last that had it.
    pub fn named(&self, name: &str) -> Result<Head, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM head WHERE name = ?1 ORDER BY state = 'open' DESC, no DESC LIMIT 1"
        );
        let head = self.one(&sql, name)?;
        head.ok_or_else(|| Error::Missing(format!("branch `{name}`")))
    }

    pub fn numbered(&self, no: i64) -> Result<Head, Error> {
        let sql = format!("SELECT {COLUMNS} FROM head WHERE no = ?1");
        self.one(&sql, no)?.ok_or_else(|| Error::Missing(format!("branch {no}")))
    }

    fn one(&self, sql: &str, key: impl rusqlite::ToSql) -> Result<Option<Head>, Error> {
        let mut statement = self.transaction.prepare_cached(sql).map_err(|e| self.failed(e))?;
        let found = statement.query_row([key], head).optional().map_err(|e| self.failed(e))?;
        Ok(found)
    }

    /// All open heads, the oldest first.
    pub fn open(&self) -> Result<Vec<Head>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM head WHERE state = 'open' ORDER BY no");
        let mut statement = self.transaction.prepare_cached(&sql).map_err(|e| self.failed(e))?;
        let rows = statement.query_map([], head).map_err(|e| self.failed(e))?;
        rows.collect::<Result<_, _>>().map_err(|e| self.failed(e))
    }

    /// The open branches of a head.
    pub fn branches(&self, no: i64) -> Result<Vec<Head>, Error> {
        let sql =
            format!("SELECT {COLUMNS} FROM head WHERE parent = ?1 AND state = 'open' ORDER BY no");
        let mut statement = self.transaction.prepare_cached(&sql).map_err(|e| self.failed(e))?;
        let rows = statement.query_map([no], head).map_err(|e| self.failed(e))?;
        rows.collect::<Result<_, _>>().map_err(|e| self.failed(e))
    }

    /// A new open head: a root without a parent, or a branch of it as it is.
    pub fn insert(
        &self,
        name: &str,
        stack: &[LayerId],
        parent: Option<&Head>,
    ) -> Result<Head, Error> {
        let sql = "INSERT INTO head (name, parent, state, moves, stack, base_moves, base)
                   VALUES (?1, ?2, 'open', 0, ?3, ?4, ?3)";
        let mut statement = self.transaction.prepare_cached(sql).map_err(|e| self.failed(e))?;
        let base_moves = parent.map_or(0, |parent| parent.moves);
        let parent = parent.map(|parent| parent.no);
        match statement.execute((name, parent, list(stack), base_moves)) {
            Ok(_) => self.numbered(self.transaction.last_insert_rowid()),
            Err(error) if is_duplicate(&error) => Err(Error::NotNow {
                branch: name.to_owned(),
                why: "is the name of an open branch already; take another".to_owned(),
            }),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Gives an open head another stack, if it is as it was read. Whether it was.
    pub fn advance(&self, head: &Head, stack: &[LayerId]) -> Result<bool, Error> {
        let sql = "UPDATE head SET stack = ?1, moves = moves + 1
                   WHERE no = ?2 AND moves = ?3 AND state = 'open'";
        let mut statement = self.transaction.prepare_cached(sql).map_err(|e| self.failed(e))?;
        let changed = statement.execute((list(stack), head.no, head.moves));
        Ok(changed.map_err(|e| self.failed(e))? == 1)
    }

    /// Ends an open head's life, if it is as it was read. Whether it was.
    pub fn close(&self, head: &Head, state: State) -> Result<bool, Error> {
        let sql = "UPDATE head SET state = ?1 WHERE no = ?2 AND moves = ?3 AND state = 'open'";
        let mut statement = self.transaction.prepare_cached(sql).map_err(|e| self.failed(e))?;
        let changed = statement.execute((word(state), head.no, head.moves));
        Ok(changed.map_err(|e| self.failed(e))? == 1)
    }
}

fn is_duplicate(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

fn word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Committed => "committed",
        State::Discarded => "discarded",
    }
}

/// Layers as text: ids with a space between them.
fn list(stack: &[LayerId]) -> String {
    stack.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    let stack = |column: usize| {
        let text: String = row.get(column)?;
        let ids = text.split_ascii_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>();
        ids.map_err(|bad: crate::hash::BadHash| {
            rusqlite::Error::FromSqlConversionFailure(
                column,
                rusqlite::types::Type::Text,
                bad.into(),
            )
        })
    };
    let state: String = row.get(3)?;
    let states = [State::Open, State::Committed, State::Discarded];
    Ok(Head {
        no: row.get(0)?,
        name: row.get(1)?,
        parent: row.get(2)?,
        // The table's check lets nothing else in.
        state: states.into_iter().find(|known| word(*known) == state).unwrap_or(State::Discarded),
        moves: row.get(4)?,
        stack: stack(5)?,
        base_moves: row.get(6)?,
        base: stack(7)?,
    })
}
