//! A box stands still while what it has written is taken in. Who dies meanwhile leaves marks in
//! its folder, by which whoever comes next lets it go on, or ends it.

use super::open::Engine;
use super::records::BoxRow;
use crate::error::Error;
use crate::sandbox::remove_tree;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

/// It stands still for somebody who holds the box.
const STILL: &str = "still";

/// All of it is in the head. If that moves now, it is by a commit into it, which ends what runs.
const TAKEN_IN: &str = "taken-in";

impl Engine {
    /// The caller holds the box, and takes the mark away when it has gone on or has ended.
    pub(super) fn mark_still(&self, name: &str) -> Result<(), Error> {
        self.mark(name, STILL)
    }

    /// Nothing is written any more, and a commit into it begins.
    pub(super) fn mark_taken_in(&self, name: &str) -> Result<(), Error> {
        self.mark(name, TAKEN_IN)
    }

    fn mark(&self, name: &str, mark: &str) -> Result<(), Error> {
        let dir = self.box_dir(name);
        std::fs::create_dir_all(&dir).map_err(|error| Error::io("make", &dir, error))?;
        let path = dir.join(mark);
        File::create(&path).map(drop).map_err(|error| Error::io("make", &path, error))
    }

    /// Whether somebody makes it stand still, or did and died.
    pub(super) fn is_still(&self, name: &str) -> bool {
        self.box_dir(name).join(STILL).exists()
    }

    /// Lets a box go on that somebody left standing still. The caller holds it.
    pub(super) fn go_on(&self, name: &str) -> Result<(), Error> {
        let dir = self.box_dir(name);
        if !dir.join(STILL).exists() {
            return Ok(());
        }
        let row = self.row(name)?;
        let moves = self.branches.head(name)?.moves;
        match self.adopted(&row)? {
            Some(sandbox) if moves != row.moves && dir.join(TAKEN_IN).exists() => {
                self.end(name, sandbox)?;
            }
            Some(sandbox) => {
                // A seal that had no time to be written down; nothing was written since.
                if moves != row.moves {
                    self.records.sealed(name, moves)?;
                }
                sandbox.thaw()?;
            }
            None => {}
        }
        unmark(&dir)
    }

    /// Removes what a sandbox has written that is in the head, where a crash has left it. The
    /// caller holds the box.
    pub(super) fn forget_writes(&self, row: &BoxRow) -> Result<(), Error> {
        let Some(no) = row.sandbox.filter(|_| row.boot.is_none()) else { return Ok(()) };
        let dir = self.upper_dir(&row.name, no);
        remove_tree(&dir).map_err(|error| Error::io("remove", &dir, error))
    }

    /// What a crash has left of a box that is there: it stands still, or was ended half.
    pub(super) fn mend(&self, row: &BoxRow) -> Result<(), Error> {
        let ended = row.sandbox.filter(|_| row.boot.is_none());
        let left = ended.is_some_and(|no| self.upper_dir(&row.name, no).exists());
        if !left && !self.is_still(&row.name) {
            return Ok(());
        }
        let _held = self.hold(&[&row.name])?;
        self.go_on(&row.name)?;
        self.forget_writes(&self.row(&row.name)?)
    }
}

/// The box with this folder goes on, or has ended.
pub(super) fn unmark(dir: &Path) -> Result<(), Error> {
    for mark in [TAKEN_IN, STILL] {
        let mark = dir.join(mark);
        match std::fs::remove_file(&mark) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", &mark, error));
            }
            _ => {}
        }
    }
    Ok(())
}
