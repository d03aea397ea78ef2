//! What can be wrong with plain data.

/// Input that is not what it should be. Nothing was done with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An id, kind, key or ask that cannot be one.
    #[error("`{text}` is not a valid id: {why}")]
    BadId {
        /// What was given, cut to a readable length.
        text: String,
        /// What is wrong and how it should look.
        why: &'static str,
    },
    /// Text that is not JSON.
    #[error("not valid JSON: {why}")]
    BadJson {
        /// The parser's words, with line and column.
        why: String,
    },
    /// A payload over the limit.
    #[error(
        "a payload of {bytes} bytes is over the limit of {limit} bytes; \
         put large data in a file or an object store and pass its name"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest allowed.
        limit: usize,
    },
}

impl Error {
    pub(crate) fn bad_id(text: &str, why: &'static str) -> Error {
        const SHOWN_MAX: usize = 60;
        let mut shown: String =
            text.chars().take(SHOWN_MAX).flat_map(char::escape_default).collect();
        if text.chars().nth(SHOWN_MAX).is_some() {
            shown.push('…');
        }
        Error::BadId { text: shown, why }
    }
}
