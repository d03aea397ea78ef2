//! Boxes of boxes: branched, compared, committed, put into a folder of the machine.

use super::freeze::Frozen;
use super::open::Engine;
use super::request::Known;
use crate::TreePath;
use crate::branch::{Committed, Diff, Terms};
use crate::build::Image;
use crate::error::Error;
use crate::export::{Exported, HostDir};
use crate::hash::{ImageId, LayerId};
use crate::spec::{Granted, Rights};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A box's files at a moment: what it was started from, and all layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What it was started from.
    pub image: ImageId,
    /// Its layers, the lowest first.
    pub stack: Vec<LayerId>,
    /// What its owner lets it do by the hub, of what its image asks for; `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Rights>,
    /// The secrets that it is given, if not all that its image asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Granted>,
}

impl Engine {
    /// Branches of a box as it is now, one for each name. What runs in it stands still for the
    /// moment; it does not run in the branches.
    ///
    /// # Errors
    /// A name that another box has. Then those before it are there.
    pub fn branch(
        &self,
        name: &str,
        branches: &[String],
        owner: Option<&str>,
    ) -> Result<Vec<Known>, Error> {
        let image = self.image_of(name)?;
        self.seal(name)?;
        // It may do no more than what it comes from, and is given no more.
        let within = self.row(name)?.within;
        let granted = self.records.granted(name)?;
        let one = |branch: &String| {
            let owner = (owner, within.clone());
            self.make(branch, &image, owner, |heads| {
                self.records.grant(branch, &granted)?;
                heads.branch(name, branch)
            })
        };
        branches.iter().map(one).collect()
    }

    /// What a box has changed since it was made or branched.
    ///
    /// # Errors
    /// As [`Engine::seal`].
    pub fn diff(&self, name: &str) -> Result<Diff, Error> {
        self.seal(name)?;
        self.branches.diff(name)
    }

    /// Brings what a branch has changed into the box that it is a branch of, and ends it. If
    /// that one runs it is ended too, and starts with the new files when it is needed next:
    /// only with `restart` if there are commands in it.
    ///
    /// # Errors
    /// As [`crate::branch::Branches::commit`]. Then nothing was changed, and what ran goes on.
    pub fn commit(&self, name: &str, terms: Terms, restart: bool) -> Result<Committed, Error> {
        let Some(parent) = self.find(name)?.parent else {
            let why = "is no branch: there is nothing to commit it into; export it to a folder";
            return Err(Error::NotNow { branch: name.to_owned(), why: why.to_owned() });
        };
        let held = self.hold(&[name, &parent])?;
        self.keep_logs(&parent)?;
        let child = self.take_in_frozen(name)?;
        let above = self.take_in_frozen(&parent)?;
        let commands = above.as_ref().map_or(Some(0), Frozen::commands);
        if commands != Some(0) && !restart {
            let why = match commands {
                Some(_) => {
                    "has commands running in it, which a commit into it would end; end them, or \
                     commit with restart"
                }
                None => {
                    "runs, and nobody can count what runs in it, which a commit into it would \
                     end; stop it first, or commit with restart"
                }
            };
            return Err(Error::NotNow { branch: parent, why: why.to_owned() });
        }
        let committed = self.branches.commit(name, terms)?;
        // It is done. What cannot be ended or removed now is as after a crash: what runs sees files
        // that are no more, and whoever comes next sees to it.
        if let Some(above) = above {
            let _ = self.end(&parent, above);
        }
        drop(child);
        let cleared = self.records.find(name).map(|row| row.map(|row| self.clear(&row)));
        if matches!(cleared, Ok(Some(Ok(())))) {
            held.remove_files();
        }
        Ok(committed)
    }

    /// Puts what a box has changed into a folder of the machine, all or nothing.
    ///
    /// # Errors
    /// As [`HostDir::export`].
    pub fn export(&self, name: &str, dir: &Path, planted: bool) -> Result<Exported, Error> {
        let diff = self.diff(name)?;
        let (host, _) = HostDir::open(dir, &self.exports())?;
        host.export(self.branches.store(), &diff.changes, planted)
    }

    /// Forgets what an export has begun in a folder of the machine and cannot finish.
    ///
    /// # Errors
    /// As [`HostDir::give_up`].
    pub fn give_up_export(&self, dir: &Path) -> Result<Vec<TreePath>, Error> {
        HostDir::give_up(dir, &self.exports())
    }

    fn exports(&self) -> PathBuf {
        self.dir.join("exports")
    }

    /// A box's files as they are now, kept until its owner is disposed of.
    ///
    /// # Errors
    /// As [`Engine::seal`].
    pub fn snapshot(&self, name: &str, owner: &str) -> Result<Snapshot, Error> {
        self.seal(name)?;
        let row = self.row(name)?;
        // No garbage is collected between the head and the row that keeps its layers.
        let _writing = self.branches.store().write()?;
        let stack = self.branches.head(name)?.stack;
        let id = blake3::hash(format!("{owner} {} {stack:?}", row.image).as_bytes());
        self.records.keep_snapshot(&id.to_hex(), owner, row.image, &stack)?;
        let granted = self.granted(name)?;
        let granted = (granted != self.image_of(name)?.secrets).then_some(granted);
        Ok(Snapshot { image: row.image, stack, within: row.within, granted })
    }

    /// A new box with the files of that moment.
    ///
    /// # Errors
    /// A name that another box has; layers that are not there any more.
    pub fn restore(
        &self,
        snapshot: &Snapshot,
        name: &str,
        owner: Option<&str>,
    ) -> Result<Known, Error> {
        let image: Image = self.image(&snapshot.image.to_string())?;
        let granted = snapshot.granted.as_ref().unwrap_or(&image.secrets);
        let owner = (owner, snapshot.within.clone());
        self.create_over(&image, &snapshot.stack, name, owner, granted)
    }
}
