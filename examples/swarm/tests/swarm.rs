//! The example runs without a key, and goes on after `kill -9`.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarm"));
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

const PANEL: [&str; 4] = ["run", "panel/1", "--input", "\"A name for a theatre app?\""];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test waits for a real process")]
fn peers_agree_though_the_process_is_killed_while_they_talk() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut run = command(dir.path(), &PANEL).stdout(Stdio::null()).spawn().expect("it runs");
    let began = Instant::now();
    while !out(dir.path(), &["state", "panel/1"]).contains("talk/0002") {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody says anything");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    let again = [&PANEL[..], &["--attach"]].concat();
    let output = command(dir.path(), &again).output().expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["ended"], json!("quiet"));
    assert_eq!(result["messages"], json!(4), "{result}");
    assert_eq!(result["result"], json!("greenroom"), "{result}");
}
