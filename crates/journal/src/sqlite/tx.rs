//! The shared SQL on a connection: values in, rows out.

use super::failure::map;
use super::{append, history};
use crate::Error;
use crate::sql::{Append, Cell, Header, KeptTurn, NewTurn, Newest, Row, StretchEnd, Tx, Value};
use greenroom_model::{ProcessNo, Seq};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql};

/// A transaction or snapshot that someone else begins and ends.
pub(super) struct SqliteTx<'c> {
    connection: &'c Connection,
    kept: Option<Header>,
    keep: Option<Header>,
}

impl<'c> SqliteTx<'c> {
    /// On this connection.
    pub fn new(connection: &'c Connection) -> SqliteTx<'c> {
        SqliteTx { connection, kept: None, keep: None }
    }

    /// On this connection, with what the last transaction on it has kept.
    pub fn going_on(connection: &'c Connection, kept: Option<Header>) -> SqliteTx<'c> {
        SqliteTx { connection, kept, keep: None }
    }

    /// What the next may know: nothing, if this one did not say.
    pub fn into_kept(self) -> Option<Header> {
        self.keep
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Null => ValueRef::Null,
        }))
    }
}

fn bind(statement: &mut Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<()> {
    for (place, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(place + 1, value)?;
    }
    Ok(())
}

fn rows(statement: &mut Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<Vec<Row>> {
    bind(statement, values)?;
    let width = statement.column_count();
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut cells = Vec::with_capacity(width);
        for place in 0..width {
            cells.push(match row.get_ref(place)? {
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Null => Cell::Null,
                other => Cell::Text(other.as_str()?.to_owned()),
            });
        }
        found.push(Row::new(cells));
    }
    Ok(found)
}

impl Tx for SqliteTx<'_> {
    fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let mut statement = self.connection.prepare_cached(sql).map_err(map)?;
        rows(&mut statement, values).map_err(map)
    }

    fn query_each(
        &mut self,
        sql: &str,
        width: usize,
        values: &[Value<'_>],
    ) -> Result<Vec<Vec<Row>>, Error> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(sql).map_err(map)?;
        values.chunks(width).map(|values| rows(&mut statement, values).map_err(map)).collect()
    }

    fn execute_each(&mut self, sql: &str, width: usize, values: &[Value<'_>]) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(sql).map_err(map)?;
        for values in values.chunks(width) {
            bind(&mut statement, values).map_err(map)?;
            statement.raw_execute().map_err(map)?;
        }
        Ok(())
    }

    fn insert(&mut self, table: &str, columns: &[&str], values: &[Value<'_>]) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        let places = vec!["?"; columns.len()].join(", ");
        let sql = format!("insert into {table} ({}) values ({places})", columns.join(", "));
        self.execute_each(&sql, columns.len(), values)
    }

    fn delete(&mut self, table: &str, columns: &[&str], keys: &[Value<'_>]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let sql = format!("delete from {table} where {} = ?", columns.join(" = ? and "));
        self.execute_each(&sql, columns.len(), keys)
    }

    fn find(
        &mut self,
        select: &str,
        column: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.query_each(&format!("{select} where {column} = ?"), 1, values)?;
        Ok(found.into_iter().flatten().collect())
    }

    fn append(&mut self, turns: &[Append<'_>]) -> Result<Vec<bool>, Error> {
        append::turns(self.connection, turns).map_err(map)
    }

    fn insert_turns(&mut self, turns: &[NewTurn<'_>]) -> Result<(), Error> {
        append::first_turns(self.connection, turns).map_err(map)
    }

    fn history(
        &mut self,
        process: ProcessNo,
        head: i64,
        begin: Seq,
    ) -> Result<Vec<KeptTurn>, Error> {
        history::read(self.connection, process, head, begin)
    }

    fn stretches(
        &mut self,
        process: ProcessNo,
        head: i64,
        after: Option<StretchEnd>,
        turns: usize,
    ) -> Result<Vec<StretchEnd>, Error> {
        history::stretches(self.connection, process, head, after, turns)
    }

    fn stretch(
        &mut self,
        process: ProcessNo,
        begin: Seq,
        last: StretchEnd,
    ) -> Result<Vec<KeptTurn>, Error> {
        history::read(self.connection, process, last.no, begin)
    }

    fn turn(&mut self, no: i64, process: ProcessNo, _seq: Seq) -> Result<Option<KeptTurn>, Error> {
        history::by_no(self.connection, process, no)
    }

    fn newest_turn(&mut self) -> Result<Option<Newest>, Error> {
        history::newest(self.connection).map(Some)
    }

    fn kept(&mut self) -> Option<Header> {
        self.kept.take()
    }

    fn keep(&mut self, header: Header) {
        self.keep = Some(header);
    }

    fn lock_rows(&self) -> &'static str {
        // The write transaction is the lock.
        ""
    }
}
