//! Bringing a branch's changes into its parent: all of them or none.

use super::heads::{Head, Safe, State};
use super::merge::overlaps;
use super::open::{Branches, must_be_open};
use super::text;
use crate::error::Error;
use crate::store::Writing;
use crate::tree::{Changes, Overlap, Planted, Stack};
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// How many layers a stack has at most: then those above the lowest become one.
const LAYERS_MAX: usize = 32;

/// How often a commit begins anew because others were quicker.
const ATTEMPTS: u32 = 100;

/// What happens when the parent has changed since the branch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is refused: who is first wins.
    #[default]
    FirstWins,
    /// Changes to other paths are put on top of the parent's. Where both changed the
    /// same differently, it is refused.
    Rebase,
    /// As `Rebase`, but the branch's changes win.
    Force,
}

/// How to commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// If the parent has changed.
    pub mode: Mode,
    /// Whether texts that both sides changed are merged line by line, where the lines are
    /// apart.
    pub merge_text: bool,
}

/// A commit that was done.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The parent as it is now.
    pub parent: Head,
    /// All that differs in the parent, also what was in the way of the branch's changes.
    pub changes: Changes,
    /// Files that have lines of both sides.
    pub merged: Vec<Overlap>,
    /// Where the branch's changes replaced the parent's.
    pub forced: Vec<Overlap>,
    /// What of it may act outside of a box.
    pub planted: Vec<Planted>,
}

/// What a commit would make of the parent.
struct Plan {
    stack: Stack,
    changes: Changes,
    merged: Vec<Overlap>,
    forced: Vec<Overlap>,
}

impl Branches {
    /// Commits a branch into its parent and closes it. A crash before this returns leaves
    /// both as they were, or both as this would have left them: look at the branch's state.
    ///
    /// # Errors
    /// [`Error::Overtaken`], [`Error::Conflict`]; a branch that is not open, has no parent
    /// or has open branches itself. Then nothing was changed.
    pub fn commit(&self, name: &str, terms: Terms) -> Result<Committed, Error> {
        // No garbage is collected between a layer and the head that names it.
        let mut writing = self.store.write()?;
        for _ in 0..ATTEMPTS {
            let (branch, parent) = self.heads.read(|heads| {
                let branch = heads.named(name)?;
                must_be_open(&branch)?;
                let Some(parent) = branch.parent else {
                    return not_now(&branch, "has no parent to commit to");
                };
                if let Some(child) = heads.branches(branch.no)?.first() {
                    let why = format!(
                        "has the open branch `{}`; commit or discard that first",
                        child.name
                    );
                    return not_now(&branch, &why);
                }
                let parent = heads.numbered(parent)?;
                must_be_open(&parent)?;
                Ok((branch, parent))
            })?;
            let plan = self.plan(&branch, &parent, terms, &mut writing)?;
            if let Some(parent) = self.swap(&branch, &parent, &plan)? {
                // Others need not wait for the search.
                drop(writing);
                let planted = Planted::among(&plan.changes, &plan.stack);
                let Plan { changes, merged, forced, .. } = plan;
                return Ok(Committed { parent, changes, merged, forced, planted });
            }
        }
        Err(Error::Busy(format!("others commit to the parent of `{name}` all the time; try again")))
    }

    /// Changes both rows if they are as they were read; otherwise none.
    fn swap(&self, branch: &Head, parent: &Head, plan: &Plan) -> Result<Option<Head>, Error> {
        let lost = "lost";
        let swapped = self.heads.write(Safe::Disk, |heads| {
            let childless = heads.branches(branch.no)?.is_empty();
            let moved = plan.changes.is_empty() || heads.advance(parent, &plan.stack.ids())?;
            if !childless || !moved || !heads.close(branch, State::Committed)? {
                // An error takes back what was written by now.
                return Err(Error::Busy(lost.to_owned()));
            }
            heads.numbered(parent.no)
        });
        match swapped {
            Ok(parent) => Ok(Some(parent)),
            Err(Error::Busy(why)) if why == lost => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn plan(
        &self,
        branch: &Head,
        parent: &Head,
        terms: Terms,
        writing: &mut Writing<'_>,
    ) -> Result<Plan, Error> {
        let base = self.store.stack(&branch.base)?;
        let theirs = self.store.stack(&branch.stack)?;
        let changes = Changes::between(&base, &theirs);
        if changes.is_empty() || parent.moves == branch.base_moves {
            let stack = compact(theirs, 1, writing)?;
            return Ok(Plan { stack, changes, merged: Vec::new(), forced: Vec::new() });
        }
        let ours = self.store.stack(&parent.stack)?;
        let found = overlaps(&Changes::between(&base, &ours), &changes);
        if terms.mode == Mode::FirstWins {
            let (branch, parent) = (branch.name.clone(), parent.name.clone());
            return Err(Error::Overtaken { branch, parent, overlaps: found });
        }
        let mut plan = Plan { stack: ours, changes, merged: Vec::new(), forced: Vec::new() };
        for overlap in found {
            let text = if terms.merge_text { text::merged(&overlap, writing)? } else { None };
            match text {
                Some(entry) => {
                    plan.changes.set_after(&overlap.path, entry);
                    plan.merged.push(overlap);
                }
                None => plan.forced.push(overlap),
            }
        }
        if terms.mode == Mode::Rebase && !plan.forced.is_empty() {
            let (branch, parent) = (branch.name.clone(), parent.name.clone());
            return Err(Error::Conflict { branch, parent, overlaps: plan.forced });
        }
        let changes = news(plan.changes, &plan.stack);
        let merged = match changes.is_empty() {
            true => plan.stack.clone(),
            false => writing.layer_on(&plan.stack, changes.layer(&plan.stack, &theirs)?)?,
        };
        // By force that is more than the branch's own: what was in the way is gone.
        plan.changes = Changes::between(&plan.stack, &merged);
        plan.stack = compact(merged, 1, writing)?;
        Ok(plan)
    }
}

fn not_now<T>(branch: &Head, why: &str) -> Result<T, Error> {
    Err(Error::NotNow { branch: branch.name.clone(), why: why.to_owned() })
}

/// Without what the parent has made the same already.
pub(super) fn news(changes: Changes, ours: &Stack) -> Changes {
    let known =
        changes.by_path().iter().filter(|(path, change)| match (ours.get(path), &change.after) {
            (Some(is), Some(after)) => is.looks_like(after),
            (is, after) => is.is_none() && after.is_none(),
        });
    let known: BTreeSet<_> = known.map(|(path, _)| path.clone()).collect();
    changes.without(&known)
}

/// Makes one layer of all above the lowest ones when there are too many: each costs time when
/// a file is opened, and the kernel takes only so many. `lowest` are kept if they are few.
pub(super) fn compact(
    stack: Stack,
    lowest: usize,
    writing: &mut Writing<'_>,
) -> Result<Stack, Error> {
    if stack.len() <= LAYERS_MAX {
        return Ok(stack);
    }
    let (lowest, _) = stack.split(if lowest > LAYERS_MAX / 2 { 1 } else { lowest.max(1) });
    let changes = Changes::between(&lowest, &stack);
    writing.layer_on(&lowest, changes.layer(&lowest, &stack)?)
}
