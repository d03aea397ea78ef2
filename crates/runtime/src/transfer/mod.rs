//! Export and import: every process with its whole history, as lines of JSON,
//! from any store to any other. Knows no node: a store that nobody works on is
//! exported and imported all the same.

mod check;
mod export;
mod format;
mod import;
mod spool;

pub use export::{Export, ExportPage};
pub use format::{Exported, ExportedMessage, ExportedTurn, Missing, line};
pub use import::{Import, ImportDone};
pub use spool::spool;
