//! The table `watch`: which operation of whom hears of whose end.

use super::dialect::Tx;
use super::seal::Seal;
use super::value::Value;
use crate::Error;
use greenroom_model::{Op, ProcessNo};

/// `op` of `watcher` hears of the end of `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Watching {
    pub target: ProcessNo,
    pub watcher: ProcessNo,
    pub op: Op,
}

impl Watching {
    fn seal(self) -> i64 {
        Seal::of("watch").int(self.target.0).int(self.watcher.0).int(self.op.0 as i64).done()
    }
}

/// Begins to watch; a watch that is there already stays one.
pub(super) fn insert(tx: &mut dyn Tx, watches: &[Watching]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = watches
        .iter()
        .flat_map(|watch| {
            [watch.target.0, watch.watcher.0, watch.op.0 as i64, watch.seal()].map(Value::Int)
        })
        .collect();
    let sql = "insert into watch (target, watcher, op, sum) values ($1, $2, $3, $4) \
               on conflict do nothing";
    tx.execute_each(sql, 4, &values)
}

/// Who watches each of these, by watcher and operation.
pub(super) fn of_each(tx: &mut dyn Tx, targets: &[ProcessNo]) -> Result<Vec<Vec<Watching>>, Error> {
    let sql = "select watcher, op, sum from watch where target = $1 order by watcher, op";
    let values: Vec<Value<'_>> = targets.iter().map(|no| Value::Int(no.0)).collect();
    let found = tx.query_each(sql, 1, &values)?;
    let read = |(target, rows): (&ProcessNo, Vec<super::Row>)| {
        rows.into_iter()
            .map(|mut row| {
                let (watcher, op) = (ProcessNo(row.int()?), Op(row.int()? as u64));
                let watching = Watching { target: *target, watcher, op };
                if row.int()? == watching.seal() {
                    return Ok(watching);
                }
                Err(Error::corrupt(format!("a watch on process number {target}")))
            })
            .collect()
    };
    targets.iter().zip(found).map(read).collect()
}

/// Ends single watches.
pub(super) fn delete(tx: &mut dyn Tx, watches: &[Watching]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = watches
        .iter()
        .flat_map(|watch| [watch.target.0, watch.watcher.0, watch.op.0 as i64].map(Value::Int))
        .collect();
    let sql = "delete from watch where target = $1 and watcher = $2 and op = $3";
    tx.execute_each(sql, 3, &values)
}

/// Ends the watch of each of these operations.
pub(super) fn delete_ops(tx: &mut dyn Tx, ops: &[(ProcessNo, Op)]) -> Result<(), Error> {
    let values: Vec<Value<'_>> =
        ops.iter().flat_map(|(no, op)| [Value::Int(no.0), Value::Int(op.0 as i64)]).collect();
    tx.execute_each("delete from watch where watcher = $1 and op = $2", 2, &values)
}

/// Forgets who watches these, and whom they watch.
pub(super) fn clear(tx: &mut dyn Tx, ended: &[ProcessNo]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = ended.iter().map(|no| Value::Int(no.0)).collect();
    tx.execute_each("delete from watch where target = $1", 1, &values)?;
    tx.execute_each("delete from watch where watcher = $1", 1, &values)
}
