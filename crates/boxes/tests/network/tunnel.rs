//! Tunnels to allowed hosts that no secret is for.

use crate::client::{connect, rest, tls};
use crate::server::Server;
use crate::world::{Plan, SHOP, World, eventually};
use greenroom_boxes::network::{Limits, Verdict};
use rustls::pki_types::CertificateDer;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn world() -> (World, Server) {
    let server = Server::tls("shop.example").await;
    let world = World::new(Plan {
        allow: vec!["shop.example:443".to_owned()],
        limits: Limits { head: Duration::from_millis(500), ..Limits::default() },
        ..Plan::default()
    });
    world.map.way(&format!("{SHOP}:443"), server.at);
    (world, server)
}

#[tokio::test]
async fn tls_goes_through_unopened() {
    let (world, server) = world().await;
    assert_eq!(world.proxy.certificate(), None);
    assert_eq!(world.proxy.environment().get("SSL_CERT_FILE"), None);
    let stream = connect(&world, "shop.example:443").await.unwrap();
    // Trusting the server's own authority alone: nobody stands between.
    let root = CertificateDer::from(server.root.clone());
    let mut stream = tls(stream, "shop.example", vec![root]).await.unwrap();
    stream.write_all(b"GET /big/2 HTTP/1.1\r\nHost: shop.example\r\n\r\n").await.unwrap();
    let mut all = vec![0; 128 << 10];
    stream.read_exact(&mut all).await.unwrap();
    assert!(all.starts_with(b"HTTP/1.1 200"));
    assert_eq!(world.verdicts(), [Verdict::Allowed]);
    assert_eq!(world.decisions()[0].method, "CONNECT");
}

#[tokio::test]
async fn tls_for_another_host_is_refused() {
    let (world, server) = world().await;
    let root = CertificateDer::from(server.root.clone());
    for (sni, why) in
        [("other.example", "but its TLS asks for other.example"), ("", "does not say for whom")]
    {
        let stream = connect(&world, "shop.example:443").await.unwrap();
        let error = tls(stream, sni, vec![root.clone()]).await.unwrap_err();
        assert!(error.to_string().contains("UnrecognisedName"), "{error}");
        eventually("the decision", || {
            world.decisions().last().is_some_and(|last| last.why.contains(why))
        })
        .await;
    }
    assert_eq!(world.verdicts(), [Verdict::Refused; 2]);
}

#[tokio::test]
async fn nothing_but_tls_goes_through() {
    let (world, server) = world().await;
    let get = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    for text in [get, "SSH-2.0-OpenSSH\r\n", "\u{0}\u{0}\u{0}\u{8}\u{4}"] {
        let mut stream = connect(&world, "shop.example:443").await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let said = rest(&mut stream).await;
        assert!(said.contains("refused: only TLS goes through a tunnel"), "{said}");
    }
    // Who says nothing at all, or half a hello, does not stay.
    for begun in ["", "\u{16}\u{3}\u{1}\u{1}"] {
        let mut stream = connect(&world, "shop.example:443").await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
    }
    eventually("decisions", || world.verdicts() == [Verdict::Refused; 5]).await;
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn an_address_needs_no_server_name() {
    let server = Server::tls("shop.example").await;
    let world = World::allowing(&[&server.at.to_string()]);
    let stream = connect(&world, &server.at.to_string()).await.unwrap();
    let root = CertificateDer::from(server.root.clone());
    assert!(tls(stream, "", vec![root.clone()]).await.is_ok());
    let stream = connect(&world, &server.at.to_string()).await.unwrap();
    assert!(tls(stream, "shop.example", vec![root]).await.is_err());
}
