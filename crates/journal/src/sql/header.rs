//! What every write transaction must know before anything else. Where nobody
//! else can have written, it is kept from one transaction to the next. Plain
//! data: `meta.rs` and `lease.rs` read and write it.

use greenroom_model::Millis;

/// The numbers, and who may write.
pub struct Header {
    pub(super) meta: Meta,
    pub(super) epochs: Epochs,
}

/// The epochs in force, by shard.
pub struct Epochs(pub(super) Vec<i64>);

/// What the row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    pub(super) format: i64,
    pub(super) seen: Millis,
    pub(super) processes: i64,
    pub(super) messages: i64,
    pub(super) letters: i64,
    pub(super) turns: i64,
}

/// The newest turn of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// No turn has a higher number.
    pub no: i64,
    /// A time at which something was committed, the latest as a rule.
    pub at: Millis,
}

/// The numbers as they are, and how much of them is written down.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    pub(super) now: Numbers,
    pub(super) row: Numbers,
    /// `None` where turns have no numbers: then the row says it all.
    pub(super) newest: Option<Newest>,
}
