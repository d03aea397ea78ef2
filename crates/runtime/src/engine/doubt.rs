//! What to do when an answer of the store was lost: it may hold messages, new
//! processes and wake-ups that memory knows nothing of. All that may have
//! something waiting is read again, before anything newer is handed on.

use super::cell::{Cell, Live};
use super::hub::News;
use super::state::Engine;
use greenroom_journal::{Error, Scope, fetch_content};
use greenroom_model::{Message, ProcessNo, Seq};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How many processes are looked up at once.
const READ_AT_ONCE: usize = 1_000;

impl Engine {
    /// An answer was lost.
    pub(super) fn begin_doubt(&self) {
        self.doubt.store(true, Ordering::Release);
        self.accounts.forget();
        // Nothing else may be waiting that would wake the committer.
        self.commits.nudge();
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubt.load(Ordering::Acquire)
    }

    /// Has everything read again that a lost answer may have been about.
    ///
    /// # Errors
    /// The store's; the doubt remains.
    pub(crate) fn settle_doubt(&self) -> Result<(), Error> {
        if !self.doubt.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let read = self.read_again();
        if read.is_err() {
            self.begin_doubt();
        }
        read
    }

    fn read_again(&self) -> Result<(), Error> {
        let mut after = ProcessNo(i64::MIN);
        loop {
            let page = self.journal.runnable(after, READ_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            after = *last;
            page.into_iter().for_each(|no| self.put(no, |inbox| inbox.reread = true));
        }
        self.timers.read_again();
        Ok(())
    }

    /// Takes in what the mailbox of a process in memory holds.
    pub(super) fn reread(&self, cell: &Cell, live: &mut Live) -> Result<(), Error> {
        // No journal lies after the last place there can be: only the mailbox.
        let loaded = self.journal.load(cell.no, Scope::After(Seq(u64::MAX)))?;
        let mail = loaded.into_iter().flat_map(|loaded| loaded.mailbox);
        mail.for_each(|message| live.mail.add(message));
        Ok(())
    }

    /// Takes in what has come. What the blob store does not give now stays in
    /// the mailbox, with all that came after it.
    pub(super) fn take_in(self: &Arc<Self>, cell: &Cell, live: &mut Live, mail: Vec<Message>) {
        for mut message in mail {
            match fetch_content(&*self.journal, &mut message.content) {
                Ok(()) => live.mail.add(message),
                Err(error) => {
                    live.unread = true;
                    return match error.is_transient() {
                        true => self.reread_later(cell, &error),
                        false => self.trouble(cell.no, error.to_string()),
                    };
                }
            }
        }
    }

    /// The answer to a process's own turn was lost: whoever follows it must
    /// read what it did.
    pub(super) fn tell_of_loss(&self, cell: &Arc<Cell>) {
        self.hub.tell(cell.no, || News::Missed);
    }
}
