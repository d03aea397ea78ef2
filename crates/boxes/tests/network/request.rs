//! How a request may be written, and what goes out of it.

use crate::client::{get, rest, say};
use crate::server::Server;
use crate::world::{Plan, SHOP, World, soon};
use greenroom_boxes::network::{Limits, Verdict};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn world() -> (World, Server) {
    let server = Server::plain().await;
    let world = World::allowing(&["shop.example:80"]);
    world.map.way(&format!("{SHOP}:80"), server.at);
    (world, server)
}

#[tokio::test]
async fn the_host_header_says_what_the_first_line_says() {
    let (world, server) = world().await;
    for hosts in [
        "",
        "Host: other.example\r\n",
        "Host: shop.example:81\r\n",
        "Host: shop.example@other.example\r\n",
        "Host: shop.example, other.example\r\n",
        "Host: shop.example\r\nHost: shop.example\r\n",
        "Host: shop.example\r\nHost: other.example\r\n",
    ] {
        let said = say(&world, &format!("GET http://shop.example/ HTTP/1.1\r\n{hosts}\r\n")).await;
        assert!(said.starts_with("HTTP/1.1 400") && said.contains("Host header"), "{hosts}{said}");
    }
    assert!(server.heads().is_empty(), "{:?}", server.heads());
    let said = get(&world, "http://SHOP.example:80/", "").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn what_is_not_asked_as_of_a_proxy_is_refused() {
    let (world, server) = world().await;
    for (line, said) in [
        ("GET / HTTP/1.1", "this is the box's proxy"),
        ("OPTIONS * HTTP/1.1", "this is the box's proxy"),
        ("GET https://shop.example/ HTTP/1.1", "only http://"),
        ("GET ftp://shop.example/ HTTP/1.1", "only http://"),
        ("TRACE http://shop.example/ HTTP/1.1", "TRACE is not let through"),
        ("GET http://user:QUERY@shop.example/ HTTP/1.1", "no user name before it"),
        ("CONNECT shop.example HTTP/1.1", ""),
        ("CONNECT / HTTP/1.1", ""),
        ("PRI * HTTP/2.0", ""),
        ("hello", ""),
        ("\u{16}\u{3}\u{1}", ""),
    ] {
        let answer = say(&world, &format!("{line}\r\nHost: shop.example\r\n\r\n")).await;
        let is_refused = answer.starts_with("HTTP/1.1 4") && answer.contains(said);
        assert!(is_refused || answer.is_empty(), "{line}: {answer}");
    }
    assert!(server.heads().is_empty(), "{:?}", server.heads());
    assert!(!world.verdicts().contains(&Verdict::Allowed));
}

#[tokio::test]
async fn no_request_hides_in_another() {
    let (world, server) = world().await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: other.example\r\n\r\n";
    let post = "POST http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n";
    let length = hidden.len() + 5;
    let tries = [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("Content-Length: 0, {length}\r\n\r\n{hidden}"),
        format!("Content-Length: +0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: gzip\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("X-Folded: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Connection: content-length\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n{hidden}"),
    ];
    for text in tries {
        let _answer = say(&world, &format!("{post}{text}")).await;
    }
    assert!(server.heads().iter().any(|head| head.contains("[") || head.contains("GET /hidden")));
    // The hidden one was a body, or a request of its own that names no host of ours.
    let heads = server.heads();
    assert!(heads.iter().all(|head| head.starts_with("POST / HTTP/1.1\r\n")), "{heads:?}");
    let both =
        |head: &String| head.contains("content-length:") && head.contains("transfer-encoding:");
    assert!(!heads.iter().any(both), "{heads:?}");
    assert!(world.connected().iter().all(|to| to.to_string() == format!("{SHOP}:80")));
}

#[tokio::test]
async fn each_request_of_a_connection_is_checked() {
    let (world, server) = world().await;
    let one = |host: &str| format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let said =
        say(&world, &(one("shop.example") + &one("other.example") + &one("shop.example"))).await;
    assert_eq!(said.matches("HTTP/1.1 200").count(), 1, "{said}");
    assert_eq!(said.matches("HTTP/1.1 403").count(), 1, "{said}");
    assert_eq!(world.verdicts(), [Verdict::Allowed, Verdict::Refused]);
    assert_eq!(server.heads().len(), 1);
    let said =
        say(&world, &(one("shop.example") + "CONNECT other.example:443 HTTP/1.1\r\n\r\n")).await;
    assert_eq!(said.matches("HTTP/1.1 403").count(), 1, "{said}");
}

#[tokio::test]
async fn headers_for_the_next_hop_stay_here() {
    let (world, server) = world().await;
    let headers = "Proxy-Authorization: Basic QUERY\r\nProxy-Connection: keep-alive\r\n\
                   Keep-Alive: 5\r\nTE: trailers\r\nX-Hop: 1\r\nX-Kept: 1\r\nUpgrade: h2c\r\n\
                   HTTP2-Settings: AAMA\r\nConnection: x-hop, upgrade, http2-settings\r\n";
    let said = get(&world, "http://shop.example/", headers).await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    assert!(!said.to_ascii_lowercase().contains("keep-alive:"), "{said}");
    let head = server.heads()[0].to_ascii_lowercase();
    assert!(head.contains("x-kept: 1"), "{head}");
    for gone in ["proxy-", "keep-alive", "te:", "x-hop", "upgrade", "http2", "connection"] {
        assert!(!head.contains(gone), "{gone}: {head}");
    }
}

#[tokio::test]
async fn a_web_socket_is_refused_where_it_could_not_be_checked() {
    let (world, server) = world().await;
    let headers = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    let said = get(&world, "http://shop.example/", headers).await;
    assert!(said.starts_with("HTTP/1.1 403") && said.contains("wss://"), "{said}");
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let world = World::new(Plan {
        allow: vec!["shop.example:80".to_owned()],
        limits: Limits { head: Duration::from_millis(300), ..Limits::default() },
        ..Plan::default()
    });
    for begun in ["", "GET http://shop.example/ HTTP/1.1\r\nHost: "] {
        let mut stream = TcpStream::connect(world.at).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let said = soon(rest(&mut stream)).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    // One that is too long, or has too many lines, does not fill the memory either.
    for lines in [format!("X: {}\r\n", "x".repeat(200_000)), "X: x\r\n".repeat(200)] {
        let said = get(&world, "http://shop.example/", &lines).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    }
    assert_eq!(world.connected(), []);
}
