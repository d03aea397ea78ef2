//! Processes are counted by whose children they are.

use super::processes;
use rustix::process::Pid;
use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn all_that_descend_from_one_are_counted_and_no_other() {
    let line = "sleep 60 & (sleep 60; true) & echo on; wait";
    let mut shell = Command::new("sh").args(["-c", line]).stdout(Stdio::piped()).spawn().unwrap();
    shell.stdout.take().unwrap().read_exact(&mut [0; 3]).unwrap();
    let first = Pid::from_child(&shell);
    // Two shells, and two that sleep, of which one may take a moment.
    for _ in 0..500 {
        if processes(first) == Some(4) {
            break;
        }
        let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let _ = rustix::thread::nanosleep(&pause);
    }
    assert_eq!(processes(first), Some(4));
    let children = format!("/proc/{0}/task/{0}/children", shell.id());
    let children = std::fs::read_to_string(children).unwrap_or_default();
    for pid in children.split_whitespace() {
        let inner = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        for pid in inner.unwrap_or_default().split_whitespace().chain([pid]) {
            Command::new("kill").args(["-9", pid]).status().unwrap();
        }
    }
    shell.wait().unwrap();
    assert_eq!(processes(first), None, "it has ended");
}
