//! The one row of the table `meta`: the format, the latest time seen, and the
//! last number given out of each kind. Every write transaction locks it.

use super::dialect::Tx;
use super::seal::Seal;
use super::value::Value;
use crate::Error;
use greenroom_model::Millis;

/// The format this binary writes.
pub(crate) const FORMAT: i64 = 1;

/// The row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    format: i64,
    /// The latest point in time a commit carried.
    pub seen: Millis,
    processes: i64,
    messages: i64,
    letters: i64,
    turns: i64,
}

impl Meta {
    /// Reads the row, for a transaction that will change it.
    pub fn read(tx: &mut dyn Tx) -> Result<Meta, Error> {
        let lock = tx.lock_rows();
        let sql = format!(
            "select format, seen, processes, messages, letters, turns, mark from meta{lock}"
        );
        let rows = tx.query(&sql, &[])?;
        let Some(mut row) = rows.into_iter().next() else {
            return Err(Error::corrupt("the table meta is empty"));
        };
        let format = row.int()?;
        if format > FORMAT {
            return Err(Error::Format {
                found: format,
                known: FORMAT,
            });
        }
        let seen = Millis(row.int()? as u64);
        let (processes, messages) = (row.int()?, row.int()?);
        let (letters, turns) = (row.int()?, row.int()?);
        let meta = Meta {
            format,
            seen,
            processes,
            messages,
            letters,
            turns,
        };
        if row.int()? == meta.mark() {
            Ok(meta)
        } else {
            Err(Error::corrupt("the row of meta"))
        }
    }

    /// Writes the row of a new store.
    pub fn begin(tx: &mut dyn Tx) -> Result<(), Error> {
        let seen = Millis(0);
        let meta = Meta {
            format: FORMAT,
            seen,
            processes: 0,
            messages: 0,
            letters: 0,
            turns: 0,
        };
        let sql = "insert into meta (one, format, seen, processes, messages, letters, turns, mark) \
                   values (1, $1, 0, 0, 0, 0, 0, $2)";
        tx.execute_each(sql, 2, &[Value::Int(FORMAT), Value::Int(meta.mark())])
    }

    /// Writes what has changed since `before`.
    pub fn write(&self, tx: &mut dyn Tx, before: &Meta) -> Result<(), Error> {
        if self == before {
            return Ok(());
        }
        let sql = "update meta set seen = $1, processes = $2, messages = $3, letters = $4, \
                   turns = $5, mark = $6";
        let numbers = [
            self.seen.0 as i64,
            self.processes,
            self.messages,
            self.letters,
            self.turns,
            self.mark(),
        ];
        tx.execute_each(sql, numbers.len(), &numbers.map(Value::Int))
    }

    fn mark(&self) -> i64 {
        let seal = Seal::of("meta").int(self.format).int(self.seen.0 as i64);
        seal.int(self.processes)
            .int(self.messages)
            .int(self.letters)
            .int(self.turns)
            .done()
    }

    /// The number of a new process.
    pub fn next_process(&mut self) -> i64 {
        next(&mut self.processes)
    }

    /// The number of a new message.
    pub fn next_message(&mut self) -> i64 {
        next(&mut self.messages)
    }

    /// The number of a new dead letter.
    pub fn next_letter(&mut self) -> i64 {
        next(&mut self.letters)
    }

    /// The number of a new turn.
    pub fn next_turn(&mut self) -> i64 {
        next(&mut self.turns)
    }
}

fn next(last: &mut i64) -> i64 {
    *last += 1;
    *last
}
