//! The spawner's loop: requests of owners, deaths of inits. One thread, no blocking but on what
//! the kernel does for us.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Resource, Rlimit, Signal, WaitOptions, getrlimit, pidfd_send_signal, setrlimit, waitpid,
};

use super::birth::{self, Inhabited, Machine, Rooms, Seed};
use super::door::Door;
use super::removal::Removal;
use super::watch::{LOOK_MS, Watch, kill_all_in};
use crate::sandbox::cgroup::Cgroups;
use crate::sandbox::clock::now_ms;
use crate::sandbox::spec::{Enforcement, Living, SandboxSpec, Upper};
use crate::sandbox::state::{Home, clear, lock};
use crate::sandbox::wire::{self, Birth, Failure, FromSpawner, Key, ToInit, ToSpawner};

/// How many boxes can be asked for at once without waiting for what is made ahead.
const SEEDS: usize = 4;
/// How long one that stays does so with neither owner nor box.
const IDLE_MS: u64 = 10_000;
/// How often what is left is removed, while somebody else removes it too.
const CLEAR_TRIES: usize = 10;
/// Boxes told of in one message: each may take several KB, and a message some 200.
const LISTED_MAX: usize = 16;

struct Spawner {
    machine: Machine,
    /// By name, with the number of the seed it came of: a name can be used again.
    boxes: BTreeMap<Key, Inhabited>,
    removals: Vec<Removal>,
    owners: Vec<Owner>,
    /// How many there ever were.
    admitted: u64,
    /// Made ahead, the oldest first.
    seeds: VecDeque<Seed>,
    sown: u64,
    rooms: Rooms,
    /// The last attempt to make one ahead failed: the next box will say why.
    barren: bool,
}

/// Somebody who may ask.
struct Owner {
    /// Unlike that of any other.
    number: u64,
    socket: OwnedFd,
}

/// Serves until the owner is gone. The exit code.
pub fn run(owner: OwnedFd, state: &Path) -> i32 {
    let made = lock(state).map_err(in_state(state)).and_then(|_lock| Spawner::make(state));
    let (home, mut spawner) = match made {
        Ok(made) => made,
        Err(failure) => return fail(&owner, failure),
    };
    if wire::send(&owner, &FromSpawner::Done, &[]).is_ok() {
        spawner.admit(owner);
        spawner.serve(None);
    }
    spawner.end(&home)
}

/// Serves whoever comes until nobody does. The exit code.
pub fn stay(first: OwnedFd, state: &Path) -> i32 {
    // The first owner's lock comes with it, and is held here even if that owner dies now.
    let Ok(Some((ToSpawner::Stay, lock))) = wire::receive::<ToSpawner>(&first) else { return 2 };
    let (home, mut spawner) = match Spawner::make(state) {
        Ok(made) => made,
        Err(failure) => return fail(&first, failure),
    };
    match Door::open(state).map_err(in_state(state)) {
        Ok(door) => {
            let _ = wire::send(&first, &FromSpawner::Done, &[]);
            drop((first, lock));
            spawner.serve(Some(&door));
            // The door, which holds the lock now, goes with the process.
            let code = spawner.end(&home);
            std::process::exit(code);
        }
        Err(failure) => {
            spawner.end(&home);
            fail(&first, failure)
        }
    }
}

fn in_state(state: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    Failure::at(format!("state directory `{}`", state.display()))
}

fn fail(owner: &OwnedFd, failure: Failure) -> i32 {
    let _ = wire::send(owner, &FromSpawner::Failed(failure), &[]);
    1
}

/// Who has something to say.
#[derive(Default)]
struct News {
    door: bool,
    owners: Vec<bool>,
    dead: Vec<bool>,
    removed: Vec<bool>,
    counted: Vec<bool>,
}

impl Spawner {
    /// Removes what dead ones left. The state directory is locked.
    fn make(state: &Path) -> Result<(Home, Self), Failure> {
        let own = std::process::id();
        // A descriptor for every box: more than the usual soft limit allows.
        let limit = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
        let home = Home::make(state, own).map_err(in_state(state))?;
        let cgroups = Cgroups::make(own).map_err(Failure::at("name the cgroups"))?;
        home.note_cgroups(&cgroups.roots()).map_err(in_state(state))?;
        let spawner = Self {
            machine: Machine::new(cgroups, home.dir.clone()),
            boxes: BTreeMap::new(),
            removals: Vec::new(),
            owners: Vec::new(),
            admitted: 0,
            seeds: VecDeque::new(),
            sown: 0,
            rooms: Rooms::below(&home.dir).map_err(in_state(state))?,
            barren: false,
        };
        Ok((home, spawner))
    }

    /// Until the last owner is gone; with a door, until nobody is there and nobody comes, or can.
    fn serve(&mut self, door: Option<&Door>) {
        let mut idle_since = now_ms();
        loop {
            let sow = self.seeds.len() < SEEDS && !self.barren;
            let busy =
                !(self.owners.is_empty() && self.boxes.is_empty() && self.removals.is_empty());
            if busy {
                idle_since = now_ms();
            }
            let idle = now_ms().saturating_sub(idle_since);
            if idle >= IDLE_MS && door.is_none_or(Door::close) {
                return;
            }
            // With nothing to do for a moment, seeds are made ahead. Not at once: the last box is
            // still mounting its root, and a new namespace takes the same lock of the kernel.
            let wait_ms = match (sow, busy) {
                (true, _) => Some(3),
                (false, true) => self.is_watching().then_some(LOOK_MS),
                // Somebody who is about to come holds the lock: look again soon.
                (false, false) => Some(IDLE_MS.saturating_sub(idle).max(100)),
            };
            let Some(news) = self.poll(door, wait_ms) else { return };
            if door.is_some_and(Door::is_gone) {
                return;
            }
            self.watch(&news.counted);
            if sow && !news.any() {
                self.sow();
                continue;
            }
            self.collect(&news);
            self.hear(&news.owners);
            if let Some(door) = door {
                if let Some(owner) = news.door.then(|| door.admit()).flatten() {
                    self.admit(owner);
                }
            } else if self.owners.is_empty() {
                return;
            }
        }
    }

    fn admit(&mut self, socket: OwnedFd) {
        self.admitted += 1;
        self.owners.push(Owner { number: self.admitted, socket });
    }

    /// `None` when nothing can be waited for any more.
    fn poll(&self, door: Option<&Door>, wait_ms: Option<u64>) -> Option<News> {
        let watch = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds: Vec<_> = door.iter().map(|door| watch(door.socket.as_fd())).collect();
        let changed = door.and_then(Door::changed).map(watch);
        let wakes = usize::from(changed.is_some());
        fds.extend(changed);
        fds.extend(self.owners.iter().map(|owner| watch(owner.socket.as_fd())));
        fds.extend(self.boxes.values().map(|one| watch(one.pidfd.as_fd())));
        fds.extend(self.removals.iter().map(|one| watch(one.pidfd.as_fd())));
        fds.extend(self.boxes.values().filter_map(Inhabited::counted).map(watch));
        let timeout = wait_ms.map(|ms| Timespec {
            tv_sec: i64::try_from(ms / 1000).unwrap_or(0),
            tv_nsec: i64::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Some(News::default()),
            Err(_) => return None,
        }
        let mut said = fds.iter().map(|fd| !fd.revents().is_empty());
        let door = door.is_some() && said.next() == Some(true);
        let mut said = said.skip(wakes);
        let owners = said.by_ref().take(self.owners.len()).collect();
        let dead = said.by_ref().take(self.boxes.len()).collect();
        let removed = said.by_ref().take(self.removals.len()).collect();
        Some(News { door, owners, dead, removed, counted: said.collect() })
    }

    fn is_watching(&self) -> bool {
        self.boxes.values().any(|one| one.watch.is_some())
    }

    /// Looks at what boxes have on the disk, and kills what runs in those that have too much.
    fn watch(&mut self, counted: &[bool]) {
        let mut counted = counted.iter().copied();
        let now = now_ms();
        for one in self.boxes.values_mut() {
            let Some(watch) = &mut one.watch else { continue };
            if watch.said().is_some() {
                if counted.next() == Some(true) && watch.is_over() {
                    kill_all_in(one.pid);
                }
            } else {
                watch.look(one.pid, now);
            }
        }
    }

    /// Answers one question of each owner that has one, and lets go of those that are gone.
    fn hear(&mut self, asked: &[bool]) {
        let mut asked = asked.iter().copied();
        for owner in std::mem::take(&mut self.owners) {
            if asked.next() == Some(true) {
                match wire::receive::<ToSpawner>(&owner.socket) {
                    Ok(Some((message, fds))) => self.answer(owner.number, message, fds),
                    Err(Errno::BADMSG) => {}
                    _ => {
                        let boxes = self.boxes.values_mut();
                        boxes.filter(|one| one.still_for == Some(owner.number)).for_each(go_on);
                        continue;
                    }
                }
            }
            self.owners.push(owner);
        }
    }

    /// Makes one seed ahead, and a room.
    fn sow(&mut self) {
        if self.rooms.len() < SEEDS {
            self.rooms.add();
        }
        match self.seed() {
            Ok(seed) => self.seeds.push_back(seed),
            Err(_) => self.barren = true,
        }
    }

    fn seed(&mut self) -> Result<Seed, Failure> {
        self.sown += 1;
        birth::sow(&self.machine, self.sown)
    }

    fn create(
        &mut self,
        spec: SandboxSpec,
        control: &OwnedFd,
        kept: Option<OwnedFd>,
    ) -> Result<(), Failure> {
        if self.boxes.keys().any(|(id, _)| *id == spec.id) {
            return Err(Failure {
                stage: "the id is a living box's".to_owned(),
                errno: libc::EEXIST,
            });
        }
        if let Upper::Directory(dir) = &spec.upper {
            self.settle(dir);
        }
        let ahead = self.seeds.pop_front();
        let seed = ahead.map_or_else(|| self.seed(), Ok);
        self.barren = seed.is_err();
        let seed = seed?;
        let key = (spec.id.clone(), seed.number);
        let made = birth::create(&self.machine, seed, spec, control, &mut self.rooms)?;
        self.boxes.insert(key, Inhabited { control: kept, ..made });
        Ok(())
    }

    /// Waits for the removal of what the last box in this directory left: the next one makes the
    /// same anew.
    fn settle(&mut self, dir: &Path) {
        let removing = |one: &Removal| one.dir.starts_with(dir);
        while let Some(index) = self.removals.iter().position(removing) {
            self.removals.swap_remove(index).finish();
        }
    }

    /// Collects inits that ended: with the first process of its namespace, all of a box is gone.
    fn collect(&mut self, news: &News) {
        let mut removed = news.removed.iter().copied();
        for removal in std::mem::take(&mut self.removals) {
            if removed.next() == Some(true) {
                removal.finish();
            } else {
                self.removals.push(removal);
            }
        }
        let keys: Vec<_> = self.boxes.keys().cloned().collect();
        for (key, _) in keys.into_iter().zip(&news.dead).filter(|(_, dead)| **dead) {
            let Some(mut one) = self.boxes.remove(&key) else { continue };
            bury(&one);
            let waiting = std::mem::take(&mut one.waiting);
            match one.leftover.take().filter(|_| one.control.is_some()) {
                Some(dir) => self.removals.extend(Removal::start(key, dir, waiting)),
                None => waiting.iter().for_each(|reply| say(reply, &FromSpawner::Done)),
            }
        }
    }

    fn answer(&mut self, owner: u64, message: ToSpawner, fds: Vec<OwnedFd>) {
        let mut fds = fds.into_iter();
        let Some(reply) = fds.next() else { return };
        let unknown = FromSpawner::Unknown;
        match message {
            ToSpawner::Stay => {}
            ToSpawner::Create(spec) => {
                if let Err(failure) = self.create(*spec, &reply, fds.next()) {
                    let _ = wire::send(&reply, &Birth::Failed(failure), &[]);
                }
            }
            ToSpawner::Destroy(key) => self.destroy(&key, reply),
            ToSpawner::Freeze(key, frozen) => {
                let said = self.boxes.get_mut(&key).map(|one| freeze(one, frozen));
                say(&reply, &said.unwrap_or(unknown));
            }
            ToSpawner::FreezeForNow(key) => {
                let said = self.boxes.get_mut(&key).map(|one| freeze_for_now(one, owner));
                say(&reply, &said.unwrap_or(unknown));
            }
            ToSpawner::Thawed(key) => {
                let one = self.boxes.get_mut(&key);
                let said = one.map(|one| {
                    one.still_for = None;
                    FromSpawner::Done
                });
                say(&reply, &said.unwrap_or(unknown));
            }
            ToSpawner::IsFrozen(key) => {
                let one = self.boxes.get(&key);
                let said = one.map(|one| FromSpawner::Frozen(one.living.frozen));
                say(&reply, &said.unwrap_or(unknown));
            }
            ToSpawner::Usage(key) => {
                let usage = self.boxes.get(&key).map(|one| FromSpawner::Usage(one.usage()));
                say(&reply, &usage.unwrap_or(unknown));
            }
            ToSpawner::List(after) => say(&reply, &FromSpawner::Boxes(self.list(after))),
            ToSpawner::Adopt(id) => self.give(&id, &reply),
        }
    }

    fn list(&self, after: Option<Key>) -> Vec<Living> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let boxes = self.boxes.range((from, Bound::Unbounded)).map(|(_, one)| one);
        let boxes = boxes.filter(|one| one.can_be_adopted()).take(LISTED_MAX);
        boxes.map(|one| one.living.clone()).collect()
    }

    fn give(&self, id: &str, reply: &OwnedFd) {
        let mut boxes = self.boxes.values().filter(|one| one.living.id == id);
        let one = boxes.find(|one| one.can_be_adopted());
        match one.and_then(|one| Some((one, one.control.as_ref()?))) {
            Some((one, control)) => {
                let said = FromSpawner::Adopted(one.living.clone());
                let _ = wire::send(reply, &said, &[control.as_fd()]);
            }
            None => say(reply, &FromSpawner::Unknown),
        }
    }

    fn destroy(&mut self, key: &Key, reply: OwnedFd) {
        if let Some(one) = self.boxes.get_mut(key) {
            kill(one);
            one.waiting.push(reply);
        } else if let Some(removal) = self.removals.iter_mut().find(|one| one.key == *key) {
            removal.waiting.push(reply);
        } else {
            say(&reply, &FromSpawner::Unknown);
        }
    }

    /// Ends everything, and removes what only a crash may leave. The exit code.
    fn end(&mut self, home: &Home) -> i32 {
        for one in self.boxes.values() {
            kill(one);
        }
        for (_, one) in std::mem::take(&mut self.boxes) {
            bury(&one);
            one.waiting.iter().for_each(|reply| say(reply, &FromSpawner::Done));
        }
        for removal in std::mem::take(&mut self.removals) {
            removal.finish();
        }
        for seed in &self.seeds {
            birth::pull(seed);
        }
        self.machine.cgroups.remove();
        // Whoever removes the state directory may be at it too, and what is gone is an error.
        let cleared = (0..CLEAR_TRIES).any(|_| clear(&home.dir).is_ok());
        i32::from(!cleared)
    }
}

impl News {
    fn any(&self) -> bool {
        let all = [&self.owners, &self.dead, &self.removed, &self.counted];
        self.door || all.into_iter().flatten().any(|said| *said)
    }
}

impl Inhabited {
    /// What is readable when its files are counted.
    fn counted(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().and_then(Watch::said)
    }

    /// Not one that is being destroyed.
    fn can_be_adopted(&self) -> bool {
        self.control.is_some() && self.waiting.is_empty()
    }
}

fn freeze_for_now(one: &mut Inhabited, owner: u64) -> FromSpawner {
    let said = match one.living.enforced.freeze {
        Enforcement::Cgroup => freeze(one, true),
        _ => FromSpawner::Done,
    };
    one.still_for = Some(owner);
    said
}

/// Whoever had it stand still is gone.
fn go_on(one: &mut Inhabited) {
    one.still_for = None;
    if one.living.enforced.freeze == Enforcement::Cgroup {
        freeze(one, false);
        return;
    }
    let (Some(control), Ok((ours, theirs))) = (&one.control, wire::pair()) else { return };
    // The init hears nobody who has gone, so this end is kept.
    if wire::try_send(control, &ToInit::Stop(false), &[theirs.as_fd()]).is_ok() {
        one.unread = Some(ours);
    }
}

fn freeze(one: &mut Inhabited, frozen: bool) -> FromSpawner {
    one.still_for = None;
    match one.cgroup.freeze(frozen) {
        Ok(()) => {
            one.living.frozen = frozen;
            FromSpawner::Done
        }
        Err(error) => FromSpawner::Failed(Failure::at("freeze")(error)),
    }
}

fn kill(one: &Inhabited) {
    let _ = pidfd_send_signal(one.pidfd.as_fd(), Signal::KILL);
    // What version 1's freezer holds does not even die.
    let _ = one.cgroup.freeze(false);
}

/// Waits for the init, and removes the cgroups.
fn bury(one: &Inhabited) {
    while matches!(waitpid(Some(one.pid), WaitOptions::empty()), Err(Errno::INTR)) {}
    one.cgroup.remove();
}

fn say(reply: &OwnedFd, message: &FromSpawner) {
    // Whoever asked may have gone; that is all that can go wrong.
    let _ = wire::send(reply, message, &[]);
}
