//! Other people's servers as processes of a test's own: started, found by the
//! address they print, ended by their id. `./dev setup` installs them.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server that ends with this.
pub struct Server {
    child: Child,
    /// Its address, as it has printed it.
    pub url: String,
}

/// `target/servers`, where `./dev setup` puts them.
fn installed() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("servers")
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(name)
}

/// npm `@copilotkit/aimock`: four protocols, with faults.
pub fn aimock() -> Server {
    let mut command = Command::new("node");
    command.arg(script("aimock.mjs")).arg(installed());
    start(command)
}

/// A real model, SmolLM2-135M, on llama.cpp's own server.
pub fn smollm() -> Server {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.arg(script("smollm.py"));
    start(command)
}

fn start(mut command: Command) -> Server {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run ./dev setup, which installs it"));
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url).unwrap();
    if !url.starts_with("http://127.0.0.1:") {
        let mut said = String::new();
        let _ended = child.kill();
        BufReader::new(stderr).read_to_string(&mut said).unwrap();
        panic!("{command:?} has not started; run ./dev setup, which installs it. It says:\n{said}");
    }
    drain(stderr);
    Server { child, url: url.trim().to_owned() }
}

/// What it logs is read, or it would wait for that for ever.
fn drain(mut stderr: impl Read + Send + 'static) {
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
