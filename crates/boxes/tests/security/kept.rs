//! What is kept of a box: no secret in anything, and never more of its output than is allowed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use greenroom_boxes::engine::{Engine, ExecRequest, Setup};
use greenroom_boxes::network::Secrets;
use greenroom_boxes::sandbox::End;

use crate::house::{House, run, sh};

const VALUE: &str = "v4lue-that-is-kept-nowhere";

struct Vault;

impl Secrets for Vault {
    fn value(&self, _name: &str) -> Result<Option<String>, String> {
        Ok(Some(VALUE.to_owned()))
    }
}

/// A server that says what it was sent; the first request's head comes back from the thread.
#[expect(clippy::disallowed_methods, reason = "a test's server runs beside it")]
fn server() -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("address").port();
    let first = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("read") == 1 {
            head.push(byte[0]);
        }
        let length = head.len();
        write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")
            .expect("written");
        stream.write_all(&head).expect("written");
        String::from_utf8_lossy(&head).into_owned()
    });
    (port, first)
}

/// The files below a folder that have the value in them.
fn with_value(dir: &Path) -> Vec<String> {
    let grep = Command::new("grep").args(["-rlaF", "--", VALUE]).arg(dir).output().expect("grep");
    String::from_utf8_lossy(&grep.stdout).lines().map(str::to_owned).collect()
}

/// It is used, answered with, asked for where there is nobody, written to files; the box is
/// branched, kept as a snapshot and taken over; and all that a store has is looked through.
#[test]
fn a_secret_is_in_nothing_that_is_kept() {
    let house = House::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let setup = Setup {
        launch: house.launch(),
        runtime: Some(runtime.handle().clone()),
        secrets: Some(Arc::new(Vault)),
        ..Setup::default()
    };
    let dir = house.dir.path().join("boxes");
    let engine = Engine::open(&dir, setup).expect("an engine");
    let (port, first) = server();
    let hosts = format!("[\"127.0.0.1:{port}\", \"127.0.0.1:1\"]");
    let spec = format!("base = \"host\"\n[network]\nallow = {hosts}\n[secrets]\nTOKEN = {hosts}\n");
    let folder = house.dir.path().join("client");
    std::fs::create_dir(&folder).expect("dir");
    std::fs::write(folder.join("box.toml"), spec).expect("written");
    let image = engine.build(&[&folder], &mut |_| {}).expect("an image");
    engine.create(&image, "client", None).expect("a box");
    let line = format!(
        "env > /srv/env; cat /proc/*/environ > /srv/proc 2> /dev/null; \
         for port in {port} 1; do \
         curl -sS -m 20 -H \"x-token: $TOKEN\" http://127.0.0.1:$port/ 2>&1; done | tee /srv/said"
    );
    let request = ExecRequest::of(["sh", "-c", &format!("mkdir -p /srv; {line}")]);
    let mut heard = Vec::new();
    let mut hear = |_, bytes: &[u8]| heard.extend_from_slice(bytes);
    engine.exec("client", &request, b"", &mut hear).expect("it runs");
    let heard = String::from_utf8_lossy(&heard).into_owned();
    assert!(heard.contains("x-token") && heard.contains("127.0.0.1:1"), "{heard}");
    assert!(first.join().expect("the server").contains(VALUE), "it was put in");
    engine.branch("client", &["other".to_owned()], None).expect("a branch");
    engine.snapshot("client", "owner").expect("a snapshot");
    let out = house.dir.path().join("out");
    std::fs::create_dir_all(out.join("srv")).expect("dir");
    engine.export("client", &out, false).expect("taken over");
    let refused = engine.exec("client", &ExecRequest::of(["no-such"]), b"", &mut |_, _| {});
    drop(runtime);
    let told = format!("{:?} {:?}", refused, engine.decisions("client").expect("decisions"));
    assert!(!heard.contains(VALUE) && !told.contains(VALUE), "{heard} {told}");
    assert_eq!(with_value(house.dir.path()), Vec::<String>::new());
    // Without the box the value is what a program has, and what it writes.
    let line = line.replace("/srv", "srv");
    let mut outside = Command::new("sh");
    outside.args(["-c", &format!("mkdir srv; {line}")]).env("TOKEN", VALUE);
    outside.current_dir(house.dir.path()).output().expect("sh");
    assert!(with_value(&house.dir.path().join("srv")).len() >= 2);
    for name in ["client", "other"] {
        let _ = engine.discard(name);
    }
}

/// Far more output than anybody wants to keep.
#[test]
fn a_flood_of_output_is_cut() {
    const FLOOD: u64 = 20 << 20;
    let house = House::new();
    let sandbox = house.spawn("flood");
    let line = format!("head -c {FLOOD} /dev/zero; head -c {FLOOD} /dev/zero >&2");
    let output = sandbox.exec(&sh(&line)).expect("it starts").output(b"", 1000).expect("ends");
    assert_eq!(output.finished.end, End::Code(0), "it is not held up either");
    assert!(output.stdout.len() + output.stderr.len() <= 2000);
    assert!(output.finished.cut_bytes >= 2 * FLOOD - 2000, "{}", output.finished.cut_bytes);
    assert_eq!(run(&*sandbox, &sh("true")).finished.end, End::Code(0));
    let outside = Command::new("sh").args(["-c", &line]).output().expect("sh");
    assert_eq!(outside.stdout.len() as u64, FLOOD, "without the box all of it is held");
}
