//! A process with its journal and mailbox.

use super::dialect::Tx;
use super::{mailbox, process, turn};
use crate::{Error, Loaded, Scope};
use greenroom_model::{ProcessNo, Seq};

/// Reads it all in one snapshot.
pub(super) fn load(tx: &mut dyn Tx, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error> {
    let Some(kept) = process::by_no(tx, no)? else {
        return Ok(None);
    };
    let begin = match scope {
        Scope::Segment => kept.row.segment,
        Scope::Whole => Seq(1),
        Scope::After(seq) => Seq(seq.0.saturating_add(1)),
    };
    // Beyond the end the last turn is still read: it vouches for the row.
    let begin = begin.max(Seq(1)).min(kept.row.seq.plus(1));
    let turns = tx.history(no, kept.head, begin)?;
    let turns = turn::check(&kept.row, turns, begin)?;
    let mailbox = mailbox::of_each(tx, &[no])?.into_iter().flatten().collect();
    Ok(Some(Loaded { row: kept.row, turns, mailbox }))
}
