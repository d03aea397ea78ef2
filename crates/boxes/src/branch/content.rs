//! How the content of a path differs, for people and for `git apply`.

use super::lines::hunks;
use super::open::Branches;
use super::text::as_text;
use crate::error::Error;
use crate::tree::{Change, Entry};

/// How the content of a path differs. A link's content is where it leads; folders and what is
/// not there have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It does not.
    Same,
    /// Line by line: the hunks of a unified diff.
    Lines(String),
    /// One of both is no text.
    Binary,
    /// One of both is larger than was asked for.
    Large,
}

impl Branches {
    /// How the content of a path differs, if both sides have at most so many bytes.
    ///
    /// # Errors
    /// A blob that is missing or damaged.
    pub fn content(&self, change: &Change, bytes_max: u64) -> Result<Content, Error> {
        let sides = [change.before.as_ref(), change.after.as_ref()];
        if let [Some(Entry::File { hash, .. }), Some(Entry::File { hash: other, .. })] = sides
            && hash == other
        {
            return Ok(Content::Same);
        }
        let is_large = |side: &Option<&Entry>| match side {
            Some(Entry::File { size, .. }) => *size > bytes_max,
            _ => false,
        };
        if sides.iter().any(is_large) {
            return Ok(Content::Large);
        }
        let [before, after] = sides.map(|side| match side {
            Some(Entry::File { hash, .. }) => Ok(as_text(self.store().blob(*hash)?)),
            Some(Entry::Symlink { target }) => Ok(Some(target.clone())),
            _ => Ok::<_, Error>(Some(String::new())),
        });
        Ok(match (before?, after?) {
            (Some(before), Some(after)) if before == after => Content::Same,
            (Some(before), Some(after)) => Content::Lines(hunks(&before, &after)),
            _ => Content::Binary,
        })
    }
}
