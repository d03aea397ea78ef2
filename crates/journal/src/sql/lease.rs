//! The table `lease`: which epoch may commit to each shard.

use super::dialect::Tx;
use super::header::{Epochs, Header, Meta};
use super::value::Value;
use crate::{Commit, Error, Lease, Refusal};
use greenroom_model::{Epoch, Millis, Shard};

impl Epochs {
    /// Reads them; the lock on `meta` keeps them as they are.
    pub fn read(tx: &mut dyn Tx) -> Result<Epochs, Error> {
        let rows = tx.query("select epoch from lease order by shard", &[])?;
        let epochs: Vec<i64> =
            rows.into_iter().map(|mut row| row.int()).collect::<Result<_, _>>()?;
        if epochs.len() as i64 != Shard::COUNT {
            return Err(Error::corrupt("the table lease lacks rows"));
        }
        Ok(Epochs(epochs))
    }

    /// Whether the commit's epoch is its shard's.
    pub fn check(&self, commit: &Commit) -> Result<(), Refusal> {
        let shard = commit.shard();
        let epoch = usize::try_from(shard.0).ok().and_then(|shard| self.0.get(shard));
        if epoch == Some(&commit.epoch.0) { Ok(()) } else { Err(Refusal::Fenced { shard }) }
    }
}

/// What the transaction before this one left, or what the tables say.
pub(super) fn header(tx: &mut dyn Tx) -> Result<Header, Error> {
    if let Some(kept) = tx.kept() {
        return Ok(kept);
    }
    // First the row that is locked: the epochs stay as they are under it.
    let meta = Meta::read(tx)?;
    let epochs = Epochs::read(tx)?;
    Ok(Header { meta, epochs })
}

/// Writes the rows of a new store.
pub(super) fn begin(tx: &mut dyn Tx) -> Result<(), Error> {
    let shards: Vec<Value<'_>> = (0..Shard::COUNT).map(Value::Int).collect();
    tx.execute_each("insert into lease (shard, epoch, owner) values ($1, 0, '')", 1, &shards)
}

/// Takes all shards over.
pub(super) fn acquire(tx: &mut dyn Tx, owner: &str, at: Millis) -> Result<Lease, Error> {
    let Header { mut meta, epochs } = header(tx)?;
    let epoch = epochs.0.iter().copied().max().unwrap_or(0) + 1;
    let sql = "update lease set epoch = $1, owner = $2";
    tx.execute_each(sql, 2, &[Value::Int(epoch), Value::Text(owner)])?;
    let seen = meta.seen();
    meta.see(at);
    meta.write(tx)?;
    Ok(Lease { epoch: Epoch(epoch), seen })
}
