//! What a store in SQL does, written once for all dialects: the tables, the
//! commit, the reads. Must not know which database it speaks to; that is
//! behind the traits of `dialect`.

mod account;
mod ask;
mod commit;
mod dead;
mod dialect;
mod draft;
mod ending;
mod facts;
mod header;
mod hub;
mod import;
mod lease;
mod list;
mod load;
mod mailbox;
mod meta;
mod place;
mod pool;
mod process;
mod request;
mod run;
mod seal;
mod spawn;
mod state;
mod store;
mod stretch;
mod trace;
mod turn;
mod value;
mod verify;
mod watch;

pub(crate) use dialect::{Dialect, Tx};
pub(crate) use header::{Header, Newest};
pub(crate) use meta::FORMAT;
pub(crate) use pool::Pool;
pub use store::SqlStore;
pub(crate) use store::{begin, check_format};
pub(crate) use turn::{Append, KeptTurn, NewTurn, StretchEnd};
pub(crate) use value::{Cell, Row, Value};
