//! What was written in a box becomes a layer of its branch, and what a branch has changed.

use super::heads::{Head, Safe};
use super::open::{Branches, must_be_open};
use crate::error::Error;
use crate::hash::LayerId;
use crate::store::Writing;
use crate::tree::{Changes, Manifest, Planted, Rename};
use std::sync::Arc;

/// A branch after sealing.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The branch as it is now.
    pub head: Head,
    /// What this seal added to it.
    pub changes: Changes,
    /// What of it may act outside of a box.
    pub planted: Vec<Planted>,
}

/// What a branch has changed since it began.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Path by path.
    pub changes: Changes,
    /// Which removals and additions are one file that went elsewhere.
    pub renames: Vec<Rename>,
    /// What of it may act outside of a box.
    pub planted: Vec<Planted>,
}

impl Branches {
    /// Puts what was written over a branch on top of it, without what it only repeats. On
    /// disk when this returns; a crash before leaves the branch as it was.
    ///
    /// # Errors
    /// A branch that is not open, or that somebody else changed meanwhile.
    pub fn seal(
        &self,
        writing: &mut Writing<'_>,
        name: &str,
        written: Manifest,
    ) -> Result<Sealed, Error> {
        let below = self.head(name)?.stack;
        self.seal_over(writing, name, &below, written)
    }

    /// The same of what was written over these layers, on which the branch stood once and has
    /// since taken in some of what was written: also what was taken back again is seen.
    ///
    /// # Errors
    /// As [`Branches::seal`].
    pub fn seal_over(
        &self,
        writing: &mut Writing<'_>,
        name: &str,
        below: &[LayerId],
        written: Manifest,
    ) -> Result<Sealed, Error> {
        let head = self.head(name)?;
        must_be_open(&head)?;
        let stack = self.store.stack(&head.stack)?;
        let mut over = self.store.stack(below)?;
        over.push(written.id(), Arc::new(written));
        let changes = Changes::between(&stack, &over);
        let planted = Planted::among(&changes, &over);
        if changes.is_empty() {
            writing.settle()?;
            return Ok(Sealed { head, changes, planted });
        }
        let sealed = writing.layer_on(&stack, changes.layer(&stack, &over)?)?;
        let head = self.heads.write(Safe::Disk, |heads| {
            if !heads.advance(&head, &sealed.ids())? {
                return Err(Error::Busy(format!("`{name}` was changed meanwhile; seal it again")));
            }
            heads.numbered(head.no)
        })?;
        Ok(Sealed { head, changes, planted })
    }

    /// What a branch has changed since it began.
    ///
    /// # Errors
    /// A branch whose layers are not there any more.
    pub fn diff(&self, name: &str) -> Result<Diff, Error> {
        let head = self.head(name)?;
        let (base, stack) = (self.store.stack(&head.base)?, self.store.stack(&head.stack)?);
        let changes = Changes::between(&base, &stack);
        let (renames, planted) = (changes.renames(), Planted::among(&changes, &stack));
        Ok(Diff { changes, renames, planted })
    }
}
