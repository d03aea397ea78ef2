//! What can go wrong with a store, by what the caller does next.

use std::path::PathBuf;

/// A store that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened as given. Mend the cause, then open it again.
    #[error("cannot open the store {store}: {why}")]
    Open {
        /// The store, without credentials.
        store: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// Another node has it open. Use that node, or end it first.
    #[error("the store {store} is in use by {holder}; use that node, or stop it first")]
    InUse {
        /// The store.
        store: String,
        /// Who, as far as is known.
        holder: String,
    },
    /// It did not work this time: disk full, connection lost, timeout. Whether
    /// a commit in flight took effect is unknown; committing it again is safe.
    #[error("the store is not available: {why}")]
    Unavailable {
        /// What is wrong.
        why: String,
    },
    /// What was read cannot be right. Nothing was changed. Restore a backup,
    /// or export what can be read.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What and where.
        what: String,
    },
    /// The store was written by a newer Greenroom.
    #[error("the store has format {found}, this binary reads up to {known}: use a newer greenroom")]
    Format {
        /// Its format.
        found: i64,
        /// The newest known here.
        known: i64,
    },
    /// A blob that an event names is not there.
    #[error("the blob {hash} is missing or damaged in {directory}")]
    Blob {
        /// Its hash.
        hash: String,
        /// Where it should be.
        directory: PathBuf,
    },
    /// An import names a process that is there with another history.
    #[error("{id} is there already, with another history; nothing was imported")]
    Differs {
        /// Its id.
        id: greenroom_model::ProcessId,
    },
    /// A payload or id that cannot be stored.
    #[error(transparent)]
    Model(#[from] greenroom_model::Error),
}

impl Error {
    /// Whether trying the same again later may work.
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::Unavailable { .. })
    }

    /// Whether what was read cannot be right, so that only a good copy of it
    /// helps.
    pub fn is_damage(&self) -> bool {
        matches!(self, Error::Corrupt { .. } | Error::Blob { .. })
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Error {
        Error::Corrupt { what: what.into() }
    }
}
