//! What boxes reach: through the real proxy, from inside a real sandbox.

use crate::world::World;
use greenroom_boxes::engine::{Engine, ExecRequest};
use greenroom_boxes::network::{Secrets, Verdict};
use greenroom_boxes::spec::Granted;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

/// Answers each request with what it was sent.
#[expect(clippy::disallowed_methods, reason = "a test's server runs beside it")]
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let length = head.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            stream.write_all(&head).unwrap();
        }
    });
    port
}

struct Vault;

impl Secrets for Vault {
    fn value(&self, name: &str) -> Result<Option<String>, String> {
        Ok((name == "SHOP_TOKEN").then(|| "s3cret-value".to_owned()))
    }
}

fn spec(port: u16) -> String {
    format!(
        "base = \"host\"\n[network]\nallow = [\"127.0.0.1:{port}\"]\n\
         [secrets]\nSHOP_TOKEN = \"127.0.0.1:{port}\"\n"
    )
}

const GET: &str = "curl -sS -m 20 -H \"x-token: $SHOP_TOKEN\"";

#[test]
fn a_box_reaches_what_it_names_with_its_secrets_and_nothing_else() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (port, other) = (echo(), echo());
    let world = World::with(Some(runtime.handle().clone()), Some(Arc::new(Vault)));
    world.image("shop", &spec(port));
    world.create("shop", "client");
    let heard = world.sh("client", &format!("{GET} http://127.0.0.1:{port}/x"));
    assert!(heard.contains("greenroom-secret-SHOP_TOKEN-"), "the value is hidden: {heard}");
    assert!(!heard.contains("s3cret-value"));
    let refused = world.sh("client", &format!("{GET} http://127.0.0.1:{other}/x"));
    assert!(refused.contains("box.toml"), "{refused}");
    // Without the proxy there is nothing to be reached at all.
    let direct = format!("curl --noproxy '*' -sS -m 5 http://127.0.0.1:{port}/");
    let direct = world.exec("client", &ExecRequest::of(["sh", "-c", &direct])).unwrap();
    assert!(!direct.is_success(), "{direct:?}");
    let env = world.sh("client", "env; cat /proc/*/environ 2>/dev/null || true");
    assert!(!env.contains("s3cret-value"));
    drop(runtime);
    let decisions = world.engine.decisions("client").unwrap();
    let verdicts: Vec<_> = decisions.iter().map(|one| (one.port, one.verdict)).collect();
    let expected = [(Some(port), Verdict::Allowed), (Some(other), Verdict::Refused)];
    assert_eq!(verdicts, expected);
    assert_eq!(decisions[0].secrets, ["SHOP_TOKEN"]);
    assert_eq!(decisions[1].misplaced, ["SHOP_TOKEN"]);
    assert!(!serde_json::to_string(&decisions).unwrap().contains("s3cret-value"));
    let paths = world.engine.diff("client").unwrap();
    assert!(paths.changes.is_empty(), "what carries the network is no part of the box");
}

#[test]
fn a_box_is_given_the_secrets_that_are_granted_and_so_are_its_branches() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (port, other) = (echo(), echo());
    let world = World::with(Some(runtime.handle().clone()), Some(Arc::new(Vault)));
    let hosts = format!("[\"127.0.0.1:{port}\", \"127.0.0.1:{other}\"]");
    let spec = format!(
        "base = \"host\"\n[network]\nallow = {hosts}\n[secrets]\nSHOP_TOKEN = {hosts}\n\
         OTHER_KEY = \"127.0.0.1:{port}\"\n"
    );
    world.image("greedy", &spec);
    let image = world.engine.image("greedy").unwrap();
    let host = |port: u16| format!("127.0.0.1:{port}").parse().unwrap();
    let none = Granted::new();
    world.engine.create_granting(&image, "without", None, &none).unwrap();
    let seen = world.sh("without", "echo .$SHOP_TOKEN.$OTHER_KEY.");
    assert_eq!(seen, "...\n", "not even a placeholder");
    assert_eq!(world.engine.granted("without").unwrap(), none);

    // One secret, for one host; what nobody asks for is not given.
    let some = Granted::from([
        ("SHOP_TOKEN".to_owned(), [host(port)].into()),
        ("PATH_TO_ALL".to_owned(), [host(port)].into()),
    ]);
    world.engine.create_granting(&image, "with", None, &some).unwrap();
    world.engine.branch("with", &["branch".to_owned()], None).unwrap();
    let snapshot = world.engine.snapshot("branch", "me").unwrap();
    world.engine.restore(&snapshot, "restored", None).unwrap();
    for name in ["with", "branch", "restored"] {
        let get =
            |port| world.sh(name, &format!("{GET} http://127.0.0.1:{port}/x; echo $OTHER_KEY"));
        assert!(get(port).ends_with("\n\n"), "{name}");
        get(other);
        let decisions = || world.engine.decisions(name).unwrap();
        until(|| decisions().len() == 2);
        let [right, wrong] = &decisions()[..] else { panic!("two requests") };
        assert_eq!(
            (&right.secrets[..], right.misplaced.len()),
            (&["SHOP_TOKEN".to_owned()][..], 0)
        );
        assert_eq!(
            (wrong.secrets.len(), &wrong.misplaced[..]),
            (0, &["SHOP_TOKEN".to_owned()][..])
        );
        let granted = world.engine.granted(name).unwrap();
        assert_eq!(
            granted.into_iter().collect::<Vec<_>>(),
            [("SHOP_TOKEN".to_owned(), [host(port)].into())]
        );
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let _ = rustix::thread::nanosleep(&pause);
    }
    panic!("it never came to that");
}

#[test]
fn another_process_serves_a_running_box_with_the_same_placeholders() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let port = echo();
    let world = World::with(Some(runtime.handle().clone()), Some(Arc::new(Vault)));
    world.image("shop", &spec(port));
    world.create("shop", "client");
    let before = world.sh("client", "echo $SHOP_TOKEN");
    // Who served it is gone; the box waits in the line of its proxy.
    world.engine.unserve_all();
    let another: Engine = world.another();
    assert_eq!(another.find_again().unwrap(), ["client"]);
    let request =
        ExecRequest::of(["sh", "-c", &format!("echo $SHOP_TOKEN; {GET} http://127.0.0.1:{port}/")]);
    let printed = another.exec("client", &request, b"", &mut |_, _| {}).unwrap();
    assert!(
        printed.stdout.starts_with(&before) && printed.stdout.contains("x-token"),
        "{printed:?}"
    );
}

#[test]
fn who_comes_later_takes_over_when_the_one_who_serves_goes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let port = echo();
    let world = World::with(Some(runtime.handle().clone()), Some(Arc::new(Vault)));
    world.image("shop", &spec(port));
    world.create("shop", "client");
    let before = world.sh("client", "echo $SHOP_TOKEN $HTTP_PROXY $SSL_CERT_FILE");
    let another = world.another();
    assert_eq!(another.find_again().unwrap(), ["client"]);
    let ask = |line: &str| {
        let printed =
            another.exec("client", &ExecRequest::of(["sh", "-c", line]), b"", &mut |_, _| {});
        printed.unwrap().stdout
    };
    // It tells commands the same, though it does not serve them yet.
    assert_eq!(ask("echo $SHOP_TOKEN $HTTP_PROXY $SSL_CERT_FILE"), before);
    assert!(ask(&format!("{GET} http://127.0.0.1:{port}/")).contains("x-token"));
    world.engine.unserve_all();
    assert!(ask(&format!("{GET} http://127.0.0.1:{port}/")).contains("x-token"));
}

#[test]
fn a_program_that_serves_no_network_starts_no_box_that_wants_one() {
    let world = World::new();
    world.image("shop", &spec(1));
    world.create("shop", "client");
    let refused = world.exec("client", &ExecRequest::of(["true"])).unwrap_err();
    assert!(refused.to_string().contains("serves no network"), "{refused}");
}
