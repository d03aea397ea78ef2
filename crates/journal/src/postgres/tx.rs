//! A transaction as the shared SQL takes it.

use super::connection::ARRAYS;
use super::connection::Connection;
use super::pipeline::Pipeline;
use super::{append, history};
use crate::Error;
use crate::sql::{Append, KeptTurn, NewTurn, Newest, Row, StretchEnd, Tx, Value};
use greenroom_model::{ProcessNo, Seq};

/// A transaction that the caller ends.
pub(super) struct PostgresTx<'c> {
    pipeline: Pipeline<'c>,
    lock: &'static str,
}

impl<'c> PostgresTx<'c> {
    /// One that writes.
    pub fn write(connection: &'c mut Connection) -> PostgresTx<'c> {
        PostgresTx { pipeline: Pipeline::new(connection, Some("begin")), lock: " for update" }
    }

    /// One that writes and that the caller has begun.
    pub fn begun(connection: &'c mut Connection) -> PostgresTx<'c> {
        PostgresTx { pipeline: Pipeline::new(connection, None), lock: " for update" }
    }

    /// One snapshot to read from.
    pub fn read(connection: &'c mut Connection) -> PostgresTx<'c> {
        let begin = Some("begin isolation level repeatable read read only");
        PostgresTx { pipeline: Pipeline::new(connection, begin), lock: "" }
    }

    /// Whether anything was sent.
    pub fn has_begun(&self) -> bool {
        self.pipeline.has_begun()
    }
}

impl Tx for PostgresTx<'_> {
    fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.pipeline.query(sql, values)
    }

    fn query_each(
        &mut self,
        sql: &str,
        width: usize,
        values: &[Value<'_>],
    ) -> Result<Vec<Vec<Row>>, Error> {
        self.pipeline.query_each(sql, width, values)
    }

    fn execute_each(&mut self, sql: &str, width: usize, values: &[Value<'_>]) -> Result<(), Error> {
        self.pipeline.execute_each(sql, width, values)
    }

    fn insert(&mut self, table: &str, columns: &[&str], values: &[Value<'_>]) -> Result<(), Error> {
        let columns = columns.join(", ");
        let sql = format!("insert into {table} ({columns}) select * from unnest({ARRAYS})");
        self.pipeline.execute_arrays(&sql, table, &columns, values)
    }

    fn delete(&mut self, table: &str, columns: &[&str], keys: &[Value<'_>]) -> Result<(), Error> {
        let columns = columns.join(", ");
        let sql =
            format!("delete from {table} where ({columns}) in (select * from unnest({ARRAYS}))");
        self.pipeline.execute_arrays(&sql, table, &columns, keys)
    }

    fn find(
        &mut self,
        select: &str,
        column: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        self.pipeline.query_any(&format!("{select} where {column} = any($1)"), values)
    }

    fn append(&mut self, turns: &[Append<'_>]) -> Result<Vec<bool>, Error> {
        append::turns(&mut self.pipeline, turns)
    }

    fn insert_turns(&mut self, turns: &[NewTurn<'_>]) -> Result<(), Error> {
        append::first_turns(&mut self.pipeline, turns)
    }

    fn history(
        &mut self,
        process: ProcessNo,
        _head: i64,
        begin: Seq,
    ) -> Result<Vec<KeptTurn>, Error> {
        history::read(&mut self.pipeline, process, begin, None)
    }

    fn stretches(
        &mut self,
        process: ProcessNo,
        _head: i64,
        after: Option<StretchEnd>,
        turns: usize,
    ) -> Result<Vec<StretchEnd>, Error> {
        history::stretches(&mut self.pipeline, process, after, turns)
    }

    fn stretch(
        &mut self,
        process: ProcessNo,
        begin: Seq,
        last: StretchEnd,
    ) -> Result<Vec<KeptTurn>, Error> {
        history::read(&mut self.pipeline, process, begin, Some(last.seq))
    }

    fn turn(&mut self, _no: i64, process: ProcessNo, seq: Seq) -> Result<Option<KeptTurn>, Error> {
        history::one(&mut self.pipeline, process, seq)
    }

    fn newest_turn(&mut self) -> Result<Option<Newest>, Error> {
        Ok(None)
    }

    fn lock_rows(&self) -> &'static str {
        self.lock
    }
}
