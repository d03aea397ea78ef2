//! The spawner's loop: requests of the owner, deaths of inits. One thread, no blocking but on
//! what the kernel does for us.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Resource, Rlimit, Signal, WaitOptions, getrlimit, pidfd_send_signal, setrlimit, waitpid,
};

use super::birth::{self, Living, Machine, Seed};
use crate::sandbox::cgroup::Cgroups;
use crate::sandbox::spec::SandboxSpec;
use crate::sandbox::state::{Home, clear};
use crate::sandbox::wire::{self, Birth, Failure, FromSpawner, ToSpawner};

/// How many boxes can be asked for at once without waiting for what is made ahead.
const SEEDS: usize = 4;

struct Spawner {
    machine: Machine,
    /// By name, with the number of the seed it came of: a name can be used again.
    boxes: BTreeMap<(String, u64), Living>,
    /// Made ahead, the oldest first.
    seeds: VecDeque<Seed>,
    sown: u64,
    /// The last attempt to make one ahead failed: the next box will say why.
    barren: bool,
}

/// Serves until the owner is gone. The exit code.
pub fn run(owner: &OwnedFd, state: &Path) -> i32 {
    let own = std::process::id();
    // A descriptor for every box: more than the usual soft limit allows.
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let home = match Home::make(state, own) {
        Ok(home) => home,
        Err(error) => {
            let failure = Failure::at(format!("state directory `{}`", state.display()))(error);
            let _ = wire::send(owner, &FromSpawner::Failed(failure), &[]);
            return 1;
        }
    };
    let cgroups = Cgroups::make(&format!("greenroom-{own}"));
    let noted = home.note_cgroups(&cgroups.roots());
    let machine = Machine::new(cgroups, home.dir.clone());
    let ready = noted.is_ok() && wire::send(owner, &FromSpawner::Done, &[]).is_ok();
    let mut spawner =
        Spawner { machine, boxes: BTreeMap::new(), seeds: VecDeque::new(), sown: 0, barren: false };
    if ready {
        spawner.serve(owner);
    }
    spawner.end_all();
    i32::from(clear(&home.dir).is_err())
}

impl Spawner {
    fn serve(&mut self, owner: &OwnedFd) {
        loop {
            let mut fds = vec![PollFd::new(owner, PollFlags::IN)];
            fds.extend(self.boxes.values().map(|one| PollFd::new(&one.pidfd, PollFlags::IN)));
            // With nothing to do for a moment, seeds are made ahead. Not at once: the last box is
            // still mounting its root, and a new namespace takes the same lock of the kernel.
            let moment = Timespec { tv_sec: 0, tv_nsec: 3_000_000 };
            let timeout = (self.seeds.len() < SEEDS && !self.barren).then_some(&moment);
            match poll(&mut fds, timeout) {
                Ok(0) => {
                    self.sow();
                    continue;
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            let asked = !fds[0].revents().is_empty();
            let dead: Vec<_> = fds.iter().skip(1).map(|fd| !fd.revents().is_empty()).collect();
            self.collect(&dead);
            if asked {
                match wire::receive::<ToSpawner>(owner) {
                    Ok(Some((message, fds))) => self.answer(message, fds),
                    Err(Errno::BADMSG) => {}
                    _ => return,
                }
            }
        }
    }

    /// Makes one seed ahead.
    fn sow(&mut self) {
        match self.seed() {
            Ok(seed) => self.seeds.push_back(seed),
            Err(_) => self.barren = true,
        }
    }

    fn seed(&mut self) -> Result<Seed, Failure> {
        self.sown += 1;
        birth::sow(&self.machine, self.sown)
    }

    fn create(&mut self, spec: SandboxSpec, control: &OwnedFd) -> Result<(), Failure> {
        if self.boxes.keys().any(|(id, _)| *id == spec.id) {
            return Err(Failure {
                stage: "the id is a living box's".to_owned(),
                errno: libc::EEXIST,
            });
        }
        let ahead = self.seeds.pop_front();
        let seed = ahead.map_or_else(|| self.seed(), Ok);
        self.barren = seed.is_err();
        let seed = seed?;
        let key = (spec.id.clone(), seed.number);
        let living = birth::create(&self.machine, seed, spec, control)?;
        self.boxes.insert(key, living);
        Ok(())
    }

    /// Collects inits that ended: with the first process of its namespace, all of a box is gone.
    fn collect(&mut self, dead: &[bool]) {
        let keys: Vec<_> = self.boxes.keys().cloned().collect();
        for (key, _) in keys.into_iter().zip(dead).filter(|(_, dead)| **dead) {
            if let Some(living) = self.boxes.remove(&key) {
                finish(living);
            }
        }
    }

    fn answer(&mut self, message: ToSpawner, mut fds: Vec<OwnedFd>) {
        let Some(reply) = fds.pop() else { return };
        match message {
            ToSpawner::Create(spec) => {
                if let Err(failure) = self.create(*spec, &reply) {
                    let _ = wire::send(&reply, &Birth::Failed(failure), &[]);
                }
            }
            ToSpawner::Destroy(key) => self.destroy(&key, reply),
            ToSpawner::Freeze(key, frozen) => {
                let said = self.boxes.get(&key).map(|one| match one.cgroup.freeze(frozen) {
                    Ok(()) => FromSpawner::Done,
                    Err(error) => FromSpawner::Failed(Failure::at("freeze")(error)),
                });
                say(&reply, &said.unwrap_or(FromSpawner::Unknown));
            }
            ToSpawner::Usage(key) => {
                let usage = self.boxes.get(&key).map(|one| FromSpawner::Usage(one.cgroup.usage()));
                say(&reply, &usage.unwrap_or(FromSpawner::Unknown));
            }
        }
    }

    fn destroy(&mut self, key: &(String, u64), reply: OwnedFd) {
        match self.boxes.get_mut(key) {
            Some(living) => {
                kill(living);
                living.waiting.push(reply);
            }
            None => say(&reply, &FromSpawner::Unknown),
        }
    }

    /// The owner is gone: so is everything of its.
    fn end_all(&mut self) {
        for living in self.boxes.values() {
            kill(living);
        }
        for (_, living) in std::mem::take(&mut self.boxes) {
            finish(living);
        }
        for seed in &self.seeds {
            birth::pull(seed);
        }
        self.machine.cgroups.remove();
    }
}

fn kill(living: &Living) {
    let _ = pidfd_send_signal(living.pidfd.as_fd(), Signal::KILL);
    // What version 1's freezer holds does not even die.
    let _ = living.cgroup.freeze(false);
}

/// Waits for the init, removes the cgroups, tells who waits.
fn finish(living: Living) {
    while matches!(waitpid(Some(living.pid), WaitOptions::empty()), Err(Errno::INTR)) {}
    living.cgroup.remove();
    for reply in &living.waiting {
        say(reply, &FromSpawner::Done);
    }
}

fn say(reply: &OwnedFd, message: &FromSpawner) {
    // Whoever asked may have gone; that is all that can go wrong.
    let _ = wire::send(reply, message, &[]);
}
