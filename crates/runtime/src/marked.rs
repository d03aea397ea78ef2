//! Lists of processes in which a damaged one is told apart, whatever its row
//! says. Knows no node: who asks says how a damaged process is known.

use greenroom_journal::{Error, Journal, Listing, ProcessRow};
use greenroom_model::Status;

/// The processes a listing names, each as `mark` gives it back: with the
/// status `damaged`, or as it is.
///
/// # Errors
/// The store's, or what `mark` fails with.
pub fn list_marked(
    journal: &dyn Journal,
    listing: &Listing,
    mark: &mut dyn FnMut(ProcessRow) -> Result<ProcessRow, Error>,
) -> Result<Vec<ProcessRow>, Error> {
    let wanted = &listing.statuses;
    let mut asked = listing.clone();
    if wanted.contains(&Status::Damaged) {
        // The row of a damaged process may say anything.
        asked.statuses = Status::ALL.into_iter().filter(|one| !one.is_ended()).collect();
        asked.statuses.extend(wanted.iter().filter(|status| status.is_ended()));
    }
    let mut found = Vec::new();
    loop {
        let rows = journal.list(&asked)?;
        let is_last = rows.len() < asked.limit || asked.limit == 0;
        asked.after = rows.last().map(|row| row.no);
        for row in rows {
            let row = mark(row)?;
            if wanted.is_empty() || wanted.contains(&row.status) {
                found.push(row);
            }
        }
        if is_last || found.len() >= listing.limit {
            found.truncate(listing.limit);
            return Ok(found);
        }
    }
}
