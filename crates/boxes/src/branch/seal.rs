//! What was written in a box becomes a layer of its branch, and what a branch has changed.

use super::commit::{compact, news};
use super::heads::{Head, Safe};
use super::open::{Branches, must_be_open};
use crate::error::Error;
use crate::hash::LayerId;
use crate::path::TreePath;
use crate::store::Writing;
use crate::tree::{Changes, Manifest, Planted, Rename, Stack};
use std::sync::Arc;

/// A branch after sealing.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The branch as it is now.
    pub head: Head,
    /// What this seal added to it.
    pub changes: Changes,
    over: Stack,
}

impl Sealed {
    /// What of it may act outside of a box. Looked for only here: a box stands still while it is
    /// sealed.
    #[must_use]
    pub fn planted(&self) -> Vec<Planted> {
        Planted::among(&self.changes, &self.over)
    }
}

/// What a sandbox has written by now, and over what.
pub struct Written<'a> {
    /// The layers below it.
    pub over: &'a [LayerId],
    /// All of it, since it was made.
    pub manifest: Manifest,
    /// The branch's layers when it was sealed last, or else when the sandbox was made. If the
    /// branch has others by now, what was written since goes on top of those.
    pub since: &'a [LayerId],
    /// Which changes are to be believed: the others are left as they were sealed last.
    pub counts: &'a dyn Fn(&TreePath) -> bool,
    /// Hears of the branch's new layers before it has them.
    pub about_to: &'a dyn Fn(&[LayerId]) -> Result<(), Error>,
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
        let head = self.head(name)?;
        must_be_open(&head)?;
        let stack = self.store.stack(&head.stack)?;
        let mut over = stack.clone();
        over.push(written.id(), Arc::new(written));
        let changes = Changes::between(&stack, &over);
        self.put(writing, head, changes, (&stack, over), 1, &|_| Ok(()))
    }

    /// The same for what a sandbox writes that goes on: of all that it has written, what is
    /// new since it was sealed last, also what is gone again.
    ///
    /// # Errors
    /// As [`Branches::seal`].
    pub fn seal_written(
        &self,
        writing: &mut Writing<'_>,
        name: &str,
        written: Written<'_>,
    ) -> Result<Sealed, Error> {
        let head = self.head(name)?;
        must_be_open(&head)?;
        let (stack, since) = (self.store.stack(&head.stack)?, self.store.stack(written.since)?);
        let mut now = self.store.stack(written.over)?;
        now.push(written.manifest.id(), Arc::new(written.manifest));
        let changes = Changes::between(&since, &now);
        let paths = changes.by_path().keys();
        let doubted = paths.filter(|path| !(written.counts)(path)).cloned().collect();
        let changes = news(changes.without(&doubted), &stack);
        // The layers below the sandbox are told from it each time, so they stay as they are.
        let lowest = stack.shared(&now);
        self.put(writing, head, changes, (&stack, now), lowest, written.about_to)
    }

    /// Changes of what was written go on top of what the branch has.
    fn put(
        &self,
        writing: &mut Writing<'_>,
        head: Head,
        changes: Changes,
        (stack, over): (&Stack, Stack),
        lowest: usize,
        about_to: &dyn Fn(&[LayerId]) -> Result<(), Error>,
    ) -> Result<Sealed, Error> {
        if changes.is_empty() {
            writing.settle()?;
            return Ok(Sealed { head, changes, over });
        }
        let name = &head.name;
        let sealed = writing.layer_on(stack, changes.layer(stack, &over)?)?;
        let sealed = compact(sealed, lowest, writing)?;
        about_to(&sealed.ids())?;
        let head = self.heads.write(Safe::Disk, |heads| {
            if !heads.advance(&head, &sealed.ids())? {
                return Err(Error::Busy(format!("`{name}` was changed meanwhile; seal it again")));
            }
            heads.numbered(head.no)
        })?;
        Ok(Sealed { head, changes, over })
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
