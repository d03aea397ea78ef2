//! Opening the branches of a store; making, listing and discarding them.

use super::heads::{Head, Heads, Safe, State};
use crate::error::Error;
use crate::hash::LayerId;
use crate::steps::Steps;
use crate::store::{Store, Swept, Writing};
use std::collections::BTreeSet;
use std::path::Path;

#[cfg(test)]
mod tests;

/// The file of the heads, beside the store's folders.
const FILE: &str = "heads.sqlite3";

/// The longest name.
const NAME_BYTES_MAX: usize = 200;

/// A store with branches. Any number of processes may use it at once.
#[derive(Debug)]
pub struct Branches {
    pub(super) store: Store,
    pub(super) heads: Heads,
}

impl Branches {
    /// Opens a folder, which is made if need be.
    ///
    /// # Errors
    /// A folder that cannot be made; heads of a newer format.
    pub fn open(dir: &Path) -> Result<Branches, Error> {
        Branches::open_told(dir, Steps::default())
    }

    /// The same, with somebody who is told of each step of a write.
    ///
    /// # Errors
    /// As [`Branches::open`].
    pub fn open_told(dir: &Path, steps: Steps) -> Result<Branches, Error> {
        let store = Store::open_told(dir, steps.clone())?;
        let heads = Heads::open(&dir.join(FILE), steps)?;
        Ok(Branches { store, heads })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A head without a parent, over layers that were written in this stretch of writing
    /// or belong to an open head.
    ///
    /// # Errors
    /// A name that an open branch has, a layer that is not there.
    pub fn found(
        &self,
        writing: &Writing<'_>,
        name: &str,
        stack: &[LayerId],
    ) -> Result<Head, Error> {
        check_name(name)?;
        writing.store().stack(stack)?;
        self.heads.write(Safe::Disk, |heads| heads.insert(name, stack, None))
    }

    /// A branch of an open head as it is. Takes the same time whatever is in it. A failure
    /// of the machine's power may undo it while nothing was sealed or committed since.
    ///
    /// # Errors
    /// A parent that is not open, a name that an open branch has.
    pub fn branch(&self, parent: &str, name: &str) -> Result<Head, Error> {
        check_name(name)?;
        self.heads.write(Safe::Process, |heads| {
            let parent = heads.named(parent)?;
            must_be_open(&parent)?;
            heads.insert(name, &parent.stack, Some(&parent))
        })
    }

    /// The open head of a name, or the last that had it.
    ///
    /// # Errors
    /// None.
    pub fn head(&self, name: &str) -> Result<Head, Error> {
        self.heads.read(|heads| heads.named(name))
    }

    /// The head of a number.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn numbered(&self, no: i64) -> Result<Head, Error> {
        self.heads.read(|heads| heads.numbered(no))
    }

    /// All open heads, the oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn list(&self) -> Result<Vec<Head>, Error> {
        self.heads.read(|heads| heads.open())
    }

    /// Closes an open head, with its open branches and theirs, and returns how many.
    ///
    /// # Errors
    /// A head that is not open.
    pub fn discard(&self, name: &str) -> Result<u64, Error> {
        self.heads.write(Safe::Disk, |heads| {
            let head = heads.named(name)?;
            must_be_open(&head)?;
            let mut count = 0;
            let mut waiting = vec![head];
            while let Some(head) = waiting.pop() {
                waiting.extend(heads.branches(head.no)?);
                heads.close(&head, State::Discarded)?;
                count += 1;
            }
            Ok(count)
        })
    }

    /// Removes what no open head needs, nor any of these layers (those of boxes that run).
    ///
    /// # Errors
    /// As [`Store::sweep`].
    pub fn sweep(&self, also: &BTreeSet<LayerId>) -> Result<Swept, Error> {
        self.sweep_but(|| Ok(also.clone()))
    }

    /// The same with layers that are asked for when nobody writes any more.
    pub(crate) fn sweep_but(
        &self,
        also: impl FnOnce() -> Result<BTreeSet<LayerId>, Error>,
    ) -> Result<Swept, Error> {
        self.store.sweep(|| {
            let mut roots = also()?;
            for head in self.list()? {
                roots.extend(head.stack.into_iter().chain(head.base));
            }
            Ok(roots)
        })
    }
}

pub(super) fn must_be_open(head: &Head) -> Result<(), Error> {
    let why = match head.state {
        State::Open => return Ok(()),
        State::Committed => "was committed already",
        State::Discarded => "was discarded",
    };
    Err(Error::NotNow { branch: head.name.clone(), why: why.to_owned() })
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./@".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(fits) {
        let why = "is no name: letters, digits and -_./@ make one, at most 200".to_owned();
        return Err(Error::NotNow { branch: name.to_owned(), why });
    }
    Ok(())
}
