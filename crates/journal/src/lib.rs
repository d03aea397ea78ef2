//! Greenroom's store: the journals of all processes, their mailboxes and what
//! queries read. One trait, [`Journal`]; one write, [`Commit`].
//!
//! Knows no runtime: it does not run code, keep time or wake anybody. It
//! decides one thing only, and in one transaction: whether a commit is still
//! the process's next one, and then everything in it happens or nothing.

mod account;
mod blob;
mod commit;
mod error;
mod hub;
mod import;
mod journal;
mod memory;
mod notice;
mod open;
mod postgres;
mod row;
mod sql;
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;

pub use account::AccountWork;
pub use blob::{externalise, externalise_arrival, externalise_commit, fetch_content};
pub use commit::{
    AskChange, Commit, Delivered, Done, FirstTurn, GivenUp, LetterRules, Outcome, Outgoing,
    Receipt, Refusal, Request, Spawn, Spawned, ToChildren, Turn, Undeliverable, Watch, Whom,
};
pub use error::Error;
pub use hub::{HubWork, PUBLISH_MAX, PlaceRow, Places, Publish, Published};
pub use import::{Arrival, Arrivals, Imported};
pub use journal::{Journal, Lease};
pub use memory::Memory;
pub use open::{OpenOptions, open};
pub use postgres::{Postgres, PostgresOptions};
pub use row::{
    AskRow, Count, DeadLetter, LetterListing, Listing, Loaded, ProcessRow, Scope, StateRow,
    TurnRow, decode_events, encode_events,
};
pub use sqlite::{Sqlite, SqliteOptions};
pub use trace::{TraceListing, TracePlace, TraceTurn};
