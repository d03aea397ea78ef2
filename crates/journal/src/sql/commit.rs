//! The one write: a group of commits in one transaction, one by one in order
//! as far as anyone can tell.
//!
//! In truth a group is cut into runs in which no process is moved on twice. A
//! run first gathers all the facts its commits can ask for, then decides in
//! memory, in order, and last writes row by row of each table: so that a
//! database at the end of a wire gets few long pipelines, not many questions.

use super::dialect::Tx;
use super::header::Header;
use super::run::Run;
use crate::{Commit, Error, Outcome, Receipt};

/// Carries a group out.
pub(super) fn group(tx: &mut dyn Tx, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
    let mut header = super::lease::header(tx)?;
    let Header { meta, epochs } = &mut header;
    let mut outcomes: Vec<Outcome> = group.iter().map(|_| Ok(Receipt::default())).collect();
    let mut run = Run::default();
    for (place, commit) in group.iter().enumerate() {
        if let Err(refusal) = epochs.check(commit) {
            outcomes[place] = Err(refusal);
            continue;
        }
        if !run.takes(commit) {
            std::mem::take(&mut run).carry_out(tx, meta, &mut outcomes)?;
        }
        run.push(place, commit);
    }
    run.carry_out(tx, meta, &mut outcomes)?;
    meta.write(tx)?;
    tx.keep(header);
    Ok(outcomes)
}
