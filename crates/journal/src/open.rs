//! Opens the store that a text names. Knows the kinds of store, not their
//! insides.

use crate::postgres::{Postgres, PostgresOptions};
use crate::{Error, Journal, Memory, Sqlite, SqliteOptions};
use std::path::PathBuf;
use std::sync::Arc;

/// How to open a store.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Only to look: the store must be there, and a node may have it open.
    pub read_only: bool,
    /// What another node is told that finds the store in use.
    pub holder: String,
    /// Where blobs are. By default beside a SQLite file, and in
    /// `.greenroom/blobs` for Postgres.
    pub blob_dir: Option<PathBuf>,
}

/// Opens `sqlite:FILE`, `postgres://USER@HOST/DATABASE` or `memory:`.
///
/// # Errors
/// [`Error::Open`] with what is wrong and what to write instead.
pub fn open(store: &str, options: &OpenOptions) -> Result<Arc<dyn Journal>, Error> {
    let OpenOptions { read_only, holder, blob_dir } = options.clone();
    match store.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => {
            Ok(Arc::new(Sqlite::open(path, SqliteOptions { read_only, holder, blob_dir })?))
        }
        Some(("postgres" | "postgresql", _)) => {
            Ok(Arc::new(Postgres::connect(store, PostgresOptions { read_only, blob_dir })?))
        }
        Some(("memory", "")) => Ok(Arc::new(Memory::new())),
        _ => Err(Error::Open {
            // Not repeated whole: a mistyped URL may hold a password.
            store: store.chars().take_while(|c| *c != ':').take(40).collect(),
            why: "a store is written sqlite:FILE, postgres://USER@HOST/DATABASE or memory:"
                .to_owned(),
        }),
    }
}
