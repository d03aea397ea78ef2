//! The store in one SQLite file: the default. Only what is SQLite's own is
//! here; what a commit means is in `sql`.

mod append;
mod connection;
mod dialect;
mod failure;
mod history;
mod lock;
mod log;
mod open;
mod tx;
mod writer;

pub use open::{Sqlite, SqliteOptions};
