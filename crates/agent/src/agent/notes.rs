//! What an agent is told that is no reason to think: kept until it thinks anyway, and
//! bounded, however much others have to say.

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// So many notes are kept, the newest.
const NOTES_MAX: usize = 50;

/// So much of one, in bytes.
const NOTE_BYTES_MAX: usize = 2 << 10;

/// Notes, and how many older ones were let go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    newest: Vec<String>,
    older: u64,
}

impl Notes {
    /// One more.
    pub fn push(&mut self, mut note: String) {
        if note.len() > NOTE_BYTES_MAX {
            note.truncate(note.floor_char_boundary(NOTE_BYTES_MAX));
            note.push_str(" […]");
        }
        self.newest.push(note);
        if self.newest.len() > NOTES_MAX {
            self.newest.remove(0);
            self.older += 1;
        }
    }

    /// Each of them, to be made shorter.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.newest.iter_mut()
    }

    /// All that there are, which are told now.
    pub fn take(&mut self) -> Vec<String> {
        let Notes { newest, older } = std::mem::take(self);
        let left_out = (older > 0).then(|| format!("[{older} older notes are left out]"));
        left_out.into_iter().chain(newest).collect()
    }
}
