//! Cgroups of boxes, version 1 or 2, whatever of them this process may use.
//!
//! Each spawner has one cgroup below its own in every hierarchy, and each box one below that.

mod root;

#[cfg(test)]
mod tests;

pub use root::name_begin;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::spec::{Enforcement, Limits};
use super::wire::BoxUsage;
use root::Root;

/// What a hierarchy can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    Memory,
    Pids,
    Cpu,
    Freezer,
}

const ALL: [Controller; 4] =
    [Controller::Memory, Controller::Pids, Controller::Cpu, Controller::Freezer];

/// Where a controller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    controller: Controller,
    unified: bool,
    /// This process's own cgroup there.
    own: PathBuf,
}

/// The cgroups of one spawner.
#[derive(Debug, Default)]
pub struct Cgroups {
    usable: Vec<Place>,
    /// Why a controller is not usable.
    missing: Vec<(Controller, String)>,
    name: String,
    roots: Vec<Root>,
}

/// The cgroups of one box.
#[derive(Clone, Debug, Default)]
pub struct BoxCgroup {
    places: Vec<Place>,
}

impl Controller {
    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
            Self::Freezer => "freezer",
        }
    }
}

impl Cgroups {
    /// Finds what there is and makes the cgroups of the spawner with this process number, by a
    /// name that no other has. Those that dead ones have left are removed.
    pub fn make(pid: u32) -> io::Result<Self> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let places = places(&read("/proc/self/cgroup"), &read("/proc/self/mounts"));
        let above: BTreeSet<&Path> = places.iter().map(|place| place.own.as_path()).collect();
        above.into_iter().for_each(root::sweep);
        Ok(Self::among(&places, root::new_name(pid)?))
    }

    fn among(places: &[Place], name: String) -> Self {
        let mut cgroups = Self { name, ..Self::default() };
        for controller in ALL {
            match usable(places, controller, &cgroups.name, &mut cgroups.roots) {
                Ok(place) => cgroups.usable.push(place),
                Err(why) => cgroups.missing.push((controller, why)),
            }
        }
        cgroups
    }

    /// By what a limit of this controller would be held.
    pub fn enforcement(&self, controller: Controller) -> Enforcement {
        if self.usable.iter().any(|place| place.controller == controller) {
            return Enforcement::Cgroup;
        }
        let missing = self.missing.iter().find(|(missing, _)| *missing == controller);
        Enforcement::NotEnforced(missing.map_or_else(String::new, |(_, why)| why.clone()))
    }

    /// Makes a box's cgroups in every hierarchy, without limits yet.
    pub fn create(&self, name: &str) -> io::Result<BoxCgroup> {
        let mut made = BoxCgroup::default();
        for place in &self.usable {
            let own = place.own.join(&self.name).join(name);
            let created = if made.places.iter().any(|place| place.own == own) {
                Ok(())
            } else {
                fs::create_dir(&own)
            };
            if let Err(error) = created {
                made.remove();
                return Err(error);
            }
            made.places.push(Place { own, ..place.clone() });
        }
        Ok(made)
    }

    /// Removes them, when no box is left. From memory: the state directory may be gone already.
    pub fn remove(&self) {
        for root in self.roots() {
            remove_cgroup(&root);
        }
    }

    /// The directories that all the cgroups of this spawner are below.
    pub fn roots(&self) -> Vec<PathBuf> {
        let mut roots: Vec<_> = self.roots.iter().map(|root| root.dir.clone()).collect();
        roots.sort();
        roots
    }
}

impl BoxCgroup {
    /// The cgroup of version 2 that a box can be born in.
    pub fn unified(&self) -> Option<&Path> {
        self.places.iter().find(|place| place.unified).map(|place| place.own.as_path())
    }

    /// Puts the calling process in all but the one it was born in. In version 1 that waits for
    /// all CPUs to have been elsewhere, some milliseconds: not a thing for the spawner to do.
    pub fn enter(&self) -> io::Result<()> {
        for place in self.places.iter().filter(|place| !place.unified) {
            fs::write(place.own.join("cgroup.procs"), "0")?;
        }
        Ok(())
    }

    /// Sets the limits.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        for place in &self.places {
            for (file, value) in settings(place, limits) {
                match fs::write(place.own.join(file), value) {
                    // Kernels without swap accounting lack its files: there is none to limit.
                    Err(error)
                        if error.kind() == io::ErrorKind::NotFound && file.contains("sw") => {}
                    other => other?,
                }
            }
        }
        Ok(())
    }

    /// Freezes or thaws, and waits until that is so. A process in an uninterruptible call of the
    /// kernel can hold it up; after a second that is an error.
    pub fn freeze(&self, frozen: bool) -> io::Result<()> {
        let place = self.places.iter().find(|place| place.controller == Controller::Freezer);
        let Some(place) = place else { return Err(io::ErrorKind::Unsupported.into()) };
        let (file, value) = match (place.unified, frozen) {
            (true, true) => ("cgroup.freeze", "1"),
            (true, false) => ("cgroup.freeze", "0"),
            (false, true) => ("freezer.state", "FROZEN"),
            (false, false) => ("freezer.state", "THAWED"),
        };
        fs::write(place.own.join(file), value)?;
        for _ in 0..1000 {
            if is_frozen(place)? == frozen {
                return Ok(());
            }
            let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
            let _ = rustix::thread::nanosleep(&pause);
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// What they count.
    pub fn usage(&self) -> BoxUsage {
        let number = |controller, one: &str, two: &str| {
            let place = self.places.iter().find(|place| place.controller == controller)?;
            let file = place.own.join(if place.unified { two } else { one });
            fs::read_to_string(file).ok()?.trim().parse().ok()
        };
        let cpu = || {
            let stat = fs::read_to_string(self.unified()?.join("cpu.stat")).ok()?;
            stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?.parse().ok()
        };
        BoxUsage {
            memory_bytes: number(Controller::Memory, "memory.usage_in_bytes", "memory.current"),
            pids: number(Controller::Pids, "pids.current", "pids.current"),
            cpu_us: cpu(),
        }
    }

    /// Removes them. Whoever was in them must be gone.
    pub fn remove(&self) {
        for place in &self.places {
            remove_cgroup(&place.own);
        }
    }
}

/// Removes a cgroup that has just become empty: the kernel says it is busy for a moment longer.
pub fn remove_cgroup(dir: &Path) {
    for _ in 0..50 {
        match fs::remove_dir(dir) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                let _ = rustix::thread::nanosleep(&pause);
            }
            _ => return,
        }
    }
}

fn is_frozen(place: &Place) -> io::Result<bool> {
    if place.unified {
        let events = fs::read_to_string(place.own.join("cgroup.events"))?;
        return Ok(events.lines().any(|line| line == "frozen 1"));
    }
    Ok(fs::read_to_string(place.own.join("freezer.state"))?.trim() == "FROZEN")
}

/// The files to write for the limits.
fn settings(place: &Place, limits: &Limits) -> Vec<(&'static str, String)> {
    const PERIOD_US: u32 = 100_000;
    let memory = limits.memory_bytes.map(|bytes| bytes.to_string());
    let quota = limits.cpu_milli.map(|milli| u64::from(milli) * u64::from(PERIOD_US) / 1000);
    match (place.controller, place.unified) {
        (Controller::Memory, true) => memory
            .map(|bytes| vec![("memory.max", bytes), ("memory.swap.max", "0".to_owned())])
            .unwrap_or_default(),
        (Controller::Memory, false) => memory
            .map(|bytes| {
                vec![
                    ("memory.limit_in_bytes", bytes.clone()),
                    ("memory.memsw.limit_in_bytes", bytes),
                ]
            })
            .unwrap_or_default(),
        (Controller::Pids, _) => {
            limits.pids.map(|pids| ("pids.max", pids.to_string())).into_iter().collect()
        }
        (Controller::Cpu, true) => {
            quota.map(|quota| ("cpu.max", format!("{quota} {PERIOD_US}"))).into_iter().collect()
        }
        (Controller::Cpu, false) => {
            quota.map(|quota| ("cpu.cfs_quota_us", quota.to_string())).into_iter().collect()
        }
        (Controller::Freezer, _) => Vec::new(),
    }
}

/// The place of a controller in which this process can make cgroups.
fn usable(
    places: &[Place],
    controller: Controller,
    name: &str,
    roots: &mut Vec<Root>,
) -> Result<Place, String> {
    let mut why = format!("no cgroup hierarchy has the controller `{}`", controller.name());
    // Version 2 first: its freezer also stops what version 1's cannot.
    let mut places: Vec<_> = places.iter().filter(|place| place.controller == controller).collect();
    places.sort_by_key(|place| !place.unified);
    for place in places {
        match open_place(place, name, roots) {
            Ok(()) => return Ok(place.clone()),
            Err(error) => {
                why = format!("cgroup `{}` cannot be used: {error}", place.own.display());
            }
        }
    }
    Err(why)
}

/// One root may be of several controllers.
fn open_place(place: &Place, name: &str, roots: &mut Vec<Root>) -> io::Result<()> {
    let dir = place.own.join(name);
    let new = match roots.iter().any(|root| root.dir == dir) {
        true => None,
        false => Some(Root::make(&dir)?),
    };
    if place.unified && place.controller != Controller::Freezer {
        let enable = format!("+{}", place.controller.name());
        let done = fs::write(place.own.join("cgroup.subtree_control"), &enable)
            .and_then(|()| fs::write(dir.join("cgroup.subtree_control"), &enable));
        if let Err(error) = done {
            // Another controller's may stand in it by now: that one keeps its own.
            if new.is_some() {
                let _ = fs::remove_dir(&dir);
            }
            return Err(error);
        }
    }
    roots.extend(new);
    Ok(())
}

/// Where the controllers are, from what `/proc` says of this process and of mounts.
fn places(own: &str, mounts: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let unified = controllers.is_empty();
        let Some(mount) = mounted(mounts, controllers) else { continue };
        let own = mount.join(path.trim_start_matches('/'));
        // Inside a container the path can be one that is only there outside.
        let own = if own.is_dir() { own } else { mount };
        for controller in ALL {
            let there = if unified {
                controller == Controller::Freezer || offered(&own, controller)
            } else {
                controllers.split(',').any(|name| name == controller.name())
            };
            if there {
                places.push(Place { controller, unified, own: own.clone() });
            }
        }
    }
    places
}

fn offered(own: &Path, controller: Controller) -> bool {
    let offered = fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
    offered.split_whitespace().any(|name| name == controller.name())
}

/// Where the hierarchy of these controllers is mounted; none of them is version 2.
fn mounted(mounts: &str, controllers: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind, options) = (words.next()?, words.next()?, words.next()?);
        let fits = match (kind, controllers) {
            ("cgroup2", "") => true,
            ("cgroup", controllers) if !controllers.is_empty() => {
                controllers.split(',').all(|name| options.split(',').any(|option| option == name))
            }
            _ => false,
        };
        fits.then(|| PathBuf::from(at))
    })
}
