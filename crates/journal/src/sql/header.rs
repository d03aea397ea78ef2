//! What every write transaction must know before anything else. Where nobody
//! else can have written, it is kept from one transaction to the next.

use super::dialect::Tx;
use super::lease::Epochs;
use super::meta::Meta;
use crate::Error;

/// The numbers, and who may write.
pub struct Header {
    pub(super) meta: Meta,
    pub(super) epochs: Epochs,
}

impl Header {
    /// What the transaction before this one left, or what the tables say.
    pub fn of(tx: &mut dyn Tx) -> Result<Header, Error> {
        if let Some(kept) = tx.kept() {
            return Ok(kept);
        }
        // First the row that is locked: the epochs stay as they are under it.
        let meta = Meta::read(tx)?;
        let epochs = Epochs::read(tx)?;
        Ok(Header { meta, epochs })
    }
}
