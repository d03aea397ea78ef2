//! The table `process`: one row each, moved on by every commit.
//!
//! `mark` guards what moves with every turn, `seal` what stays, `exit_seal`
//! the exit.

use super::dialect::Tx;
use super::seal::Seal;
use super::value::{Row, Value};
use crate::{Error, ProcessRow};
use greenroom_model::{
    Exit, Kind, Mark, Millis, Op, ProcessId, ProcessNo, Seq, Shard, Status, Sum,
};

/// The columns of a whole row, in the order `Kept::read` takes them.
pub(super) const COLUMNS: &str = "no, id, kind, version, shard, parent, parent_op, detached, root, hops, \
    started_at, seal, seq, sum, segment, status, wake_at, changed_at, mark, head, exit, exit_seal";

/// The columns `Brief::read` takes.
pub(super) const BRIEF: &str = "no, id, seq, sum, segment, status, wake_at, changed_at, mark";

/// A whole row.
pub(super) struct Kept {
    pub row: ProcessRow,
    /// The store's link to the last turn.
    pub head: i64,
}

/// The part of a row that says whether a message can be delivered.
pub(super) struct Brief {
    pub no: ProcessNo,
    pub id: ProcessId,
    pub status: Status,
}

/// What never changes in a row, but for the kind.
struct Fixed<'a> {
    no: ProcessNo,
    id: &'a ProcessId,
    kind: &'a Kind,
    shard: Shard,
    parent: Option<(&'a str, i64)>,
    detached: bool,
    root: &'a str,
    hops: u32,
    started_at: Millis,
}

impl Fixed<'_> {
    fn seal(&self) -> i64 {
        let (parent, op) = self.parent.unzip();
        Seal::of("process")
            .int(self.no.0)
            .text(self.id.as_str())
            .text(&self.kind.name)
            .int(i64::from(self.kind.version))
            .int(self.shard.0)
            .text_or_null(parent)
            .int_or_null(op)
            .int(i64::from(self.detached))
            .text(self.root)
            .int(i64::from(self.hops))
            .int(self.started_at.0 as i64)
            .done()
    }
}

fn fixed(row: &ProcessRow) -> Fixed<'_> {
    Fixed {
        no: row.no,
        id: &row.id,
        kind: &row.kind,
        shard: row.shard,
        parent: row.parent.as_ref().zip(row.parent_op).map(|(id, op)| (id.as_str(), op.0 as i64)),
        detached: row.detached,
        root: &row.root,
        hops: row.hops,
        started_at: row.started_at,
    }
}

fn exit_seal(no: ProcessNo, exit: &str) -> i64 {
    Seal::of("exit").int(no.0).text(exit).done()
}

/// The kind of a process whose id or kind cannot be read.
const NAMELESS: &str = "unreadable";

fn damaged(id: &ProcessId, what: &str) -> Error {
    Error::corrupt(format!("the row of {id}: {what}"))
}

/// An id as a row holds it.
pub(super) fn read_id(text: &str) -> Result<ProcessId, Error> {
    ProcessId::parse(text).map_err(|error| Error::corrupt(format!("a row's id: {error}")))
}

/// What a row's `mark` guards.
struct Moving {
    seq: Seq,
    sum: Sum,
    segment: Seq,
    status: Status,
    wake_at: Option<Millis>,
    changed_at: Millis,
}

impl Moving {
    /// Reads it as it is, and says whether it is as it was written. If not, the
    /// status is `damaged`: what the row says cannot be relied on.
    fn read(row: &mut Row, id: &ProcessId) -> Result<(Moving, bool), Error> {
        let (seq, sum, segment) = (Seq(row.int()? as u64), Sum(row.int()?), Seq(row.int()? as u64));
        let status = Status::from_code(row.int()?).unwrap_or(Status::Damaged);
        let wake_at = row.int_or_null()?.map(|at| Millis(at as u64));
        let changed_at = Millis(row.int()? as u64);
        let mark = Mark(row.int()?);
        let is_whole = status != Status::Damaged
            && Mark::of(id, seq, sum, segment, status, wake_at, changed_at) == mark;
        let status = if is_whole { status } else { Status::Damaged };
        Ok((Moving { seq, sum, segment, status, wake_at, changed_at }, is_whole))
    }
}

impl Brief {
    /// Reads the columns `BRIEF`. A damaged row is one of a process that has
    /// not ended, as far as anyone knows: its mail is kept.
    pub fn read(mut row: Row) -> Result<Brief, Error> {
        let no = ProcessNo(row.int()?);
        let id = read_id(&row.text()?)?;
        let (moving, _) = Moving::read(&mut row, &id)?;
        Ok(Brief { no, id, status: moving.status })
    }

    /// Reads them with the time of the next wake-up. One that is damaged is
    /// due when it says: whoever loads it finds the damage, and the others are
    /// not held up by it.
    pub fn read_wake(mut row: Row) -> Result<Option<(Millis, ProcessNo)>, Error> {
        let no = ProcessNo(row.int()?);
        row.text()?;
        for _ in 0..4 {
            row.int()?;
        }
        Ok(row.int_or_null()?.map(|at| (Millis(at as u64), no)))
    }
}

/// What of a row cannot be right, the first thing that was found.
#[derive(Default)]
pub(super) struct Damage(Option<String>);

impl Damage {
    fn note(&mut self, what: impl Into<String>) {
        self.0.get_or_insert_with(|| what.into());
    }

    /// The value, or a stand-in for one that cannot be read.
    fn or<T>(&mut self, value: Result<T, Error>, stand_in: T, what: &str) -> T {
        value.unwrap_or_else(|_| {
            self.note(what);
            stand_in
        })
    }
}

impl Kept {
    /// Reads the columns `COLUMNS`.
    pub fn read(row: Row) -> Result<Kept, Error> {
        match Kept::read_whatever(row)? {
            (kept, Damage(None)) => Ok(kept),
            (kept, Damage(Some(what))) => Err(damaged(&kept.row.id, &what)),
        }
    }

    /// Reads what can be read of a row, for lists and for messages to it. If
    /// it is damaged its status says so.
    ///
    /// # Errors
    /// If not even its number can be read.
    pub fn read_whatever(mut row: Row) -> Result<(Kept, Damage), Error> {
        let mut damage = Damage::default();
        let no = ProcessNo(row.int()?);
        let id = row.text().and_then(|text| read_id(&text));
        let id = match id {
            Ok(id) => id,
            Err(error) => {
                damage.note(error.to_string());
                ProcessId::new(NAMELESS, &no.to_string())?
            }
        };
        let (name, version) = (row.text(), row.int());
        let kind = name.and_then(|name| {
            let version = u32::try_from(version?).map_err(|_| Error::corrupt("its version"))?;
            Ok(Kind::new(&name, version)?)
        });
        let kind = damage.or(kind, Kind::new(NAMELESS, 0)?, "its kind");
        let shard = Shard(damage.or(row.int(), 0, "its shard"));
        let parent = row.text_or_null().and_then(|text| text.map(|id| read_id(&id)).transpose());
        let parent = damage.or(parent, None, "its parent");
        let parent_op = damage.or(row.int_or_null(), None, "its parent's operation");
        let parent_op = parent_op.map(|op| Op(op as u64));
        let detached = damage.or(row.int(), 0, "whether it is detached") != 0;
        let root = damage.or(row.text(), String::new(), "its root");
        let hops =
            row.int().and_then(|hops| u32::try_from(hops).map_err(|_| Error::corrupt("its hops")));
        let hops = damage.or(hops, 0, "its hops");
        let started_at = Millis(damage.or(row.int(), 0, "its start") as u64);
        let seal = damage.or(row.int(), 0, "its seal");
        let (moving, is_whole) = Moving::read(&mut row, &id)?;
        if !is_whole {
            damage.note("its mark does not match");
        }
        let head = damage.or(row.int(), 0, "its link to the last turn");
        let exit = read_exit(&mut row, no, &id).unwrap_or_else(|error| {
            damage.note(error.to_string());
            None
        });
        let Moving { seq, sum, segment, status, wake_at, changed_at } = moving;
        let mut row = ProcessRow {
            no,
            id,
            kind,
            shard,
            parent,
            parent_op,
            detached,
            root,
            hops,
            seq,
            sum,
            segment,
            status,
            wake_at,
            started_at,
            changed_at,
            exit,
        };
        if fixed(&row).seal() != seal {
            damage.note("its seal does not match");
        }
        if damage.0.is_some() {
            row.status = Status::Damaged;
        }
        Ok((Kept { row, head }, damage))
    }
}

fn read_exit(row: &mut Row, no: ProcessNo, id: &ProcessId) -> Result<Option<Exit>, Error> {
    let (text, seal) = (row.text_or_null()?, row.int_or_null()?);
    if text.as_deref().map(|text| exit_seal(no, text)) != seal {
        return Err(damaged(id, "the seal of its exit does not match"));
    }
    let Some(text) = text else { return Ok(None) };
    let exit = serde_json::from_str(&text);
    exit.map(Some).map_err(|error| damaged(id, &format!("its exit: {error}")))
}

/// The row of one process.
pub(super) fn by_no(tx: &mut dyn Tx, no: ProcessNo) -> Result<Option<Kept>, Error> {
    let sql = format!("select {COLUMNS} from process where no = $1");
    let rows = tx.query(&sql, &[Value::Int(no.0)])?;
    let kept = rows.into_iter().next().map(Kept::read).transpose()?;
    match kept {
        Some(kept) if kept.row.no != no => Err(damaged(&kept.row.id, "its number")),
        kept => Ok(kept),
    }
}

/// The row of the process of this name.
pub(super) fn by_id(tx: &mut dyn Tx, id: &ProcessId) -> Result<Option<Kept>, Error> {
    let sql = format!("select {COLUMNS} from process where id = $1");
    let rows = tx.query(&sql, &[Value::Text(id.as_str())])?;
    let kept = rows.into_iter().next().map(Kept::read).transpose()?;
    match kept {
        Some(kept) if kept.row.id != *id => Err(damaged(id, "its index")),
        kept => Ok(kept),
    }
}

/// A row to insert.
pub(super) struct NewProcess<'a> {
    pub row: ProcessRow,
    pub parent: Option<&'a (ProcessId, Op)>,
    pub head: i64,
    pub exit: Option<String>,
}

/// Inserts rows of new processes.
pub(super) fn insert(tx: &mut dyn Tx, news: &[NewProcess<'_>]) -> Result<(), Error> {
    const WIDTH: usize = 22;
    let columns: Vec<&str> = COLUMNS.split(", ").collect();
    let mut values: Vec<Value<'_>> = Vec::with_capacity(news.len() * WIDTH);
    for NewProcess { row, parent, head, exit } in news {
        let op = parent.map(|(_, op)| op.0 as i64);
        let exit = exit.as_deref();
        values.extend::<[Value<'_>; WIDTH]>([
            Value::Int(row.no.0),
            Value::Text(row.id.as_str()),
            Value::Text(&row.kind.name),
            Value::Int(i64::from(row.kind.version)),
            Value::Int(row.shard.0),
            parent.map(|(id, _)| id.as_str()).into(),
            op.into(),
            Value::Int(i64::from(row.detached)),
            Value::Text(&row.root),
            Value::Int(i64::from(row.hops)),
            Value::Int(row.started_at.0 as i64),
            Value::Int(fixed(row).seal()),
            Value::Int(row.seq.0 as i64),
            Value::Int(row.sum.0),
            Value::Int(row.segment.0 as i64),
            Value::Int(row.status.code()),
            row.wake_at.map(|at| at.0 as i64).into(),
            Value::Int(row.changed_at.0 as i64),
            Value::Int(row.mark().0),
            Value::Int(*head),
            exit.into(),
            exit.map(|exit| exit_seal(row.no, exit)).into(),
        ]);
    }
    tx.insert("process", &columns, &values)
}

/// Writes how processes ended.
pub(super) fn set_exits(tx: &mut dyn Tx, exits: &[(ProcessNo, String)]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = exits
        .iter()
        .flat_map(|(no, exit)| {
            [Value::Text(exit), Value::Int(exit_seal(*no, exit)), Value::Int(no.0)]
        })
        .collect();
    tx.execute_each("update process set exit = $1, exit_seal = $2 where no = $3", 3, &values)
}

/// Gives a process other code.
pub(super) fn set_kind(tx: &mut dyn Tx, no: ProcessNo, kind: &Kind) -> Result<(), Error> {
    let Some(mut kept) = by_no(tx, no)? else {
        return Ok(());
    };
    if kept.row.kind == *kind {
        return Ok(());
    }
    kept.row.kind = kind.clone();
    let seal = fixed(&kept.row).seal();
    let values = [
        Value::Text(&kind.name),
        Value::Int(i64::from(kind.version)),
        Value::Int(seal),
        Value::Int(no.0),
    ];
    let sql = "update process set kind = $1, version = $2, seal = $3 where no = $4";
    tx.execute_each(sql, values.len(), &values)
}
