//! Secrets are given by who runs a box, not by who wrote its folder.

use super::Place;
use std::io::{Read, Write};
use std::net::TcpListener;

const VALUE: &str = "the-real-key-4711";

/// Answers each request with whether the key came.
#[expect(clippy::disallowed_methods, reason = "a test's server runs beside it")]
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            let came = String::from_utf8_lossy(&head).contains(VALUE);
            let body = if came { "key" } else { "no." };
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn a_box_gets_a_secret_only_from_who_runs_it() {
    let place = Place::new();
    place.house.run_with(&["secret", "set", "SHOP_TOKEN"], format!("{VALUE}\n").as_bytes()).ok();
    let (port, other) = (server(), server());
    let hosts = format!("[\"127.0.0.1:{port}\", \"127.0.0.1:{other}\"]");
    let spec =
        format!("base = \"host\"\n[network]\nallow = {hosts}\n[secrets]\nSHOP_TOKEN = {hosts}\n");
    place.folder("shop", &spec);
    let get = format!("curl -sS -m 20 -H \"x: $SHOP_TOKEN\" http://127.0.0.1:{port}/");
    let run =
        |more: &[&str]| place.run(&[&["run", "./shop"], more, &["--", "sh", "-c", &get]].concat());
    let asks = "SHOP_TOKEN for 127.0.0.1:";
    run(&[]).fails(125, &[asks, "nobody has granted", "--secret SHOP_TOKEN", "--no-secrets"]);
    assert!(place.names().is_empty(), "nothing was made");
    assert_eq!(run(&["--no-secrets"]).ok().out, "no.");
    let ran = run(&["--secret", "SHOP_TOKEN"]).ok();
    assert_eq!(ran.out, "key");
    assert!(ran.err.contains("secret SHOP_TOKEN goes to 127.0.0.1:"), "{}", ran.err);
    let reach =
        format!("it may reach 127.0.0.1:{} (not the public network: loopback)", port.min(other));
    assert!(ran.err.contains(&reach), "{}", ran.err);
    // For one of its hosts alone, and a box with a name keeps that.
    let only = format!("SHOP_TOKEN=127.0.0.1:{other}");
    assert_eq!(run(&["--secret", &only, "--name", "work"]).ok().out, "no.");
    let again = get.replace(&port.to_string(), &other.to_string());
    assert_eq!(place.sh("work", &again), "key");
    place.run(&["branch", "work", "try"]).ok();
    assert_eq!((place.sh("try", &get), place.sh("try", &again)), ("no.".into(), "key".into()));
    let shown = place.run(&["inspect", "work"]).ok().out;
    assert!(shown.contains(&format!("granted for 127.0.0.1:{other}")), "{shown}");
    let told = place.run(&["decisions", "work"]).ok().out;
    for words in ["VERDICT", "allowed", "GET", "SHOP_TOKEN"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert_eq!(place.run(&["decisions", "work", "--json"]).ok().json()[0]["verdict"], "allowed");

    let wrong = ["run", "shop", "--secret", "OTHER", "--", "true"];
    place.run(&wrong).fails(125, &["asks for no secret `OTHER`", asks]);
    let wrong = ["run", "shop", "--secret", "SHOP_TOKEN=evil:80", "--", "true"];
    place.run(&wrong).fails(125, &["does not ask for SHOP_TOKEN for evil:80"]);
    let wrong = ["run", "shop", "--secret", "SHOP_TOKEN=evil", "--", "true"];
    place.run(&wrong).fails(125, &["has no port"]);
}

#[test]
fn the_environment_comes_before_the_secret_store() {
    let place = Place::new();
    place.house.run_with(&["secret", "set", "SHOP_TOKEN"], b"another-value\n").ok();
    let port = server();
    let host = format!("127.0.0.1:{port}");
    place.folder(
        "shop",
        &format!("base = \"host\"\nnetwork.allow = [\"{host}\"]\nsecrets.SHOP_TOKEN = \"{host}\"\nsecrets.OTHER = \"{host}\"\n"),
    );
    let get = format!("curl -sS -m 20 -H \"x: $SHOP_TOKEN\" http://{host}/");
    let args = ["box", "run", "./shop", "--secret", "SHOP_TOKEN", "--secret", "OTHER", "--", "sh"];
    let mut command = place.house.command(&[&args[..], &["-c", &get]].concat());
    let ran = command.env("SHOP_TOKEN", VALUE).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "key");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        said.contains("OTHER goes to") && said.contains("greenroom secret set OTHER"),
        "{said}"
    );
}
