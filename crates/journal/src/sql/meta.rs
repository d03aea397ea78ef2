//! The one row of the table `meta`: the format, the latest time seen, and the
//! last number given out of each kind.
//!
//! A page less to write with most commits: where the newest turn can be found
//! again, its number and its time say what the row would, and the row is
//! written only if something else has changed.

use super::dialect::Tx;
use super::header::{Meta, Newest, Numbers};
use super::seal::Seal;
use super::value::{Row, Value};
use crate::Error;
use greenroom_model::Millis;

/// The format this binary writes.
pub(crate) const FORMAT: i64 = 1;

const COLUMNS: &str = "format, seen, processes, messages, letters, turns, mark";

impl Numbers {
    fn read(mut row: Row) -> Result<Numbers, Error> {
        let format = row.int()?;
        if format > FORMAT {
            return Err(Error::Format { found: format, known: FORMAT });
        }
        let seen = Millis(row.int()? as u64);
        let (processes, messages) = (row.int()?, row.int()?);
        let (letters, turns) = (row.int()?, row.int()?);
        let numbers = Numbers { format, seen, processes, messages, letters, turns };
        if row.int()? == numbers.mark() {
            Ok(numbers)
        } else {
            Err(Error::corrupt("the row of meta"))
        }
    }

    /// With what the newest turn shows.
    fn with(mut self, newest: Option<Newest>) -> Numbers {
        if let Some(Newest { no, at }) = newest {
            self.turns = self.turns.max(no);
            self.seen = self.seen.max(at);
        }
        self
    }

    fn mark(&self) -> i64 {
        let seal = Seal::of("meta").int(self.format).int(self.seen.0 as i64);
        seal.int(self.processes).int(self.messages).int(self.letters).int(self.turns).done()
    }
}

impl Meta {
    /// Reads the row, for a transaction that will change it.
    pub fn read(tx: &mut dyn Tx) -> Result<Meta, Error> {
        let lock = tx.lock_rows();
        let rows = tx.query(&format!("select {COLUMNS} from meta{lock}"), &[])?;
        let Some(row) = rows.into_iter().next() else {
            return Err(Error::corrupt("the table meta is empty"));
        };
        let row = Numbers::read(row)?;
        let newest = tx.newest_turn()?;
        let now = row.with(newest);
        Ok(Meta { now, row, newest })
    }

    /// Writes the row of a new store.
    pub fn begin(tx: &mut dyn Tx) -> Result<(), Error> {
        let numbers = Numbers {
            format: FORMAT,
            seen: Millis(0),
            processes: 0,
            messages: 0,
            letters: 0,
            turns: 0,
        };
        let sql = "insert into meta (one, format, seen, processes, messages, letters, turns, mark) \
                   values (1, $1, 0, 0, 0, 0, 0, $2)";
        tx.execute_each(sql, 2, &[Value::Int(FORMAT), Value::Int(numbers.mark())])
    }

    /// Writes the row, unless all that has changed is found without it.
    pub fn write(&mut self, tx: &mut dyn Tx) -> Result<(), Error> {
        let now = self.now;
        if now == self.row.with(self.newest) {
            return Ok(());
        }
        let sql = "update meta set seen = $1, processes = $2, messages = $3, letters = $4, \
                   turns = $5, mark = $6";
        let numbers =
            [now.seen.0 as i64, now.processes, now.messages, now.letters, now.turns, now.mark()];
        tx.execute_each(sql, numbers.len(), &numbers.map(Value::Int))?;
        self.row = now;
        Ok(())
    }

    /// The latest point in time a commit carried.
    pub fn seen(&self) -> Millis {
        self.now.seen
    }

    /// Takes in the time of a commit.
    pub fn see(&mut self, at: Millis) {
        self.now.seen = self.now.seen.max(at);
    }

    /// Takes in that a turn was appended under the number it was given.
    pub fn appended(&mut self, no: i64, at: Millis) {
        self.newest = self.newest.map(|_| Newest { no, at });
    }

    /// The number of a new process.
    pub fn next_process(&mut self) -> i64 {
        next(&mut self.now.processes)
    }

    /// The number of a new message.
    pub fn next_message(&mut self) -> i64 {
        next(&mut self.now.messages)
    }

    /// The number of a new dead letter.
    pub fn next_letter(&mut self) -> i64 {
        next(&mut self.now.letters)
    }

    /// The number of a new turn.
    pub fn next_turn(&mut self) -> i64 {
        next(&mut self.now.turns)
    }
}

fn next(last: &mut i64) -> i64 {
    *last += 1;
    *last
}
