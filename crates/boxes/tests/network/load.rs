//! A box that floods, is slow, or is gone.

use crate::client::{connect, get, rest};
use crate::server::Server;
use crate::world::{Plan, SHOP, World, eventually, go, pause, soon};
use greenroom_boxes::network::Limits;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn world(limits: Limits) -> (World, Server) {
    let server = Server::plain().await;
    let allow = vec!["shop.example:80".to_owned()];
    let world = World::new(Plan { allow, limits, ..Plan::default() });
    world.map.way(&format!("{SHOP}:80"), server.at);
    (world, server)
}

/// So many clients at once have room in the listener's queue. Of what finds none the kernel drops
/// the greeting or the first bytes, and they come seconds later.
const CLIENTS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_are_served_so_many_at_a_time() {
    let limits = Limits { connections_max: 20, ..Limits::default() };
    let (world, server) = world(limits).await;
    let world = Arc::new(world);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let world = Arc::clone(&world);
            go(async move {
                for _ in 0..1000 / CLIENTS {
                    let said = get(&world, "http://shop.example/", "").await;
                    assert!(said.starts_with("HTTP/1.1 200"), "{said:?}");
                }
            })
        })
        .collect();
    for client in clients {
        soon(client).await.unwrap();
    }
    assert_eq!(server.heads().len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_loses_its_place() {
    let limits = Limits { connections_max: 20, head: Duration::from_secs(1), ..Limits::default() };
    let (world, server) = world(limits).await;
    // These hold all places, until they have said nothing for too long.
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(world.at).await.unwrap());
    }
    let said = get(&world, "http://shop.example/", "").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said:?}");
    for mut one in silent {
        assert_eq!(rest(&mut one).await, "");
    }
    assert_eq!(server.heads().len(), 1);
}

/// The most memory this process has had, in KiB.
fn peak_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Nextest gives each test a process, so that the memory is this test's.
#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_without_being_held() {
    const PIECES: usize = 2048;
    let (world, server) = world(Limits::default()).await;
    get(&world, "http://shop.example/big/10", "").await;
    let before = peak_kb();

    let mut stream = TcpStream::connect(world.at).await.unwrap();
    let head = format!("GET http://shop.example/big/{PIECES} HTTP/1.1\r\nHost: shop.example\r\n");
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let (mut piece, mut all) = (vec![0; 64 << 10], 0);
    // A reader that begins late: what it does not take waits at the server.
    pause(500).await;
    loop {
        match soon(stream.read(&mut piece)).await.unwrap() {
            0 => break,
            read => all += read,
        }
    }
    assert!(all > PIECES * piece.len(), "{all} bytes");

    let mut stream = TcpStream::connect(world.at).await.unwrap();
    let head =
        "POST http://shop.example/up HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n";
    let length = PIECES * piece.len();
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n").as_bytes()).await.unwrap();
    for _ in 0..PIECES {
        soon(stream.write_all(&piece)).await.unwrap();
    }
    let said = rest(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(server.heads().pop().unwrap().ends_with(&format!("[{length} bytes]")));
    let grown = peak_kb() - before;
    assert!(grown < 24 << 10, "{grown} KiB more for 128 MiB in each direction");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_dropped_ends_what_is_under_way() {
    let (world, _server) = world(Limits::default()).await;
    let mut stream = TcpStream::connect(world.at).await.unwrap();
    let head = b"GET http://shop.example/drip HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut piece = vec![0; 1000];
    soon(stream.read_exact(&mut piece)).await.unwrap();
    let mut idle = TcpStream::connect(world.at).await.unwrap();
    let World { proxy, at, .. } = world;
    drop(proxy);
    let begun = piece.len();
    let rest_of_it = rest(&mut stream).await.len();
    assert!(begun + rest_of_it < 10_000_000);
    assert_eq!(rest(&mut idle).await, "");
    for _ in 0..500 {
        if TcpStream::connect(at).await.is_err() {
            return;
        }
        pause(20).await;
    }
    panic!("the listener is still open");
}

#[tokio::test]
async fn a_box_that_does_not_read_loses_its_connection() {
    let limits =
        Limits { connections_max: 1, idle: Duration::from_millis(200), ..Limits::default() };
    let (world, _server) = world(limits).await;
    let mut stream = TcpStream::connect(world.at).await.unwrap();
    let head = b"GET http://shop.example/big/2048 HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    stream.write_all(head).await.unwrap();
    // The only place there is becomes free again.
    let said = get(&world, "http://shop.example/", "").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(rest(&mut stream).await.len() < 64 << 20);
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_is_closed() {
    let server = Server::tls("shop.example").await;
    let world = World::new(Plan {
        allow: vec!["shop.example:443".to_owned()],
        limits: Limits { idle: Duration::from_millis(300), ..Limits::default() },
        ..Plan::default()
    });
    world.map.way(&format!("{SHOP}:443"), server.at);
    let stream = connect(&world, "shop.example:443").await.unwrap();
    let root = rustls::pki_types::CertificateDer::from(server.root.clone());
    let mut stream = crate::client::tls(stream, "shop.example", vec![root]).await.unwrap();
    // Bytes in one direction keep it open.
    stream.write_all(b"GET /drip HTTP/1.1\r\nHost: shop.example\r\n\r\n").await.unwrap();
    let mut piece = vec![0; 100_000];
    soon(stream.read_exact(&mut piece)).await.unwrap();
    stream.get_mut().0.shutdown().await.unwrap();
    drop(stream);
    let stream = connect(&world, "shop.example:443").await.unwrap();
    let root = rustls::pki_types::CertificateDer::from(server.root.clone());
    let mut stream = crate::client::tls(stream, "shop.example", vec![root]).await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    eventually("both are logged", || world.verdicts().len() == 2).await;
}
