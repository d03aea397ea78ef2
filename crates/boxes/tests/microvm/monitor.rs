//! A monitor in place of Cloud Hypervisor: this very test program, started by a script.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use greenroom_boxes::microvm::{PORT, serve};

const SOCKET: &str = "GREENROOM_TEST_MONITOR";

/// A program that is called as `cloud-hypervisor` is. `faulty` refuses to boot.
pub fn program(dir: &Path, faulty: bool) -> PathBuf {
    let path = dir.join("cloud-hypervisor");
    let own = std::env::current_exe().expect("this program");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'cloud-hypervisor of a test' && exit\n\
         export {SOCKET}=\"$2\" FAULTY={faulty} PATH=/usr/bin:/bin\n\
         exec '{}' --exact monitor::is_one_when_it_is_told_to --nocapture \"$2\"\n",
        own.display()
    );
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    path
}

/// Not told so, it is nothing.
#[test]
fn is_one_when_it_is_told_to() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let socket = PathBuf::from(socket);
    for stream in UnixListener::bind(&socket).expect("bind").incoming() {
        // One connection asks many times.
        let mut stream = BufReader::new(stream.expect("a connection"));
        while let Some((request, body)) = request(&mut stream) {
            let status = answer(&socket, &request, &body);
            let text = if status == 204 { "No Content" } else { "Internal Server Error" };
            let reply = format!("HTTP/1.1 {status} {text}\r\ncontent-length: 0\r\n\r\n");
            stream.get_mut().write_all(reply.as_bytes()).expect("answered");
        }
    }
}

fn request(from: &mut BufReader<UnixStream>) -> Option<(String, String)> {
    let (mut first, mut length) = (String::new(), 0);
    from.read_line(&mut first).ok().filter(|count| *count > 0)?;
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    let request = first.trim().trim_end_matches(" HTTP/1.1").to_owned();
    Some((request, String::from_utf8(body).expect("text")))
}

fn answer(socket: &Path, request: &str, body: &str) -> u16 {
    let dir = socket.parent().expect("a directory");
    let config = dir.join("config");
    let mut log =
        OpenOptions::new().create(true).append(true).open(dir.join("requests")).expect("a log");
    writeln!(log, "{request}").expect("logged");
    match request {
        "PUT /api/v1/vm.create" => fs::write(config, body).expect("kept"),
        "PUT /api/v1/vm.boot" => {
            if std::env::var("FAULTY").as_deref() == Ok("true") {
                return 500;
            }
            let text = fs::read_to_string(config).expect("created before");
            let config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let vsock = config["vsock"]["socket"].as_str().expect("a socket").to_owned();
            boot(Path::new(&vsock));
        }
        "PUT /api/v1/vm.pause" | "PUT /api/v1/vm.resume" => {}
        _ => return 404,
    }
    204
}

/// The host's side of a vsock, and the agent behind it.
#[expect(clippy::disallowed_methods, reason = "a server of a test has a thread")]
fn boot(vsock: &Path) {
    let listener = UnixListener::bind(vsock).expect("bind");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            let read = BufReader::with_capacity(1, &stream).read_line(&mut line);
            if read.is_ok() && line == format!("CONNECT {PORT}\n") {
                stream.write_all(b"OK 1073741824\n").expect("answered");
                serve(stream);
            }
        }
    });
}
