//! Sockets that a box is born with, served from outside, and its own ports, reached from there.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use greenroom_boxes::sandbox::{Bind, End, Error, Level, Listen, Running, Sandbox, SandboxSpec};

use crate::house::{House, command, run, sh, text};

const HUB: &str = "/run/greenroom/hub.sock";

fn unix(path: &str) -> Listen {
    Listen::Unix { path: path.into() }
}

fn spec(house: &House, id: &str) -> SandboxSpec {
    let mut spec = house.spec(id);
    spec.listen = vec![unix(HUB), Listen::Tcp { port: 80 }, Listen::Tcp { port: 3128 }];
    spec
}

fn python(sandbox: &dyn Sandbox, script: &str) -> String {
    text(&run(sandbox, &command(&["python3", "-c", script])))
}

/// Answers one connection with its name and what was said.
fn echo(name: &str, mut stream: impl Read + Write) {
    let mut line = [0; 5];
    stream.read_exact(&mut line).expect("five bytes");
    // In one piece, as whoever reads it reads once.
    let said = format!("{name} {}", String::from_utf8_lossy(&line));
    stream.write_all(said.as_bytes()).expect("said");
}

fn tcp(fd: OwnedFd) -> TcpListener {
    TcpListener::from(fd)
}

#[test]
fn sockets_are_served_from_outside_in_the_order_asked_for() {
    let house = House::new();
    let sandbox = house.level().create(&spec(&house, "served")).expect("a box");
    let mut sockets = sandbox.listeners().expect("sockets").into_iter();
    let hub = UnixListener::from(sockets.next().expect("hub"));
    let (web, proxy) = (tcp(sockets.next().expect("80")), tcp(sockets.next().expect("3128")));
    assert!(sockets.next().is_none());
    assert_eq!(proxy.local_addr().expect("address").to_string(), "127.0.0.1:3128");
    std::thread::scope(|scope| {
        scope.spawn(move || echo("hub", hub.accept().expect("hub").0));
        scope.spawn(move || echo("web", web.accept().expect("web").0));
        scope.spawn(move || echo("proxy", proxy.accept().expect("proxy").0));
        let said = python(
            &*sandbox,
            "import socket\n\
         hub = socket.socket(socket.AF_UNIX); hub.connect('/run/greenroom/hub.sock')\n\
         for one in (hub, socket.create_connection(('127.0.0.1', 80))):\n\
         \x20   one.sendall(b'hello'); print(one.recv(100).decode())\n",
        );
        assert_eq!(said, "hub hello\nweb hello\n");
        let bash = "exec 3<>/dev/tcp/127.0.0.1/3128; printf again >&3; head -c 11 <&3";
        assert_eq!(text(&run(&*sandbox, &command(&["bash", "-c", bash]))), "proxy again");
    });
    // Duplicates: more of them are to be had when these are gone, and who came meanwhile waited.
    let client = "import socket; s = socket.create_connection(('127.0.0.1', 80)); \
                  s.sendall(b'later'); print(s.recv(100).decode())";
    let running = sandbox.exec(&command(&["python3", "-c", client])).expect("python");
    let web = tcp(sandbox.listeners().expect("sockets").swap_remove(1));
    echo("web", web.accept().expect("it waited").0);
    assert_eq!(text(&running.output(b"", 100).expect("ends")), "web later\n");
}

#[test]
fn no_process_of_the_box_has_or_changes_the_sockets() {
    let house = House::new();
    let sandbox = house.level().create(&spec(&house, "walls")).expect("a box");
    assert_eq!(text(&run(&*sandbox, &sh("ls -l /proc/self/fd | grep -c socket:"))), "0\n");
    let tries = [
        ("rm -f /run/greenroom/hub.sock", "Read-only file system"),
        ("mv /run/greenroom/hub.sock /run/greenroom/old", "Read-only file system"),
        ("chmod 0 /run/greenroom/hub.sock", "Read-only file system"),
        ("touch /run/greenroom/x", "Read-only file system"),
        ("mv /run/greenroom /run/other", "busy"),
        ("mv /run /other", "busy"),
        ("rm -rf /run", "Read-only file system"),
        ("rmdir /run/greenroom", "busy"),
        ("ln -s /tmp /run/greenroom/tmp", "Read-only file system"),
    ];
    for (script, why) in tries {
        let output = run(&*sandbox, &sh(script));
        let said = text(&output);
        assert!(output.finished.end != End::Code(0) && said.contains(why), "{script}: {said}");
    }
    for (bind, family) in [
        ("('127.0.0.1', 80)", "AF_INET"),
        ("('', 80)", "AF_INET"),
        ("('::', 80)", "AF_INET6"),
        ("('127.0.0.1', 3128)", "AF_INET"),
    ] {
        let said = python(
            &*sandbox,
            &format!(
                "import socket\n\
                 s = socket.socket(socket.{family})\n\
                 for name in ('SO_REUSEADDR', 'SO_REUSEPORT'):\n\
                 \x20   s.setsockopt(socket.SOL_SOCKET, getattr(socket, name), 1)\n\
                 s.bind({bind}); s.listen(); print('BOUND')\n"
            ),
        );
        assert!(!said.contains("BOUND"), "{bind}: {said}");
    }
    // What is beside them is as it was.
    let beside = run(&*sandbox, &sh("echo x > /run/x; mkdir /run/y; rm -r /run/y; cat /run/x"));
    assert_eq!(text(&beside), "x\n");
    assert!(text(&run(&*sandbox, &sh("ls /run"))).contains("greenroom"));
    let other = house.spawn("other");
    let said = text(&run(&*other, &sh("ls /run/greenroom/hub.sock")));
    assert!(said.contains("No such file"), "{said}");
}

#[test]
fn sockets_that_cannot_be_are_refused() {
    let house = House::new();
    let cases = [
        (vec![Listen::Tcp { port: 0 }], "port 0"),
        (vec![Listen::Tcp { port: 9 }, Listen::Tcp { port: 9 }], "twice"),
        ((1..=17).map(|port| Listen::Tcp { port }).collect(), "more than 16"),
        (vec![unix("hub.sock")], "absolute"),
        (vec![unix("/hub.sock")], "directory that is not `/`"),
        (vec![unix("/run/../etc/hub.sock")], "without `..`"),
        (vec![unix("/tmp/a/hub.sock")], "the box's own"),
        (vec![unix(&format!("/run/{}", "x".repeat(103)))], "107 bytes"),
        (vec![unix("/run/a.sock"), unix("/run/greenroom/b.sock")], "in another one's"),
        (vec![unix("/usr/share/hub.sock")], "in a bind"),
    ];
    for (listen, why) in cases {
        let mut spec = house.spec("refused");
        spec.listen = listen;
        let error = house.level().create(&spec).err().expect(why).to_string();
        assert!(error.starts_with("listen: ") && error.contains(why), "{error}");
    }
    let mut few = spec(&house, "few");
    few.limits.open_files = 32;
    let error = house.level().create(&few).err().expect("too few").to_string();
    assert!(error.contains("open_files"), "{error}");
    // A layer that holds a link there would lead elsewhere.
    let layer = house.dir.path().join("layer");
    std::fs::create_dir(&layer).expect("dir");
    std::os::unix::fs::symlink("/etc", layer.join("run")).expect("link");
    let mut linked = spec(&house, "linked");
    linked.lower.push(layer);
    let error = house.level().create(&linked).err().expect("a link").to_string();
    assert!(error.contains("/run/greenroom"), "{error}");
    // A bind beside them is none of these.
    let mut beside = spec(&house, "beside");
    let source = house.dir.path().join("base/etc");
    beside.binds.push(Bind { source, target: "/run/beside".into(), writable: false });
    let beside = house.level().create(&beside).expect("a box");
    assert_eq!(text(&run(&*beside, &sh("cat /run/beside/note"))), "from the layer");
}

#[test]
fn all_sixteen_sockets_fit() {
    let house = House::new();
    let mut spec = house.spec("sixteen");
    spec.limits.open_files = 64;
    spec.listen = (1..=8).map(|port| Listen::Tcp { port }).collect();
    spec.listen.extend((1..=8).map(|index| unix(&format!("/run/{}/{index}.sock", index % 3))));
    let sandbox = house.level().create(&spec).expect("a box");
    assert_eq!(sandbox.listeners().expect("sockets").len(), 16);
    assert_eq!(text(&run(&*sandbox, &sh("ls /run/* | grep -c sock"))), "8\n");
}

const SERVER: &str = "import socket\n\
    s = socket.create_server(('127.0.0.1', 8080))\n\
    print('up', flush=True)\n\
    while True:\n\
    \x20   c = s.accept()[0]\n\
    \x20   c.sendall(b'from the box: ' + c.recv(100)); c.close()\n";

#[test]
fn a_port_of_the_box_is_reached_from_outside() {
    let house = House::new();
    let sandbox = house.spawn("port");
    let error = sandbox.connect(8080).expect_err("nobody listens").to_string();
    assert!(error.contains("port 8080: Connection refused"), "{error}");
    assert!(matches!(sandbox.connect(0), Err(Error::Invalid { field: "port", .. })));
    let mut server = sandbox.exec(&command(&["python3", "-c", SERVER])).expect("python");
    hear(&mut server, "up\n");
    std::thread::scope(|scope| {
        for index in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let mut stream = TcpStream::from(sandbox.connect(8080).expect("connected"));
                stream.write_all(format!("hello {index}").as_bytes()).expect("said");
                let mut said = String::new();
                stream.read_to_string(&mut said).expect("read");
                assert_eq!(said, format!("from the box: hello {index}"));
            });
        }
    });
    let other = house.spawn("without");
    assert!(matches!(other.connect(8080), Err(Error::Port { port: 8080, .. })), "its own only");
}

/// Waits until it has said so.
fn hear(running: &mut Running, line: &str) {
    let stdout = running.stdout.as_ref().expect("stdout").try_clone().expect("copy");
    let mut said = vec![0; line.len()];
    std::fs::File::from(stdout).read_exact(&mut said).expect("a line");
    assert_eq!(String::from_utf8_lossy(&said), line);
}

/// A listener that does not accept, and whose queue is full, holds up nobody but who waits.
#[test]
fn a_port_that_does_not_answer_holds_nothing_up() {
    let house = House::new();
    let sandbox = house.spawn("full");
    let full = "import socket, time\n\
                s = socket.socket(); s.bind(('127.0.0.1', 8081)); s.listen(0)\n\
                kept = [socket.socket() for _ in range(4)]\n\
                for one in kept: one.setblocking(False); one.connect_ex(('127.0.0.1', 8081))\n\
                print('full', flush=True); time.sleep(60)\n";
    let mut running = sandbox.exec(&command(&["python3", "-c", full])).expect("python");
    hear(&mut running, "full\n");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| sandbox.connect(8081));
        for _ in 0..5 {
            assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
        }
        assert!(!slow.is_finished(), "it waits by itself");
        let error = slow.join().expect("joined").expect_err("full").to_string();
        assert!(error.contains("port 8081: timed out"), "{error}");
    });
}
