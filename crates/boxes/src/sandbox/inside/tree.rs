//! Kills everything that descends from this process, whatever session or group it went to.
//!
//! This process is their subreaper: orphans come to it and to nobody else, so that the tree below
//! it is complete. First all are stopped, until no new one is found; then all are killed.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait};

/// Exit code of a minder whose command's processes bred faster than they could be killed.
pub const OUTRUN: i32 = 86;

/// A tree that still grows after so many looks is bred on purpose.
const LOOKS: usize = 40;

/// A process as `/proc` tells it.
#[derive(Clone, Copy)]
struct Process {
    parent: i32,
    /// Already dead, or stopped.
    still: bool,
    dead: bool,
}

/// Kills the tree and hands over its dead. False when it outran us.
pub fn kill_all(reaped: &mut dyn FnMut(Pid, WaitStatus)) -> bool {
    for _ in 0..LOOKS {
        let mut found = false;
        for (pid, process) in descendants() {
            if !process.still {
                found = true;
                signal(pid, Signal::STOP);
            }
        }
        if !found {
            break;
        }
    }
    for _ in 0..LOOKS {
        let living: Vec<_> =
            descendants().into_iter().filter(|(_, process)| !process.dead).collect();
        for (pid, _) in &living {
            signal(*pid, Signal::KILL);
        }
        if living.is_empty() {
            collect(reaped);
            return true;
        }
        let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 200_000 };
        let _ = rustix::thread::nanosleep(&pause);
        collect(reaped);
    }
    false
}

fn collect(reaped: &mut dyn FnMut(Pid, WaitStatus)) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        reaped(pid, status);
    }
}

fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

fn descendants() -> Vec<(i32, Process)> {
    let own = getpid().as_raw_nonzero().get();
    let all = processes();
    let descends = |pid: i32| {
        let mut at = pid;
        // Longer than any chain of parents can be without a circle.
        for _ in 0..=all.len() {
            match all.get(&at) {
                Some(process) if process.parent == own => return true,
                Some(process) => at = process.parent,
                None => return false,
            }
        }
        false
    };
    all.iter().filter(|(pid, _)| descends(**pid)).map(|(pid, process)| (*pid, *process)).collect()
}

fn processes() -> BTreeMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let process = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, parse(&stat)?))
    };
    entries.flatten().filter_map(process).collect()
}

/// The name is in brackets and may hold brackets and spaces itself: the last one counts.
fn parse(stat: &str) -> Option<Process> {
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    let dead = matches!(state, "Z" | "X");
    Some(Process { parent, still: dead || matches!(state, "T" | "t"), dead })
}
