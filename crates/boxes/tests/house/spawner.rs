//! The end of the spawner that stays for a folder, and of its boxes with it: they outlive whoever
//! started them by design, so a test has to say so. Also for the tests of other crates.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Those that stay for this folder and no other. A process that has ended has no environment.
fn staying(state: &Path) -> Vec<Pid> {
    let read = |pid: &Pid, name| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let is_state = |word: &[u8]| {
        let named = word.strip_prefix(b"GREENROOM_BOX_STATE=");
        let named = named.and_then(|path| Path::new(OsStr::from_bytes(path)).canonicalize().ok());
        named.is_some() && named == state.canonicalize().ok()
    };
    let stays = |pid: &Pid| {
        read(pid, "cmdline").split(|byte| *byte == 0).any(|word| word == b"--stay")
            && read(pid, "environ").split(|byte| *byte == 0).any(is_state)
    };
    let entries = std::fs::read_dir(state).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| {
        let name = entry.file_name();
        Pid::from_raw(name.to_str()?.strip_prefix("spawner-")?.parse().ok()?)
    });
    pids.filter(stays).collect()
}

/// Ends it and waits for that. It is let go by the removal of its socket, so that it cleans up; a
/// signal is for one that does not hear of that. Fails nothing: a test that has failed ends so.
#[expect(clippy::disallowed_methods, reason = "a test waits for another program")]
pub fn end_staying(state: &Path) {
    if staying(state).is_empty() {
        return;
    }
    let _ = std::fs::remove_file(state.join("spawner.sock"));
    for _ in 0..1000 {
        if staying(state).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    for pid in staying(state) {
        let _ = kill_process(pid, Signal::KILL);
    }
}
