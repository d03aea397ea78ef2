//! What runs behind the walls: the building of the root, the giving up of every right, the init
//! and the minders. Single-threaded throughout; nothing here returns to the spawner's code.

mod devices;
mod init;
mod listen;
mod minder;
mod privilege;
mod probe;
mod root;
mod tree;

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::process::{Gid, Signal, Uid};

use super::cgroup::BoxCgroup;
use super::sys;
use super::wire::{self, Birth, Born, Failure, Go};

/// The first process of a box, from its birth on: enters its cgroups, waits for [`Go`], makes
/// itself at home, and becomes the init.
pub fn live(sync: &OwnedFd, cgroup: &BoxCgroup) -> ! {
    let Ok((go, control, mounts, entered)) = wait(sync, cgroup) else { sys::exit_now(1) };
    let settled = entered.and_then(|()| settle(&go, mounts));
    let born = Born { number: go.number, enforced: go.enforced, upper: go.upper };
    let settled = match settled {
        Ok(sockets) => {
            let said = wire::send(&control, &Birth::Ready(born), &[]);
            said.map(|()| sockets).map_err(Failure::at("say ready"))
        }
        Err(failure) => {
            let _ = wire::send(&control, &Birth::Unsettled(failure, born), &[]);
            sys::exit_now(1);
        }
    };
    let code = match settled {
        Ok(sockets) => init::run(&control, &sockets),
        Err(_) => 1,
    };
    sys::exit_now(code);
}

type Told = (Go, OwnedFd, Vec<OwnedFd>, Result<(), Failure>);

/// Waits to be told which box this is; there is nobody to tell of a failure until then.
fn wait(sync: &OwnedFd, cgroup: &BoxCgroup) -> Result<Told, Failure> {
    sys::close_all_but(&[sync.as_raw_fd()]).map_err(Failure::at("close descriptors"))?;
    // While this process still is the spawner's user, which may write there.
    let entered = cgroup.enter().map_err(Failure::at("enter cgroups"));
    let entered = entered.and_then(|()| {
        sys::unshare(libc::CLONE_NEWCGROUP).map_err(Failure::at("new cgroup namespace"))
    });
    // Ahead too: it waits for a lock that the end of any network on the machine holds for long.
    let entered = entered.and_then(|()| privilege::network());
    privilege::counted();
    let received = wire::receive::<Go>(sync).map_err(Failure::at("wait for the spawner"))?;
    let ended = || Failure { stage: "the spawner ended".to_owned(), errno: libc::EPIPE };
    let (go, mut mounts) = received.ok_or_else(ended)?;
    if mounts.is_empty() {
        return Err(ended());
    }
    let control = mounts.remove(0);
    Ok((go, control, mounts, entered))
}

/// The sockets that the box is born with.
fn settle(go: &Go, mounts: Vec<OwnedFd>) -> Result<Vec<OwnedFd>, Failure> {
    become_root(!go.mounts)?;
    // After the ids: a change of them takes this setting away.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(Failure::at("ask to die with the spawner"))?;
    rustix::process::setsid().map_err(Failure::at("setsid"))?;
    root::build(go, mounts)?;
    rustix::system::sethostname(go.spec.id.as_bytes()).map_err(Failure::at("sethostname"))?;
    let sockets = listen::open(&go.spec.listen)?;
    privilege::give_up(go)?;
    Ok(sockets)
}

/// The spawner's ids are not mapped when it is root, so that this process is nobody yet.
fn become_root(unprivileged: bool) -> Result<(), Failure> {
    if !unprivileged {
        rustix::thread::set_thread_groups(&[]).map_err(Failure::at("drop groups"))?;
    }
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)
        .map_err(Failure::at("become the box's group"))?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)
        .map_err(Failure::at("become the box's user"))
}
