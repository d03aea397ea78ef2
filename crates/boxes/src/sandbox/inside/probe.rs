//! Tries, from within a box, what a box must not be able to do, and what must hold it. What may
//! end badly is tried by a child of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};

use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use rustix::thread::{CapabilitySet, capabilities, capability_is_in_bounding_set, no_new_privs};
use rustix::time::{ClockId, clock_gettime};

use super::super::sys;
use super::super::wire::Check;

/// The kind of file system that an overlay is.
const OVERLAY: u64 = 0x794c_7630;

/// Whether it is as it should be, and what was seen.
type Try = fn() -> (bool, String);

/// Tries everything.
pub fn run() -> Vec<Check> {
    let checks: [(&str, Try); 11] = [
        ("user namespace", user),
        ("pid namespace", pid),
        ("overlay", overlay),
        ("proc", proc),
        ("network namespace", network),
        ("privileges", privileges),
        ("seccomp", seccomp),
        ("landlock", landlock),
        ("memory", memory),
        ("pids", pids),
        ("cpu", cpu),
    ];
    let check = |(mechanism, try_it): (&str, Try)| {
        let (ok, seen) = try_it();
        Check { mechanism: mechanism.to_owned(), ok, seen }
    };
    checks.into_iter().map(check).collect()
}

fn user() -> (bool, String) {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let words: Vec<_> = map.split_whitespace().collect();
    let ok = matches!(words[..], ["0", host, "1"] if host != "0");
    (ok, format!("ids in, out and how many: {}", words.join(" ")))
}

fn pid() -> (bool, String) {
    let seen = fs::read_dir("/proc").into_iter().flatten().flatten();
    let seen = seen.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    let count = seen.count();
    let own = std::process::id();
    (own == 1 && count == 1, format!("process {own} sees {count}"))
}

fn overlay() -> (bool, String) {
    let kind = rustix::fs::statfs("/").map_or(0, |stat| stat.f_type as u64);
    let written = fs::write("/probe", "x").and_then(|()| fs::remove_file("/probe"));
    let said = written.as_ref().map_or_else(ToString::to_string, |()| "written to".to_owned());
    (kind == OVERLAY && written.is_ok(), format!("a root of kind {kind:#x}, {said}"))
}

fn proc() -> (bool, String) {
    let path = "/proc/sys/kernel/core_pattern";
    // With truncation the mount is asked before the file's own permissions are.
    match fs::OpenOptions::new().write(true).truncate(true).open(path) {
        Err(error) => (error.raw_os_error() == Some(libc::EROFS), format!("{path}: {error}")),
        Ok(_) => (false, format!("{path} could be written")),
    }
}

fn network() -> (bool, String) {
    let interfaces = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let names = interfaces.lines().filter_map(|line| Some(line.split_once(':')?.0.trim()));
    let names: Vec<_> = names.collect();
    let listener = TcpListener::bind("127.0.0.1:0");
    let talks = listener.and_then(|listener| TcpStream::connect(listener.local_addr()?));
    let said = talks.as_ref().map_or_else(ToString::to_string, |_| "up".to_owned());
    (names == ["lo"] && talks.is_ok(), format!("{}: {said}", names.join(", ")))
}

fn privileges() -> (bool, String) {
    let sets = capabilities(None);
    let none = sets.is_ok_and(|sets| {
        sets.effective.is_empty() && sets.permitted.is_empty() && sets.inheritable.is_empty()
    });
    let bounding = (0..64).any(|bit| {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        capability_is_in_bounding_set(capability).unwrap_or(false)
    });
    let locked = no_new_privs().unwrap_or(false);
    let ok = none && !bounding && locked;
    (ok, format!("none held: {none}; any to be had: {bounding}; no_new_privs: {locked}"))
}

/// A new user namespace needs no privilege: only the filter can be what refuses it.
fn seccomp() -> (bool, String) {
    let refused = in_child(|| {
        let made = sys::unshare(libc::CLONE_NEWUSER);
        i32::from(made.err().and_then(|error| error.raw_os_error()) != Some(libc::EPERM))
    });
    (refused == Some(Ended::Code(0)), format!("unshare refused: {}", say(refused)))
}

/// The box's own rules cannot be seen from within; that more can be laid on top can.
fn landlock() -> (bool, String) {
    let ended = in_child(|| {
        let rules = Ruleset::default().handle_access(AccessFs::ReadDir);
        let laid = rules.and_then(Ruleset::create).and_then(|rules| rules.restrict_self());
        match laid.map(|status| status.ruleset) {
            Ok(RulesetStatus::NotEnforced) | Err(_) => 2,
            Ok(_) => i32::from(fs::read_dir("/").is_ok()),
        }
    });
    let ok = ended == Some(Ended::Code(0));
    let seen = if ok { "a forbidden directory cannot be read" } else { "the kernel has none" };
    (ok, format!("{seen}: {}", say(ended)))
}

/// Touches four times what the box may have.
fn memory() -> (bool, String) {
    let ended = in_child(|| {
        let mut block: Vec<u8> = Vec::new();
        if block.try_reserve_exact(256 << 20).is_err() {
            return 3;
        }
        for _ in 0..(256 << 20) / 4096 {
            block.extend_from_slice(&[1; 4096]);
        }
        0
    });
    let held = matches!(ended, Some(Ended::Signal(_) | Ended::Code(3)));
    (held, format!("256 MB of 64: {}", say(ended)))
}

fn pids() -> (bool, String) {
    let ended = in_child(|| {
        for count in 0..32 {
            match sys::fork() {
                Ok(None) => {
                    let _ = rustix::process::set_parent_process_death_signal(Some(
                        rustix::process::Signal::KILL,
                    ));
                    rustix::event::pause();
                    sys::exit_now(0);
                }
                Ok(Some(_)) => {}
                Err(_) => return count,
            }
        }
        64
    });
    let held = matches!(ended, Some(Ended::Code(count)) if count <= 16);
    (held, format!("processes until refused, of 16: {}", say(ended)))
}

/// Burns for a fifth of a second with a tenth of a CPU.
fn cpu() -> (bool, String) {
    let ended = in_child(|| {
        let start = now_ms(ClockId::Monotonic);
        while now_ms(ClockId::Monotonic) < start + 200 {}
        i32::try_from(now_ms(ClockId::ProcessCPUTime)).unwrap_or(i32::MAX).min(127)
    });
    let held = matches!(ended, Some(Ended::Code(used)) if used <= 60);
    (held, format!("milliseconds of CPU in 200 with 100 of 1000: {}", say(ended)))
}

fn now_ms(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Code(i32),
    Signal(i32),
}

fn in_child(work: impl FnOnce() -> i32) -> Option<Ended> {
    match sys::fork().ok()? {
        None => sys::exit_now(work()),
        Some(pid) => wait_for(pid),
    }
}

fn wait_for(pid: Pid) -> Option<Ended> {
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).ok()??;
    let code = WaitStatus::exit_status(status).map(Ended::Code);
    code.or_else(|| WaitStatus::terminating_signal(status).map(Ended::Signal))
}

fn say(ended: Option<Ended>) -> String {
    match ended {
        Some(Ended::Code(code)) => format!("ended with {code}"),
        Some(Ended::Signal(signal)) => format!("killed by signal {signal}"),
        None => "could not be tried".to_owned(),
    }
}
