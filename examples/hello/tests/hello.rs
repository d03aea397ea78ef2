//! The smallest example runs, and stays small.

use std::process::Command;

#[test]
fn it_greets_after_its_sleep() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hello"));
    command.env_remove("GREENROOM_STORE").env("GREENROOM_DIR", dir.path());
    let output = command.args(["run", "hello/1", "--input", "\"Ada\""]).output().expect("it runs");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert_eq!(out.trim(), "\"HELLO, ADA\"");
    assert!(err.contains("TimerFired"), "{err}");
}

#[test]
fn it_is_under_30_lines() {
    assert!(include_str!("../src/main.rs").lines().count() < 30);
}
