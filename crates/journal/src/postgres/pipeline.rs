//! Statements and their values on their way to the server, as few waits as
//! can be: one statement for many values goes out as one pipeline, and the
//! transaction's beginning travels with its first statement.

use super::connection::Connection;
use super::failure::map;
use super::wire::wait;
use crate::Error;
use crate::sql::{Cell, Row, Value};
use futures_util::TryStreamExt;
use futures_util::future::{join, try_join_all};
use std::pin::pin;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};

/// A connection with a transaction on it, begun or about to be.
pub(super) struct Pipeline<'c> {
    connection: &'c mut Connection,
    begin: Option<&'static str>,
}

impl<'c> Pipeline<'c> {
    /// Sends `begin` first, if there is one.
    pub fn new(connection: &'c mut Connection, begin: Option<&'static str>) -> Pipeline<'c> {
        Pipeline { connection, begin }
    }

    /// Whether anything was sent.
    pub fn has_begun(&self) -> bool {
        self.begin.is_none()
    }

    /// The rows a statement returns.
    pub fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let statement = self.connection.prepare(sql)?;
        let client = &self.connection.client;
        run(&mut self.begin, client, rows(client, &statement, values))
    }

    /// The same for each `width` values.
    pub fn query_each(
        &mut self,
        sql: &str,
        width: usize,
        values: &[Value<'_>],
    ) -> Result<Vec<Vec<Row>>, Error> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let statement = self.connection.prepare(sql)?;
        let client = &self.connection.client;
        let each = values.chunks(width).map(|values| rows(client, &statement, values));
        run(&mut self.begin, client, try_join_all(each))
    }

    /// Runs a statement for each `width` values.
    pub fn execute_each(
        &mut self,
        sql: &str,
        width: usize,
        values: &[Value<'_>],
    ) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        let statement = self.connection.prepare(sql)?;
        let client = &self.connection.client;
        let each = values
            .chunks(width)
            .map(|values| client.execute_raw(&statement, values.iter().copied()));
        run(&mut self.begin, client, try_join_all(each)).map(|_| ())
    }

    /// Runs a statement once for many rows of `columns`, each column an array;
    /// `ARRAYS` stands for them in its text.
    pub fn execute_arrays(
        &mut self,
        sql: &str,
        table: &str,
        columns: &str,
        values: &[Value<'_>],
    ) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        let (statement, width) = self.connection.prepare_arrays(sql, table, columns)?;
        let arrays: Vec<Vec<Value<'_>>> = (0..width)
            .map(|column| values.iter().skip(column).step_by(width).copied().collect())
            .collect();
        let arrays: Vec<&(dyn ToSql + Sync)> =
            arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
        let client = &self.connection.client;
        run(&mut self.begin, client, client.execute(&statement, &arrays)).map(|_| ())
    }

    /// The rows a statement returns that takes all values as one array.
    pub fn query_any(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.query_arrays(sql, &[&values])?;
        found.iter().map(take).collect::<Result<_, _>>().map_err(map)
    }

    /// Runs a statement with arrays for values: the rows it returns.
    pub fn query_arrays(
        &mut self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, Error> {
        let statement = self.connection.prepare(sql)?;
        let client = &self.connection.client;
        run(&mut self.begin, client, client.query(&statement, values))
    }
}

fn run<T>(
    begin: &mut Option<&'static str>,
    client: &Client,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    let Some(begin) = begin.take() else {
        return wait(work).map_err(map);
    };
    // Polled in this order, so they are sent in it.
    let (begun, worked) = wait(join(client.batch_execute(begin), work));
    begun.map_err(map)?;
    worked.map_err(map)
}

async fn rows(
    client: &Client,
    statement: &Statement,
    values: &[Value<'_>],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let mut stream = pin!(client.query_raw(statement, values.iter().copied()).await?);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(take(&row)?);
    }
    Ok(rows)
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Int(number) => number.to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
            Value::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::INT8 || *ty == Type::TEXT
    }

    to_sql_checked!();
}

/// A row as the shared code takes it.
fn take(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let mut cells = Vec::with_capacity(row.len());
    for (place, column) in row.columns().iter().enumerate() {
        let cell = if *column.type_() == Type::INT8 {
            row.try_get::<_, Option<i64>>(place)?.map(Cell::Int)
        } else {
            row.try_get::<_, Option<String>>(place)?.map(Cell::Text)
        };
        cells.push(cell.unwrap_or(Cell::Null));
    }
    Ok(Row::new(cells))
}
