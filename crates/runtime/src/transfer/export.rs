//! Writing an export, a page at a time. A process that cannot be read is named
//! in it, and does not end it.

use super::format::{Damaged, End, Exported, FORMAT, Head, Missing, Running, Total, line};
use crate::{Error, Result};
use greenroom_journal::{Journal, Listing, ProcessRow, Scope};
use greenroom_model::{Millis, ProcessNo};
use serde::Serialize;

/// How many processes are in memory at once.
const PAGE: usize = 16;

/// An export under way.
pub struct Export {
    next: Next,
    sum: Running,
    total: Total,
}

enum Next {
    Head(Millis),
    After(ProcessNo),
    Nothing,
}

/// Some lines of it.
#[derive(Debug, Default)]
pub struct ExportPage {
    /// The lines.
    pub text: String,
    /// How many processes they hold.
    pub processes: u64,
    /// Which they lack.
    pub missing: Vec<Missing>,
}

impl Export {
    /// Begins one at this time.
    pub fn begin(at: Millis) -> Export {
        Export { next: Next::Head(at), sum: Running::default(), total: Total::default() }
    }

    /// The next lines, in the order in which the processes were started.
    /// `None` after the last.
    ///
    /// # Errors
    /// The store's, if it cannot be read at all.
    pub fn page(&mut self, journal: &dyn Journal) -> Result<Option<ExportPage>> {
        let mut page = ExportPage::default();
        match self.next {
            Next::Nothing => return Ok(None),
            Next::Head(at) => {
                self.add(&mut page, &Head { greenroom_export: FORMAT, at })?;
                self.next = Next::After(ProcessNo(i64::MIN));
            }
            Next::After(after) => {
                let listing = Listing { after: Some(after), limit: PAGE, ..Listing::default() };
                let rows = journal.list(&listing)?;
                match rows.last() {
                    Some(last) => self.next = Next::After(last.no),
                    None => self.end(&mut page)?,
                }
                for row in rows {
                    self.process(journal, &row, &mut page)?;
                }
            }
        }
        Ok(Some(page))
    }

    fn process(
        &mut self,
        journal: &dyn Journal,
        row: &ProcessRow,
        page: &mut ExportPage,
    ) -> Result<()> {
        match journal.load(row.no, Scope::Whole) {
            Ok(Some(loaded)) => {
                self.add(page, &Exported::of(loaded))?;
                page.processes += 1;
                self.total.processes += 1;
            }
            Ok(None) => {}
            Err(error) if error.is_damage() => {
                let damaged = Missing { id: row.id.to_string(), why: error.to_string() };
                self.add(page, &Damaged { damaged: damaged.clone() })?;
                page.missing.push(damaged);
                self.total.damaged += 1;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn end(&mut self, page: &mut ExportPage) -> Result<()> {
        self.next = Next::Nothing;
        let end = Total { sum: self.sum.word(), ..self.total.clone() };
        self.add(page, &End { end })
    }

    fn add<T: Serialize>(&mut self, page: &mut ExportPage, value: &T) -> Result<()> {
        let line = line(value).map_err(|error| {
            Error::Model(greenroom_model::Error::BadJson { why: error.to_string() })
        })?;
        self.sum.add(&line);
        page.text.push_str(&line);
        page.text.push('\n');
        Ok(())
    }
}
