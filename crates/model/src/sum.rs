//! Checksums that chain a journal together and guard a process's row.
//!
//! SQLite does not check the pages of its main file, so a flipped bit could
//! read as another history. Each turn's sum covers its text and the sum before
//! it; the last one stands in the process's row, whose own mark covers the
//! columns recovery depends on. 64 bits of BLAKE3: against decay, not yet
//! against a forger.

use crate::{Millis, ProcessId, Seq, Status};
use serde::{Deserialize, Serialize};

/// The running checksum of a journal up to and including one turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sum(pub i64);

impl Sum {
    /// The sum after one more turn.
    pub fn then(self, seq: Seq, at: Millis, body: &str) -> Sum {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&seq.0.to_le_bytes());
        hasher.update(&at.0.to_le_bytes());
        hasher.update(body.as_bytes());
        Sum(first_64_bits(&hasher.finalize()))
    }

    /// The sum of a text that stands alone, such as a message's.
    pub fn of_text(text: &str) -> Sum {
        Sum(first_64_bits(&blake3::hash(text.as_bytes())))
    }
}

/// The checksum of a process's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(pub i64);

impl Mark {
    /// Over all that recovery reads from the row.
    pub fn of(
        id: &ProcessId,
        seq: Seq,
        sum: Sum,
        segment: Seq,
        status: Status,
        wake_at: Option<Millis>,
        changed_at: Millis,
    ) -> Mark {
        let mut hasher = blake3::Hasher::new();
        for number in [
            seq.0 as i64,
            sum.0,
            segment.0 as i64,
            status.code(),
            wake_at.map_or(-1, |at| at.0 as i64),
            changed_at.0 as i64,
        ] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(id.as_str().as_bytes());
        Mark(first_64_bits(&hasher.finalize()))
    }
}

fn first_64_bits(hash: &blake3::Hash) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_le_bytes(bytes)
}
