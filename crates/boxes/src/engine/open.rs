//! Opening a folder of boxes; images; making, listing and removing boxes.

use super::outside::{Served, Setup};
use super::place::{Place, place, sweep_shown};
use super::records::{BoxRow, ExecRow, Loss, Records};
use super::request::{Known, LeftOut};
use super::reserve::Reserve;
use crate::LevelName;
use crate::branch::{Branches, Head, State};
use crate::build::{Builder, Image, Progress};
use crate::error::Error;
use crate::hash::LayerId;
use crate::sandbox::{self, Bind, Level, Namespace, remove_tree};
use crate::spec::{Granted, NAME, Rights, is_box_name};
use crate::store::{Swept, is_at, private_dir};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// A step of a build that nobody has used for so long is forgotten by garbage collection.
const UNUSED: Duration = Duration::from_secs(14 * 24 * 3600);

/// A folder of boxes. What it does blocks: call it outside of an async runtime's threads.
pub struct Engine {
    pub(super) dir: PathBuf,
    /// The same folder, wherever it is now.
    opened: OwnedFd,
    /// What boxes are shown of the machine's files, as they see its path too.
    shown: PathBuf,
    pub(super) branches: Branches,
    pub(super) records: Arc<Records>,
    pub(super) setup: Setup,
    pub(super) reserve: Reserve,
    level: Mutex<Option<Arc<Namespace>>>,
    /// What this process serves of which box.
    pub(super) served: Mutex<BTreeMap<String, Served>>,
    /// Held by who begins to serve one, so that two of its threads do not take turns.
    pub(super) serving: Mutex<()>,
    /// The hub's client as boxes see it, once it is in the folder.
    pub(super) client: OnceLock<Bind>,
    /// What no layer could have, until somebody asks.
    pub(super) left_out: Mutex<BTreeSet<LeftOut>>,
}

/// What garbage collection removed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Removed {
    /// Boxes of which a crash had left something.
    pub boxes: u64,
    /// Steps of builds that nobody used.
    pub steps: u64,
    /// Layers and blobs.
    #[serde(flatten)]
    pub swept: Swept,
}

impl Engine {
    /// Opens the boxes of a folder that others may have brought or may write to, such as a
    /// project's `.greenroom/boxes`: they stand in a folder of it that only this user knows,
    /// and nothing else of it is looked at. No sandbox is needed for that.
    ///
    /// # Errors
    /// As [`Engine::open`]; boxes there that this user has not made at this place.
    pub fn open_in(dir: &Path, setup: Setup) -> Result<Engine, Error> {
        let Place { dir, shown } = place(dir)?;
        Engine::open_showing(dir, shown, setup)
    }

    /// Opens a folder, which is made if need be. All that stands in it is believed, so nobody
    /// else may ever have written there: a project's is for [`Engine::open_in`]. No sandbox is
    /// needed for that.
    ///
    /// # Errors
    /// A folder that cannot be made; rows of a newer format.
    pub fn open(dir: &Path, setup: Setup) -> Result<Engine, Error> {
        std::fs::create_dir_all(dir).map_err(|error| Error::io("make", dir, error))?;
        let dir = dir.canonicalize().map_err(|error| Error::io("open", dir, error))?;
        Engine::open_showing(dir.clone(), dir.join("shown/boxes"), setup)
    }

    fn open_showing(dir: PathBuf, shown: PathBuf, setup: Setup) -> Result<Engine, Error> {
        let reserve = Reserve::of(&dir);
        let (branches, records) = match files(&dir) {
            Err(_) if reserve.give_up() => files(&dir)?,
            opened => opened?,
        };
        reserve.keep();
        let opened = File::open(&dir).map_err(|error| Error::io("open", &dir, error))?;
        Ok(Engine {
            branches,
            records: Arc::new(records),
            dir,
            opened: opened.into(),
            shown,
            reserve,
            setup,
            level: Mutex::default(),
            served: Mutex::default(),
            serving: Mutex::default(),
            client: OnceLock::new(),
            left_out: Mutex::default(),
        })
    }

    /// The store and its heads.
    #[must_use]
    pub fn branches(&self) -> &Branches {
        &self.branches
    }

    /// Rows are read and written wherever the folder is now, files of boxes where it was: what
    /// is not there would be taken for removed.
    pub(super) fn must_be_here(&self) -> Result<(), Error> {
        if is_at(&self.opened, &self.dir)? {
            return Ok(());
        }
        let why = "the folder of boxes was moved or removed while this program used it: end the \
                   program, and start it where the folder is now";
        Err(Error::refused(self.dir.display().to_string(), why))
    }

    /// Who makes sandboxes of this level, or why nobody does.
    pub(super) fn level(&self, name: LevelName) -> Result<Arc<dyn Level>, Error> {
        self.must_be_here()?;
        let state = self.dir.join("spawner");
        if name != LevelName::Namespace {
            return Ok(Arc::from(sandbox::open(name, &self.setup.launch, &state)?));
        }
        let mut level = locked(&self.level);
        if let Some(level) = &*level
            && level.is_there()
        {
            return Ok(level.clone());
        }
        // The first time, or the spawner was killed: the next one removes what it left.
        let new = Arc::new(Namespace::attach(&self.setup.launch, &state)?);
        *level = Some(new.clone());
        Ok(new)
    }

    /// Builds the box of these folders and keeps its image under the box's name. Of several
    /// it is `a + b`.
    ///
    /// # Errors
    /// As [`Builder::build_together`].
    pub fn build(
        &self,
        folders: &[&Path],
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Image, Error> {
        // A spawner of its own: what runs for a build ends with who builds, however that ends.
        let level = Namespace::open(&self.setup.launch, &self.dir.join("builders"))?;
        let builder = Builder::new(&self.branches, &level).with_network(self);
        let image = builder.build_together(folders, progress)?;
        self.records.keep_image(&image, now_ms())?;
        Ok(image)
    }

    /// The image of an id or, of a name, the one that was built last.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn image(&self, name: &str) -> Result<Image, Error> {
        let missing = || Error::Missing(format!("image `{name}`; build its folder first"));
        self.records.image(name)?.ok_or_else(missing)
    }

    /// All images with when they were built (milliseconds since 1970), the newest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn images(&self) -> Result<Vec<(Image, u64)>, Error> {
        self.records.images()
    }

    /// Removes an image. Boxes that were started from it go on, and keep their layers.
    ///
    /// # Errors
    /// [`Error::Missing`]; one that boxes, or boxes of snapshots, were started from.
    pub fn remove_image(&self, name: &str) -> Result<(), Error> {
        let image = self.image(name)?;
        let user = self.records.list()?.into_iter().find(|row| row.image == image.id);
        if let Some(row) = user {
            let why = format!("the box `{}` was started from the image; remove it first", row.name);
            return Err(Error::Busy(why));
        }
        if let Some(owner) = self.records.snapshot_of(image.id)? {
            let why = format!(
                "`{owner}` keeps a snapshot of a box that was started from the image, and could \
                 not restore it; the snapshot goes with `{owner}`"
            );
            return Err(Error::Busy(why));
        }
        self.records.forget_image(image.id).map(drop)
    }

    /// A box of an image: its files are there, and nothing runs yet. `owner` is who disposes
    /// of it. It is given the secrets that its image asks for: whoever does not know what these
    /// are says which by [`Engine::create_granting`].
    ///
    /// # Errors
    /// A name that another box has, or that is none.
    pub fn create(&self, image: &Image, name: &str, owner: Option<&str>) -> Result<Known, Error> {
        self.create_over(image, &image.stack, name, (owner, None), &image.secrets)
    }

    pub(super) fn create_over(
        &self,
        image: &Image,
        stack: &[LayerId],
        name: &str,
        owner: (Option<&str>, Option<Rights>),
        granted: &Granted,
    ) -> Result<Known, Error> {
        self.make(name, image, owner, |branches| {
            self.records.grant(name, granted)?;
            let writing = branches.store().write()?;
            branches.found(&writing, name, stack)
        })
    }

    /// Whether a new box could have this name, for who does something else before it is made.
    ///
    /// # Errors
    /// A name that another box has, or that is none.
    pub fn check_new(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        match self.row(name) {
            Ok(_) => Err(taken(name)),
            Err(Error::Missing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The row first: a head without one would be nobody's. `owner` comes with what it lets
    /// the box do of what its image asks for.
    pub(super) fn make(
        &self,
        name: &str,
        image: &Image,
        (owner, within): (Option<&str>, Option<Rights>),
        head: impl FnOnce(&Branches) -> Result<Head, Error>,
    ) -> Result<Known, Error> {
        check_name(name)?;
        let _held = self.hold(&[name])?;
        if let Some(row) = self.records.find(name)? {
            if self.is_open(&row)? {
                return Err(taken(name));
            }
            self.clear(&row)?;
        }
        let row = BoxRow {
            name: name.to_owned(),
            image: image.id,
            owner: owner.map(str::to_owned),
            made_ms: now_ms(),
            sandbox: None,
            mounted: Vec::new(),
            boot: None,
            loss: None,
            within,
        };
        self.records.insert(&row)?;
        match head(&self.branches) {
            Ok(_) => self.known(row),
            Err(error) => {
                self.records.remove(name)?;
                Err(error)
            }
        }
    }

    pub(super) fn row(&self, name: &str) -> Result<BoxRow, Error> {
        match self.records.find(name)? {
            Some(row) if self.is_open(&row)? => Ok(row),
            _ => Err(Error::Missing(format!("box `{name}`"))),
        }
    }

    /// What was run in a box, the oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn execs(&self, name: &str) -> Result<Vec<ExecRow>, Error> {
        self.records.execs(Some(name))
    }

    /// Ends a box and forgets it, with its branches. How many boxes that were.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn discard(&self, name: &str) -> Result<u64, Error> {
        self.reserve.give_up();
        let row = self.row(name)?;
        self.branches.discard(&row.name)?;
        self.reap()
    }

    /// Ends all boxes of an owner, and forgets its snapshots. How many boxes.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn dispose_of(&self, owner: &str) -> Result<u64, Error> {
        // First: an owner without boxes is not among the owners any more.
        self.records.forget_snapshots(owner)?;
        self.release(owner)
    }

    /// Ends all boxes of an owner, whose snapshots stay: it may come back. How many.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn release(&self, owner: &str) -> Result<u64, Error> {
        for row in self.records.of_owner(owner)? {
            if self.is_open(&row)? {
                self.branches.discard(&row.name)?;
            }
        }
        self.reap()
    }

    /// Who owns boxes.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn owners(&self) -> Result<Vec<String>, Error> {
        self.records.owners()
    }

    /// Removes what a crash has left of boxes that are discarded or committed.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn reap(&self) -> Result<u64, Error> {
        let mut count = 0;
        for row in self.records.list()? {
            if self.is_open(&row)? {
                self.mend(&row)?;
                continue;
            }
            let held = self.hold(&[&row.name])?;
            // Somebody may have made another one of the name meanwhile.
            if let Some(row) = self.records.find(&row.name)?
                && !self.is_open(&row)?
            {
                self.clear(&row)?;
                held.remove_files();
                count += 1;
            }
        }
        Ok(count + self.reap_heads()?)
    }

    /// A failure of power may take back the row of a branch and not its head: then the name
    /// would be taken, and its layers kept, for a box that nobody sees.
    fn reap_heads(&self) -> Result<u64, Error> {
        let heads = self.branches.list()?;
        // Read after them: a row is written before its head.
        let rows: BTreeSet<String> = self.records.list()?.into_iter().map(|row| row.name).collect();
        let mut count = 0;
        for head in heads.into_iter().filter(|head| !rows.contains(&head.name)) {
            let _held = self.hold(&[&head.name])?;
            let is_open = self.branches.head(&head.name)?.state == State::Open;
            if is_open && self.records.find(&head.name)?.is_none() {
                count += self.branches.discard(&head.name)?;
            }
        }
        Ok(count)
    }

    /// Removes layers and files that no box, image, snapshot or build needs. What goes first
    /// needs no room, so that it also works where the disk is full.
    ///
    /// # Errors
    /// Somebody writes to the store. What failed did not keep the rest from going.
    pub fn collect_garbage(&self) -> Result<Removed, Error> {
        self.reserve.give_up();
        let forgotten = || Ok::<_, Error>((self.reap()?, self.forget_unused()?));
        let first = forgotten();
        // Small files, and not worth a failure.
        let _ = self.sweep_locks();
        sweep_shown(&self.shown, SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms()));
        let mut swept = self.sweep()?;
        let (boxes, steps) = match first {
            Ok(first) => first,
            // On a full disk no row can be written until something has gone.
            Err(_) => {
                let second = forgotten()?;
                swept += self.sweep()?;
                second
            }
        };
        self.reserve.keep();
        Ok(Removed { boxes, steps, swept })
    }

    fn forget_unused(&self) -> Result<u64, Error> {
        let images: Vec<Image> = self.images()?.into_iter().map(|(image, _)| image).collect();
        let level = self.level(LevelName::Namespace)?;
        let before = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms()) - UNUSED;
        Builder::new(&self.branches, &*level).forget_unused(before, &images)
    }

    fn sweep(&self) -> Result<Swept, Error> {
        self.branches.sweep_but(|| {
            let images = self.images()?.into_iter();
            let mut also: BTreeSet<LayerId> = images.flat_map(|(image, _)| image.stack).collect();
            also.extend(self.records.snapshots()?.into_iter().flatten());
            also.extend(self.records.list()?.into_iter().flat_map(|row| row.mounted));
            also.extend(self.records.execs(None)?.into_iter().filter_map(|exec| exec.output));
            Ok(also)
        })
    }

    /// Ends and removes all of a box whose head is not open.
    pub(super) fn clear(&self, row: &BoxRow) -> Result<(), Error> {
        self.kill(&row.name)?;
        let dir = self.box_dir(&row.name);
        for dir in [dir, self.shown_dir(&row.name)] {
            remove_tree(&dir).map_err(|error| Error::io("remove", &dir, error))?;
        }
        self.records.remove(&row.name)
    }

    pub(super) fn is_open(&self, row: &BoxRow) -> Result<bool, Error> {
        match self.branches.head(&row.name) {
            Ok(head) => Ok(head.state == State::Open),
            Err(Error::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where a box writes.
    pub(super) fn box_dir(&self, name: &str) -> PathBuf {
        self.dir.join("boxes").join(name)
    }

    /// Where the files stand that a box is shown.
    pub(super) fn shown_dir(&self, name: &str) -> PathBuf {
        self.shown.join(name)
    }

    /// Where programs stand that all boxes are shown.
    pub(super) fn shown_programs(&self) -> PathBuf {
        self.shown.with_file_name("bin")
    }

    /// A sandbox of the box died: what that took from it.
    pub(super) fn lost(&self, name: &str, loss: Loss) -> Result<(), Error> {
        self.records.lose(name, Some(loss))
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The folders and rows of a folder of boxes.
fn files(dir: &Path) -> Result<(Branches, Records), Error> {
    private_dir(&dir.join("boxes"))?;
    private_dir(&dir.join("locks"))?;
    Ok((Branches::open(dir)?, Records::open(&dir.join("boxes.sqlite3"))?))
}

fn check_name(name: &str) -> Result<(), Error> {
    if is_box_name(name) {
        return Ok(());
    }
    let why = format!("is no name of a box: {NAME}");
    Err(Error::NotNow { branch: name.to_owned(), why })
}

fn taken(name: &str) -> Error {
    let why = "is the name of a box already; take another".to_owned();
    Error::NotNow { branch: name.to_owned(), why }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970: told to people, and no part of what is built.
pub(super) fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000
        + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}
