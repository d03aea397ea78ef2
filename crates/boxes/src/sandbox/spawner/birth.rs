//! Makes one box: directories, cgroups, the new process, its ids, and the mounts that only the
//! host's root may make. The rest the process does itself, with no more rights than its own.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, WaitOptions, pidfd_send_signal, waitpid};

use super::watch::Watch;
use crate::sandbox::cgroup::{BoxCgroup, Cgroups, Controller};
use crate::sandbox::clock::now_ms;
use crate::sandbox::detached::{Detach, detach};
use crate::sandbox::identity::{self, Extent};
use crate::sandbox::inside;
use crate::sandbox::spec::{Enforced, Enforcement, Living, SandboxSpec, Upper};
use crate::sandbox::state::remove_tree;
use crate::sandbox::sys::{self, Side};
use crate::sandbox::wire::{self, BoxUsage, Failure, Go};

use super::census::processes;

/// What does not change from box to box.
pub struct Machine {
    pub cgroups: Cgroups,
    dir: PathBuf,
    /// Whether this process may map ids that are not its own.
    privileged: bool,
    uids: Vec<Extent>,
    gids: Vec<Extent>,
}

impl Machine {
    /// Looks at this process.
    pub fn new(cgroups: Cgroups, dir: PathBuf) -> Self {
        let extents = |path| identity::extents(Path::new(path)).unwrap_or_default();
        Self {
            cgroups,
            dir,
            privileged: rustix::process::geteuid().is_root(),
            uids: extents("/proc/self/uid_map"),
            gids: extents("/proc/self/gid_map"),
        }
    }
}

/// A process in its namespaces and cgroups that waits to be told which box it is. Made ahead:
/// what it takes is most of the time that a box takes.
pub struct Seed {
    /// Unlike that of any other of this spawner.
    pub number: u64,
    pub pid: Pid,
    pub pidfd: OwnedFd,
    sync: OwnedFd,
    pub cgroup: BoxCgroup,
}

/// Directories of boxes, made ahead: on a disk each can take half a millisecond.
pub struct Rooms {
    dir: PathBuf,
    made: Vec<PathBuf>,
    count: u64,
}

impl Rooms {
    /// None yet, below the spawner's directory.
    pub fn below(home: &Path) -> io::Result<Self> {
        let dir = home.join("ahead");
        fs::create_dir(&dir)?;
        Ok(Self { dir, made: Vec::new(), count: 0 })
    }

    pub fn len(&self) -> usize {
        self.made.len()
    }

    /// Makes one more. What cannot be made ahead is made when it is needed, and the box says why.
    pub fn add(&mut self) {
        self.count += 1;
        let room = self.dir.join(self.count.to_string());
        // Not with all that it is in: that may just have been moved or removed.
        let [upper, work] = ["upper", "work"].map(|name| room.join(name));
        if [&room, &upper, &work].into_iter().try_for_each(fs::create_dir).is_ok() {
            self.made.push(room);
        }
    }

    /// Whether one has become this directory. Not if that has something in it, or another disk.
    fn move_to(&mut self, dir: &Path) -> bool {
        let moved = self.made.last().is_some_and(|room| fs::rename(room, dir).is_ok());
        if moved {
            self.made.pop();
        }
        moved
    }
}

/// A box whose init has not been collected.
pub struct Inhabited {
    pub pid: Pid,
    pub pidfd: OwnedFd,
    pub cgroup: BoxCgroup,
    /// What is told of it.
    pub living: Living,
    /// What is to be removed when it has ended, if that is not its owner's to do.
    pub leftover: Option<PathBuf>,
    /// The owner's end of the socket to the init, for whoever adopts the box.
    pub control: Option<OwnedFd>,
    /// Who waits for its end.
    pub waiting: Vec<OwnedFd>,
    /// Over what it has on the disk, if that is limited.
    pub watch: Option<Watch>,
    /// The number of the owner for whom it stands still, and only while that one is there.
    pub still_for: Option<u64>,
    /// Where the init answers who was asked to let it go on: nobody reads that.
    pub unread: Option<OwnedFd>,
}

impl Inhabited {
    /// What it uses. Without a cgroup its processes are counted one by one.
    pub fn usage(&self) -> BoxUsage {
        let usage = self.cgroup.usage();
        BoxUsage { pids: usage.pids.or_else(|| processes(self.pid)), ..usage }
    }
}

const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS;

/// Makes a seed.
pub fn sow(machine: &Machine, number: u64) -> Result<Seed, Failure> {
    let cgroup =
        machine.cgroups.create(&format!("box-{number}")).map_err(Failure::at("make cgroups"))?;
    clone_seed(number, cgroup.clone()).inspect_err(|_| cgroup.remove())
}

fn clone_seed(number: u64, cgroup: BoxCgroup) -> Result<Seed, Failure> {
    let (sync, theirs) = wire::pair().map_err(Failure::at("socketpair"))?;
    let into = cgroup.unified().map(fs::File::open).transpose();
    let into = into.map_err(Failure::at("open the cgroup"))?;
    let birth =
        sys::Birth { namespaces: NAMESPACES as u64, cgroup: into.as_ref().map(AsFd::as_fd) };
    match sys::clone_process(&birth).map_err(Failure::at("clone into new namespaces"))? {
        Side::Child => inside::live(&theirs, &cgroup),
        Side::Parent(pid, pidfd) => Ok(Seed { number, pid, pidfd, sync, cgroup }),
    }
}

/// Makes a box of the seed; its init answers on `control`.
pub fn create(
    machine: &Machine,
    seed: Seed,
    spec: SandboxSpec,
    control: &OwnedFd,
    rooms: &mut Rooms,
) -> Result<Inhabited, Failure> {
    let own = matches!(spec.upper, Upper::Disk).then(|| dir_of(machine, &spec, seed.number));
    let leftover = match &spec.upper {
        Upper::Directory(dir) => Some(dir.join("work")),
        _ => own.clone(),
    };
    let disk = spec.limits.disk_bytes;
    match raise(machine, &seed, spec, control, rooms) {
        Ok(living) => {
            let Seed { pid, pidfd, cgroup, .. } = seed;
            let watch = living.upper.clone().zip(disk);
            let watch = watch.map(|(upper, bytes)| Watch::new(upper, bytes, now_ms()));
            Ok(Inhabited {
                pid,
                pidfd,
                cgroup,
                living,
                leftover,
                control: None,
                waiting: Vec::new(),
                watch,
                still_for: None,
                unread: None,
            })
        }
        Err(failure) => {
            pull(&seed);
            if let Some(dir) = own {
                let _ = remove_tree(&dir);
            }
            Err(failure)
        }
    }
}

/// Ends a seed that no box came of.
pub fn pull(seed: &Seed) {
    let _ = pidfd_send_signal(seed.pidfd.as_fd(), Signal::KILL);
    let _ = waitpid(Some(seed.pid), WaitOptions::empty());
    seed.cgroup.remove();
}

/// Gives the process its ids, its limits and what else it waits for.
fn raise(
    machine: &Machine,
    seed: &Seed,
    spec: SandboxSpec,
    control: &OwnedFd,
    rooms: &mut Rooms,
) -> Result<Living, Failure> {
    let upper = directories(machine, &spec, seed.number, rooms)?;
    let pid = seed.pid.as_raw_nonzero().get().cast_unsigned();
    let host_uid = map_ids(machine, pid, upper.as_deref())?;
    seed.cgroup.limit(&spec.limits).map_err(Failure::at("set the cgroups' limits"))?;
    let mut enforced = enforced(machine, &spec, host_uid);
    let mut mounts = Vec::new();
    if machine.privileged {
        if let Some(upper) = &upper {
            give(upper, host_uid).map_err(Failure::at("give the upper to the box"))?;
        }
        let user = fs::File::open(format!("/proc/{pid}/ns/user"));
        let user = user.map_err(Failure::at("open the user namespace"))?;
        enforced.owns_lower = take(&spec, upper.as_deref(), user.as_fd(), &mut mounts)?;
    }
    let living = Living {
        id: spec.id.clone(),
        number: seed.number,
        enforced: enforced.clone(),
        upper: upper.as_ref().map(|dir| dir.join("upper")),
        listen: spec.listen.clone(),
        frozen: false,
    };
    let upper = upper.map(|path| path.to_string_lossy().into_owned());
    let go = Go { spec, number: seed.number, upper, mounts: machine.privileged, enforced };
    let mut fds = vec![control.as_fd()];
    fds.extend(mounts.iter().map(AsFd::as_fd));
    wire::send(&seed.sync, &go, &fds).map_err(Failure::at("send the box its mounts"))?;
    Ok(living)
}

/// A box's own directory.
fn dir_of(machine: &Machine, spec: &SandboxSpec, number: u64) -> PathBuf {
    machine.dir.join(format!("{}.{number}", spec.id))
}

/// The directory with `upper` and `work`; a `work` that a crash left is of no use to anybody.
fn directories(
    machine: &Machine,
    spec: &SandboxSpec,
    number: u64,
    rooms: &mut Rooms,
) -> Result<Option<PathBuf>, Failure> {
    let dir = match &spec.upper {
        Upper::Memory { .. } => return Ok(None),
        Upper::Disk => dir_of(machine, spec, number),
        Upper::Directory(dir) => dir.clone(),
    };
    if !rooms.move_to(&dir) {
        make_room(&dir).map_err(Failure::at(format!("make `{}`", dir.display())))?;
    }
    Ok(Some(dir))
}

fn make_room(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir.join("upper"))?;
    remove_tree(&dir.join("work"))?;
    fs::create_dir(dir.join("work"))
}

fn give(dir: &Path, uid: u32) -> io::Result<()> {
    for dir in [dir, &dir.join("upper"), &dir.join("work")] {
        chown(dir, Some(uid), Some(uid))?;
    }
    Ok(())
}

/// Maps the box's one id. Without privilege, the kernel wants groups to be given up first.
fn map_ids(machine: &Machine, pid: u32, upper: Option<&Path>) -> Result<u32, Failure> {
    let (uid, gid) = if machine.privileged {
        let kept = upper.and_then(|dir| Some(fs::metadata(dir.join("upper")).ok()?.uid()));
        let uid = identity::choose(&machine.uids, pid, kept);
        (uid, identity::choose(&machine.gids, pid, Some(uid)))
    } else {
        let own = (rustix::process::geteuid(), rustix::process::getegid());
        (own.0.as_raw(), own.1.as_raw())
    };
    let write = |file: &str, text: &str| {
        fs::write(format!("/proc/{pid}/{file}"), text)
            .map_err(Failure::at(format!("write {file} `{text}`")))
    };
    if !machine.privileged {
        write("setgroups", "deny")?;
    }
    write("uid_map", &format!("0 {uid} 1"))?;
    write("gid_map", &format!("0 {gid} 1"))?;
    Ok(uid)
}

/// Takes the mounts with this process's rights. Whether the layers' files are the box's: layers
/// lie on the disk as root's, and are shown as the box's where the file system can do that.
fn take(
    spec: &SandboxSpec,
    upper: Option<&Path>,
    user: BorrowedFd<'_>,
    mounts: &mut Vec<OwnedFd>,
) -> Result<bool, Failure> {
    let mut owned = true;
    for layer in &spec.lower {
        let mapped = Detach { recursive: false, read_only: true, id_map: Some(user) };
        let tree = detach(layer, mapped).or_else(|error| {
            if error.raw_os_error() != Some(libc::EINVAL) {
                return Err(error);
            }
            owned = false;
            detach(layer, Detach { id_map: None, ..mapped })
        });
        mounts.push(tree.map_err(Failure::at(format!("layer `{}`", layer.display())))?);
    }
    if let Some(upper) = upper {
        let how = Detach { recursive: false, read_only: false, id_map: None };
        let tree = detach(upper, how);
        mounts.push(tree.map_err(Failure::at(format!("upper `{}`", upper.display())))?);
    }
    for bind in &spec.binds {
        let how = Detach { recursive: true, read_only: !bind.writable, id_map: None };
        let tree = detach(&bind.source, how);
        mounts.push(tree.map_err(Failure::at(format!("bind `{}`", bind.source.display())))?);
    }
    Ok(owned)
}

fn enforced(machine: &Machine, spec: &SandboxSpec, host_uid: u32) -> Enforced {
    let limits = &spec.limits;
    let by = |controller, asked: bool, otherwise: Option<Enforcement>| match (
        asked,
        machine.cgroups.enforcement(controller),
    ) {
        (false, _) => Enforcement::NotAsked,
        (true, Enforcement::Cgroup) => Enforcement::Cgroup,
        (true, missing) => otherwise.unwrap_or(missing),
    };
    let disk = match spec.upper {
        Upper::Memory { .. } => Enforcement::MemoryFiles,
        _ if limits.disk_bytes.is_some() => Enforcement::Watched,
        _ => Enforcement::NotAsked,
    };
    Enforced {
        memory: by(
            Controller::Memory,
            limits.memory_bytes.is_some(),
            Some(Enforcement::ProcessLimit),
        ),
        pids: by(Controller::Pids, limits.pids.is_some(), Some(Enforcement::BoxLimit)),
        cpu: by(Controller::Cpu, limits.cpu_milli.is_some(), None),
        disk,
        freeze: by(Controller::Freezer, true, Some(Enforcement::Signals)),
        host_uid,
        owns_lower: true,
    }
}
