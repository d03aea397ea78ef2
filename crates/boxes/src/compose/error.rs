//! Why boxes do not go together.

/// Two boxes that say different things, or a grant that nobody gave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// Both say something about the same thing, and not the same.
    #[error("`{left}` and `{right}` differ about {what}; {remedy}")]
    Differ {
        /// The left box.
        left: String,
        /// The right one.
        right: String,
        /// What about.
        what: String,
        /// What to write.
        remedy: String,
    },
    /// A box would get what it did not ask for itself.
    #[error("{what}, which `{asks}` asks for, is not granted; {remedy}")]
    NotGranted {
        /// The box that asks.
        asks: String,
        /// For what.
        what: String,
        /// What to write.
        remedy: String,
    },
}

impl ComposeError {
    pub(super) fn differ(left: &str, right: &str, what: String, remedy: String) -> ComposeError {
        ComposeError::Differ { left: left.to_owned(), right: right.to_owned(), what, remedy }
    }
}
