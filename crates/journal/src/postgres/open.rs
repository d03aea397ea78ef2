//! Connects to a store, or makes its tables, and says clearly why it cannot.

use super::connection::Connection;
use super::dialect::PostgresDialect;
use super::tx::PostgresTx;
use super::url::Target;
use super::wire::{Wire, wait};
use crate::Error;
use crate::blob::Directory;
use crate::sql::{self, SqlStore};
use std::path::PathBuf;

const BLOB_DIR: &str = ".greenroom/blobs";
/// Serialises nodes that make the tables at the same time.
const SCHEMA_LOCK: i64 = 0x4752_4e52;

/// A store in a Postgres database.
pub type Postgres = SqlStore<PostgresDialect>;

/// How to connect.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Only to read: the tables must be there.
    pub read_only: bool,
    /// Where blobs are; `.greenroom/blobs` by default. All nodes of a store
    /// must see the same directory.
    pub blob_dir: Option<PathBuf>,
}

impl Postgres {
    /// Connects to `postgres://USER@HOST/DATABASE?schema=NAME`; makes the
    /// schema (`greenroom` by default) and its tables if they are missing.
    ///
    /// # Errors
    /// [`Error::Open`] if it cannot connect or may not make the tables,
    /// [`Error::Format`] if a newer Greenroom wrote them.
    pub fn connect(url: &str, options: PostgresOptions) -> Result<Postgres, Error> {
        let target = Target::parse(url)?;
        let say = |error: Error| match error {
            Error::Unavailable { why } | Error::Corrupt { what: why } => {
                Error::Open { store: target.shown.clone(), why }
            }
            error => error,
        };
        let failed = |error: std::io::Error| Error::Open {
            store: target.shown.clone(),
            why: error.to_string(),
        };
        let wire = Wire::start().map_err(failed)?;
        let mut connection = Connection::open(&wire, &target).map_err(say)?;
        if options.read_only {
            let mut tx = PostgresTx::read(&mut connection);
            sql::check_format(&mut tx).map_err(say)?;
            connection.batch("rollback").map_err(say)?;
        } else {
            make_tables(&mut connection, &target.schema).map_err(say)?;
        }
        let dialect = PostgresDialect::new(wire, target, connection, options.read_only);
        let blobs = Directory::new(options.blob_dir.unwrap_or_else(|| BLOB_DIR.into()));
        Ok(SqlStore::new(dialect, blobs))
    }
}

fn make_tables(connection: &mut Connection, schema: &str) -> Result<(), Error> {
    connection.batch(&format!("begin; select pg_advisory_xact_lock({SCHEMA_LOCK})"))?;
    let made = make_tables_inside(connection, schema);
    connection.batch(if made.is_ok() { "commit" } else { "rollback" })?;
    made
}

fn make_tables_inside(connection: &mut Connection, schema: &str) -> Result<(), Error> {
    let table = format!("{schema}.meta");
    let exists = "select to_regclass($1)::text is not null";
    let row = wait(connection.client.query_one(exists, &[&table])).map_err(super::failure::map)?;
    if row.get(0) {
        return sql::check_format(&mut PostgresTx::begun(connection));
    }
    connection.batch(&format!("create schema if not exists \"{schema}\""))?;
    connection.batch(include_str!("schema.sql"))?;
    sql::begin(&mut PostgresTx::begun(connection))
}
