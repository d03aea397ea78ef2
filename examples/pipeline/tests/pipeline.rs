//! The example runs without a key, and goes on after `kill -9`.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    command.args(args).env_remove("GREENROOM_STORE").env("GREENROOM_DIR", dir);
    command.env("GREENROOM_PROJECT", env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"] {
        command.env_remove(key);
    }
    command
}

fn out(dir: &Path, args: &[&str]) -> String {
    let output = command(dir, args).output().map(|output| output.stdout);
    String::from_utf8_lossy(&output.unwrap_or_default()).into_owned()
}

const LETTER: [&str; 4] = ["run", "letter/1", "--input", "\"My lamp came broken.\""];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test waits for a real process")]
fn a_letter_is_answered_though_the_process_is_killed_between_two_stages() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut run = command(dir.path(), &LETTER).stdout(Stdio::null()).spawn().expect("it runs");
    let began = Instant::now();
    // The writer is at work: the sorter was told once what was wrong, and is done.
    while !out(dir.path(), &["state", "letter/1"]).contains("writer") {
        assert!(began.elapsed() < Duration::from_secs(60), "no stage is done");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    let again = [&LETTER[..], &["--attach"]].concat();
    let output = command(dir.path(), &again).output().expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["letters"], result["reply"].as_str().expect("words").len());
    let state: Value =
        serde_json::from_str(&out(dir.path(), &["state", "letter/1", "--json"])).expect("JSON");
    assert_eq!(state["stages/01 sorter"], json!("repaired"), "{state}");
    assert_eq!(state["stages/03 check"], json!("done"), "{state}");
    // Two agents sorted, one wrote: none of it was done again.
    let all: Value =
        serde_json::from_str(&out(dir.path(), &["ps", "--all", "--json"])).expect("JSON");
    assert_eq!(all.to_string().matches("sorter/").count(), 2, "{all}");
}
