//! What an answer is sent in. Knows no protocol.

use bytes::Bytes;

/// A call as it is sent.
pub(super) struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// What is sent at once.
pub(super) struct Piece {
    pub bytes: Bytes,
    pub is_token: bool,
}

impl Piece {
    pub fn token(text: String) -> Piece {
        Piece { bytes: text.into(), is_token: true }
    }

    /// One that is no token: it comes without delay and does not count.
    pub fn still(text: String) -> Piece {
        Piece { bytes: text.into(), is_token: false }
    }
}

/// A text's tokens: words with the space before the next one.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}
