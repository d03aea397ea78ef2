//! Exporting from a store that no node works on.

use greenroom_journal::{Journal, Listing};
use greenroom_model::ProcessNo;
use greenroom_runtime::Exported;

const PAGE: usize = 100;

/// Gives every process as a line to `write`, oldest first, and says how many
/// there were.
///
/// # Errors
/// The store's, or what `write` fails with.
pub fn lines(
    journal: &dyn Journal,
    mut write: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut after = ProcessNo(0);
    let mut count = 0;
    loop {
        let listing = Listing { after: Some(after), limit: PAGE, ..Listing::default() };
        let rows = journal.list(&listing)?;
        let Some(last) = rows.last() else {
            return Ok(count);
        };
        after = last.no;
        for row in &rows {
            if let Some(process) = Exported::read(journal, row)? {
                write(&format!("{}\n", greenroom_api::wire::line(&process)?))?;
                count += 1;
            }
        }
    }
}
