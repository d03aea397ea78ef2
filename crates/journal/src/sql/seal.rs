//! Checksums of single rows, against decay of the file they are in. 64 bits of
//! BLAKE3 over the row's values. Part of the store's format.

/// A checksum in the making.
pub(crate) struct Seal(blake3::Hasher);

impl Seal {
    /// Of a row of this table.
    pub fn of(table: &str) -> Seal {
        Seal(blake3::Hasher::new()).text(table)
    }

    /// Takes in a number.
    pub fn int(mut self, number: i64) -> Seal {
        self.0.update(&number.to_le_bytes());
        self
    }

    /// Takes in a text. Its length goes first, so that no two rows of other
    /// values give the same bytes.
    pub fn text(mut self, text: &str) -> Seal {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    /// Takes in a number that may be missing.
    pub fn int_or_null(self, number: Option<i64>) -> Seal {
        match number {
            Some(number) => self.int(1).int(number),
            None => self.int(0),
        }
    }

    /// Takes in a text that may be missing.
    pub fn text_or_null(self, text: Option<&str>) -> Seal {
        match text {
            Some(text) => self.int(1).text(text),
            None => self.int(0),
        }
    }

    /// The checksum.
    pub fn done(self) -> i64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0.finalize().as_bytes()[..8]);
        i64::from_le_bytes(bytes)
    }
}
