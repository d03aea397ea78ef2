//! Rows: images, boxes, and what was run in them. Knows no files of boxes and no sandboxes.

use crate::build::Image;
use crate::error::Error;
use crate::hash::{ImageId, LayerId};
use crate::network::Decision;
use crate::sandbox::Usage;
use crate::spec::{Granted, Rights};
use crate::sqlite;
use rusqlite::{Connection, Params, Row, TransactionBehavior};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

mod standing;
#[cfg(test)]
mod tests;

pub use standing::SealedRow;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS image (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    built_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS image_name ON image (name, built_ms);
CREATE TABLE IF NOT EXISTS box (
    name TEXT PRIMARY KEY,
    image TEXT NOT NULL,
    owner TEXT,
    made_ms INTEGER NOT NULL,
    sandbox INTEGER,
    mounted TEXT,
    boot TEXT,
    loss TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS box_owner ON box (owner) WHERE owner IS NOT NULL;
CREATE TABLE IF NOT EXISTS within (
    box TEXT PRIMARY KEY,
    rights TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mailbox (
    box TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (box, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sealed (
    box TEXT PRIMARY KEY,
    was TEXT NOT NULL,
    now TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS frozen (
    box TEXT PRIMARY KEY
) STRICT;
CREATE TABLE IF NOT EXISTS granted (
    box TEXT PRIMARY KEY,
    secrets TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exec (
    no INTEGER PRIMARY KEY,
    box TEXT NOT NULL,
    argv TEXT NOT NULL,
    began_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    ending TEXT,
    usage TEXT,
    output TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS exec_box ON exec (box, no);
CREATE TABLE IF NOT EXISTS decision (
    no INTEGER PRIMARY KEY,
    box TEXT NOT NULL,
    decision TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS decision_box ON decision (box, no);
CREATE TABLE IF NOT EXISTS snapshot (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    image TEXT NOT NULL,
    stack TEXT NOT NULL
) STRICT;
";

/// Raised when the schema changes its meaning.
const FORMAT: i64 = 1;

/// So many decisions of a box's network are kept: a box can ask for any number.
const DECISIONS_MAX: i64 = 1000;

/// So many commands of a box have their long output kept, of up to 256 MiB each: the last ones.
const OUTPUTS_MAX: i64 = 16;

/// A box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoxRow {
    /// Its name, which is also its head's and its host name.
    pub name: String,
    /// What it was started from.
    pub image: ImageId,
    /// Who disposes of it: a process's id, say. Nobody: a person.
    pub owner: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: u64,
    /// The sandbox that has run it last: the number in the name of its folder of writes.
    #[serde(skip)]
    pub sandbox: Option<u64>,
    /// The layers below that sandbox.
    #[serde(skip)]
    pub mounted: Vec<LayerId>,
    /// The machine's boot that it was started in.
    #[serde(skip)]
    pub boot: Option<String>,
    /// What a crash has taken from it, until somebody seals it again.
    pub loss: Option<Loss>,
    /// What its owner lets it do by the hub, of what its image asks for; `None`: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Rights>,
}

/// What a crash has taken from a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Its processes. Its files are as they were.
    Processes,
    /// Its processes, and perhaps some of what it had written since it was sealed last: the
    /// machine itself went down, and nobody knows what of that had reached the disk.
    #[serde(alias = "writes")]
    Unsynced,
}

/// A command that was run in a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExecRow {
    /// Its number.
    pub no: i64,
    /// The box.
    #[serde(rename = "box")]
    pub name: String,
    /// The command.
    pub argv: Vec<String>,
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// When it ended; `None` while it runs, and for ever if who had it run died.
    pub ended_ms: Option<u64>,
    /// How.
    pub ending: Option<Ending>,
    /// What it used.
    pub usage: Option<Usage>,
    /// A layer with the files `stdout` and `stderr`, where they were too long to be given back;
    /// kept of the box's last 16 commands that had one.
    pub output: Option<LayerId>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Killed, with all it had started, because its time was up.
    TimedOut,
}

/// The rows.
#[derive(Debug)]
pub struct Records {
    file: PathBuf,
    connection: Mutex<Connection>,
}

const BOX: &str = "name, image, owner, made_ms, sandbox, mounted, boot, loss, \
                   (SELECT rights FROM within WHERE within.box = name)";
const EXEC: &str = "no, box, argv, began_ms, ended_ms, ending, usage, output";

impl Records {
    pub fn open(file: &Path) -> Result<Records, Error> {
        let connection = sqlite::open(file, SCHEMA, FORMAT)?;
        let normal = connection.pragma_update(None, "synchronous", "NORMAL");
        normal.map_err(|error| failed(file, error))?;
        Ok(Records { file: file.to_owned(), connection: Mutex::new(connection) })
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection).map_err(|error| failed(&self.file, error))
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map(params, read)?.collect()
        })
    }

    pub(super) fn change(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.with(|connection| connection.prepare_cached(sql)?.execute(params))
    }

    /// A change that is on disk when this returns, with all before it.
    pub(super) fn change_for_good(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.with(|connection| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            let changed = connection.prepare_cached(sql)?.execute(params);
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            changed
        })
    }

    pub fn keep_image(&self, image: &Image, built_ms: u64) -> Result<(), Error> {
        let sql = "INSERT INTO image (id, name, image, built_ms) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (id) DO UPDATE SET built_ms = excluded.built_ms";
        let row = (image.id.to_string(), &image.name, json(image), signed(built_ms));
        self.change_for_good(sql, row).map(drop)
    }

    /// The image of an id, or the one of a name that was built last.
    pub fn image(&self, name: &str) -> Result<Option<Image>, Error> {
        let sql = "SELECT image FROM image WHERE id = ?1 OR name = ?1 \
                   ORDER BY id = ?1 DESC, built_ms DESC LIMIT 1";
        Ok(self.all(sql, [name], |row| parsed(row, 0))?.pop())
    }

    /// All images with when they were built, the newest first.
    pub fn images(&self) -> Result<Vec<(Image, u64)>, Error> {
        let sql = "SELECT image, built_ms FROM image ORDER BY built_ms DESC, name";
        self.all(sql, [], |row| Ok((parsed(row, 0)?, unsigned(row.get(1)?))))
    }

    pub fn forget_image(&self, id: ImageId) -> Result<bool, Error> {
        Ok(self.change("DELETE FROM image WHERE id = ?1", [id.to_string()])? > 0)
    }

    pub fn insert(&self, row: &BoxRow) -> Result<(), Error> {
        self.with(|connection| {
            let begin = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(begin)?;
            let sql = "INSERT INTO box (name, image, owner, made_ms) VALUES (?1, ?2, ?3, ?4)";
            let columns = (&row.name, row.image.to_string(), &row.owner, signed(row.made_ms));
            transaction.execute(sql, columns)?;
            if let Some(within) = &row.within {
                let sql = "INSERT INTO within (box, rights) VALUES (?1, ?2)";
                transaction.execute(sql, (&row.name, json(within)))?;
            }
            transaction.commit()
        })
    }

    pub fn find(&self, name: &str) -> Result<Option<BoxRow>, Error> {
        let sql = format!("SELECT {BOX} FROM box WHERE name = ?1");
        Ok(self.all(&sql, [name], boxed)?.pop())
    }

    pub fn list(&self) -> Result<Vec<BoxRow>, Error> {
        self.all(&format!("SELECT {BOX} FROM box ORDER BY made_ms, name"), [], boxed)
    }

    pub fn of_owner(&self, owner: &str) -> Result<Vec<BoxRow>, Error> {
        let sql = format!("SELECT {BOX} FROM box WHERE owner = ?1 ORDER BY made_ms, name");
        self.all(&sql, [owner], boxed)
    }

    pub fn owners(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT DISTINCT owner FROM box WHERE owner IS NOT NULL ORDER BY owner";
        self.all(sql, [], |row| row.get(0))
    }

    pub fn lose(&self, name: &str, loss: Option<Loss>) -> Result<(), Error> {
        let loss = loss.map(|loss| json(&loss));
        self.change("UPDATE box SET loss = ?2 WHERE name = ?1", (name, loss)).map(drop)
    }

    /// Removes a box with what is known of its commands.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.with(|connection| {
            let begin = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(begin)?;
            transaction.execute("DELETE FROM exec WHERE box = ?1", [name])?;
            transaction.execute("DELETE FROM decision WHERE box = ?1", [name])?;
            transaction.execute("DELETE FROM within WHERE box = ?1", [name])?;
            transaction.execute("DELETE FROM sealed WHERE box = ?1", [name])?;
            transaction.execute("DELETE FROM frozen WHERE box = ?1", [name])?;
            transaction.execute("DELETE FROM granted WHERE box = ?1", [name])?;
            transaction.execute("DELETE FROM box WHERE name = ?1", [name])?;
            transaction.commit()
        })
    }

    /// The hub is about to keep something for the box of this name and number.
    pub fn add_mailbox(&self, name: &str, number: u64) -> Result<(), Error> {
        let sql = "INSERT INTO mailbox (box, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.change(sql, (name, signed(number))).map(drop)
    }

    /// Of which boxes it may keep something.
    pub fn mailboxes(&self) -> Result<Vec<(String, u64)>, Error> {
        let sql = "SELECT box, number FROM mailbox ORDER BY box, number";
        self.all(sql, [], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))
    }

    /// It keeps nothing of this one.
    pub fn remove_mailbox(&self, name: &str, number: u64) -> Result<(), Error> {
        let sql = "DELETE FROM mailbox WHERE box = ?1 AND number = ?2";
        self.change(sql, (name, signed(number))).map(drop)
    }

    /// The secrets that a box is given, of those that its image asks for.
    pub fn grant(&self, name: &str, granted: &Granted) -> Result<(), Error> {
        let sql = "INSERT INTO granted (box, secrets) VALUES (?1, ?2) \
                   ON CONFLICT (box) DO UPDATE SET secrets = excluded.secrets";
        match granted.is_empty() {
            true => self.change("DELETE FROM granted WHERE box = ?1", [name]).map(drop),
            false => self.change(sql, (name, json(granted))).map(drop),
        }
    }

    /// What was granted; nothing where nothing is written down.
    pub fn granted(&self, name: &str) -> Result<Granted, Error> {
        let sql = "SELECT secrets FROM granted WHERE box = ?1";
        Ok(self.all(sql, [name], |row| parsed(row, 0))?.pop().unwrap_or_default())
    }

    /// A command begins. Its number.
    pub fn begin_exec(&self, name: &str, argv: &[String], now_ms: u64) -> Result<i64, Error> {
        self.with(|connection| {
            let sql = "INSERT INTO exec (box, argv, began_ms) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute((name, json(argv), signed(now_ms)))?;
            Ok(connection.last_insert_rowid())
        })
    }

    pub fn end_exec(
        &self,
        no: i64,
        now_ms: u64,
        ending: Ending,
        usage: Usage,
        output: Option<LayerId>,
    ) -> Result<(), Error> {
        let sql =
            "UPDATE exec SET ended_ms = ?2, ending = ?3, usage = ?4, output = ?5 WHERE no = ?1";
        let output = output.map(|id| id.to_string());
        let kept = output.is_some();
        self.change(sql, (no, signed(now_ms), json(&ending), json(&usage), output))?;
        if kept {
            let sql = "UPDATE exec SET output = NULL WHERE output IS NOT NULL \
                       AND box = (SELECT box FROM exec WHERE no = ?1) AND no <= \
                       (SELECT no FROM exec WHERE output IS NOT NULL AND box = \
                       (SELECT box FROM exec WHERE no = ?1) ORDER BY no DESC LIMIT 1 OFFSET ?2)";
            self.change(sql, (no, OUTPUTS_MAX))?;
        }
        Ok(())
    }

    /// The commands of a box, the oldest first; of all boxes without a name.
    pub fn execs(&self, name: Option<&str>) -> Result<Vec<ExecRow>, Error> {
        let sql = format!("SELECT {EXEC} FROM exec WHERE ?1 IS NULL OR box = ?1 ORDER BY no");
        self.all(&sql, [name], exec)
    }

    pub fn has_exec(&self, name: &str, no: i64) -> Result<bool, Error> {
        let sql = "SELECT no FROM exec WHERE no = ?1 AND box = ?2";
        Ok(!self.all(sql, (no, name), |row| row.get::<_, i64>(0))?.is_empty())
    }

    /// The oldest of a box go when there are many.
    pub fn decided(&self, decision: &Decision) -> Result<(), Error> {
        let sql = "INSERT INTO decision (box, decision) VALUES (?1, ?2)";
        self.change(sql, (&decision.box_id, json(decision)))?;
        let sql = "DELETE FROM decision WHERE box = ?1 AND no <= \
                   (SELECT no FROM decision WHERE box = ?1 ORDER BY no DESC LIMIT 1 OFFSET ?2)";
        self.change(sql, (&decision.box_id, DECISIONS_MAX)).map(drop)
    }

    pub fn decisions(&self, name: &str) -> Result<Vec<Decision>, Error> {
        let sql = "SELECT decision FROM decision WHERE box = ?1 ORDER BY no";
        self.all(sql, [name], |row| parsed(row, 0))
    }

    pub fn keep_snapshot(
        &self,
        id: &str,
        owner: &str,
        image: ImageId,
        stack: &[LayerId],
    ) -> Result<(), Error> {
        let sql = "INSERT INTO snapshot (id, owner, image, stack) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (id) DO NOTHING";
        self.change(sql, (id, owner, image.to_string(), json(stack))).map(drop)
    }

    /// An owner of a snapshot of a box that was started from this image, if there is one.
    pub fn snapshot_of(&self, image: ImageId) -> Result<Option<String>, Error> {
        let sql = "SELECT owner FROM snapshot WHERE image = ?1 LIMIT 1";
        Ok(self.all(sql, [image.to_string()], |row| row.get(0))?.pop())
    }

    pub fn forget_snapshots(&self, owner: &str) -> Result<usize, Error> {
        self.change("DELETE FROM snapshot WHERE owner = ?1", [owner])
    }

    /// All layers that snapshots keep, and those that boxes which run were last sealed as.
    pub fn snapshots(&self) -> Result<Vec<Vec<LayerId>>, Error> {
        let sql = "SELECT stack FROM snapshot UNION ALL SELECT was FROM sealed \
                   UNION ALL SELECT now FROM sealed";
        self.all(sql, [], |row| parsed(row, 0))
    }
}

fn boxed(row: &Row<'_>) -> rusqlite::Result<BoxRow> {
    let sandbox: Option<i64> = row.get(4)?;
    let mounted: Option<String> = row.get(5)?;
    let loss: Option<String> = row.get(7)?;
    let within: Option<String> = row.get(8)?;
    Ok(BoxRow {
        name: row.get(0)?,
        image: text(row, 1)?,
        owner: row.get(2)?,
        made_ms: unsigned(row.get(3)?),
        sandbox: sandbox.map(unsigned),
        mounted: mounted.map_or(Ok(Vec::new()), |json| read(5, &json))?,
        boot: row.get(6)?,
        loss: loss.map(|json| read(7, &json)).transpose()?,
        within: within.map(|json| read(8, &json)).transpose()?,
    })
}

fn exec(row: &Row<'_>) -> rusqlite::Result<ExecRow> {
    let optional = |index: usize| row.get::<_, Option<String>>(index);
    let ended: Option<i64> = row.get(4)?;
    Ok(ExecRow {
        no: row.get(0)?,
        name: row.get(1)?,
        argv: parsed(row, 2)?,
        began_ms: unsigned(row.get(3)?),
        ended_ms: ended.map(unsigned),
        ending: optional(5)?.map(|json| read(5, &json)).transpose()?,
        usage: optional(6)?.map(|json| read(6, &json)).transpose()?,
        output: optional(7)?.map(|_| text(row, 7)).transpose()?,
    })
}

fn text<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<T> {
    row.get::<_, String>(index)?.parse().map_err(|error| unreadable(index, Box::new(error)))
}

fn parsed<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    read(index, &row.get::<_, String>(index)?)
}

fn read<T: DeserializeOwned>(index: usize, json: &str) -> rusqlite::Result<T> {
    serde_json::from_str(json).map_err(|error| unreadable(index, Box::new(error)))
}

fn unreadable(index: usize, error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error)
}

/// Plain data of ours has no map with keys that are no text, so this cannot fail.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn failed(file: &Path, error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..) => {
            Error::Damaged(format!("{}: {error}", file.display()))
        }
        error => sqlite::failed(file, error),
    }
}
