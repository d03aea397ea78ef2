//! What a database must offer for the shared SQL to run on it.

use super::header::{Header, Newest};
use super::turn::{Append, KeptTurn, NewTurn, StretchEnd};
use super::value::{Row, Value};
use crate::Error;
use greenroom_model::{ProcessNo, Seq};

/// A database.
pub trait Dialect: Send + Sync + Sized {
    /// Runs `work` in one transaction that is durable when this returns, and
    /// rolled back if `work` or the commit fails. Writers come one by one.
    fn write<T>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error>;

    /// Runs `work` on one snapshot.
    fn read<T>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error>;

    /// Makes sure no other live node commits to this store.
    fn claim(&self, owner: &str) -> Result<(), Error>;

    /// The database's own check of its files, if it has one: what is wrong.
    fn check_files(&self) -> Result<Vec<String>, Error>;

    /// What it is, without credentials.
    fn describe(&self) -> String;
}

/// A transaction, or a snapshot to read from.
///
/// Statements name their values `$1`, `$2`, … in the order of their first
/// appearance, so that both databases take the same text.
pub trait Tx {
    /// The rows a statement returns.
    fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error>;

    /// Runs the statement for each `width` values: the rows of each run.
    fn query_each(
        &mut self,
        sql: &str,
        width: usize,
        values: &[Value<'_>],
    ) -> Result<Vec<Vec<Row>>, Error>;

    /// Runs the statement for each `width` values.
    fn execute_each(&mut self, sql: &str, width: usize, values: &[Value<'_>]) -> Result<(), Error>;

    /// Inserts rows, each as many values as `columns` names.
    fn insert(&mut self, table: &str, columns: &[&str], values: &[Value<'_>]) -> Result<(), Error>;

    /// Deletes the rows with these keys, each as many values as `columns` names.
    fn delete(&mut self, table: &str, columns: &[&str], keys: &[Value<'_>]) -> Result<(), Error>;

    /// The rows in which `column` has one of these values, in no order.
    fn find(&mut self, select: &str, column: &str, values: &[Value<'_>])
    -> Result<Vec<Row>, Error>;

    /// The hot call: for each turn, if its process has `expect_seq` events,
    /// appends the turn and moves the process's row on. Says for each whether
    /// it did. No process is named twice.
    fn append(&mut self, turns: &[Append<'_>]) -> Result<Vec<bool>, Error>;

    /// Writes turns of processes that are being started.
    fn insert_turns(&mut self, turns: &[NewTurn<'_>]) -> Result<(), Error>;

    /// The turns of a process, oldest first, from the one that holds the event
    /// `begin` on, and one before it, whose sum they go on from. `head` is the
    /// row's link to the last turn.
    fn history(
        &mut self,
        process: ProcessNo,
        head: i64,
        begin: Seq,
    ) -> Result<Vec<KeptTurn>, Error>;

    /// Where stretches of `turns` turns end in a process's journal, oldest first,
    /// after the end `after`. Reads no events.
    fn stretches(
        &mut self,
        process: ProcessNo,
        head: i64,
        after: Option<StretchEnd>,
        turns: usize,
    ) -> Result<Vec<StretchEnd>, Error>;

    /// As [`Tx::history`], but only up to the turn `last`.
    fn stretch(
        &mut self,
        process: ProcessNo,
        begin: Seq,
        last: StretchEnd,
    ) -> Result<Vec<KeptTurn>, Error>;

    /// One turn: by its number, or where turns have none by an event of it.
    fn turn(&mut self, no: i64, process: ProcessNo, seq: Seq) -> Result<Option<KeptTurn>, Error>;

    /// The newest turn, if turns have numbers here.
    fn newest_turn(&mut self) -> Result<Option<Newest>, Error>;

    /// What `keep` was given in the last transaction, if that was committed and
    /// nobody has written since.
    fn kept(&mut self) -> Option<Header> {
        None
    }

    /// Hands over what the next transaction need not read.
    fn keep(&mut self, _header: Header) {}

    /// What to add to a `select` whose rows this transaction will change.
    fn lock_rows(&self) -> &'static str;
}
