//! The store in a Postgres database, or one that speaks its protocol. Only
//! what is Postgres's own is here; what a commit means is in `sql`.

mod append;
mod connection;
mod dialect;
mod failure;
mod history;
mod open;
mod pipeline;
mod tx;
mod url;
mod wire;

pub use open::{Postgres, PostgresOptions};
