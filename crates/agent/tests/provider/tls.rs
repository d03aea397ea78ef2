//! TLS and proxies: a server with a certificate of its own, and a process that is
//! told by its environment whom to trust and which way to go.

use crate::support::{endpoint, request, send, start};
use greenroom_agent::provider::{Chat, failure};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Where the child finds the server.
const URL: &str = "GREENROOM_TEST_TLS_URL";
/// What the child is to see.
const EXPECTED: &str = "GREENROOM_TEST_TLS_EXPECTED";

/// The child's part: it has an environment of its own.
#[tokio::test]
async fn child() {
    let Ok(url) = std::env::var(URL) else { return };
    let expected = std::env::var(EXPECTED).unwrap();
    let chat = Chat::new(endpoint(&url));
    for _ in 0..2 {
        match send(&chat, &request("hi")).await.0 {
            Ok(reply) => assert_eq!(reply.message.text(), expected),
            Err(failure) => {
                assert!(failure.is(failure::CONNECTION), "{failure}");
                assert!(failure.message.contains(&expected), "{failure}");
            }
        }
    }
}

async fn run_child(url: &str, expected: &str, env: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tls::child", "--nocapture"]);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env_remove("SSL_CERT_DIR").env(URL, url).env(EXPECTED, expected);
    command.envs(env.iter().copied());
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{env:?}: {said}");
}

/// Hands what comes over TLS on to `to`; gives its port.
async fn tls_before(to: String, key: &CertifiedKey<rcgen::KeyPair>) -> u16 {
    let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                // Whoever does not trust us goes away here.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut to = TcpStream::connect(to).await.unwrap();
                let _ended = copy_bidirectional(&mut stream, &mut to).await;
            });
        }
    });
    port
}

/// A proxy that opens tunnels to this port, whatever it is asked for, and counts
/// them; gives its port.
async fn proxy(to: u16, tunnels: Arc<AtomicU32>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                stream.read_line(&mut head).await.unwrap();
            }
            assert!(head.starts_with("CONNECT models.test:443"), "{head}");
            tunnels.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut to = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            tokio::spawn(async move {
                let _ended = copy_bidirectional(&mut stream, &mut to).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn who_is_trusted_and_which_way_it_goes() {
    let server = start(&json!({"turns": [{"say": "safe", "times": 100}]}));
    let names = ["localhost", "models.test"].map(str::to_owned);
    let key = generate_simple_self_signed(names).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.pem");
    std::fs::write(&file, key.cert.pem()).unwrap();
    let root = ("SSL_CERT_FILE", file.to_str().unwrap());
    let port = tls_before(server.url().replace("http://", ""), &key).await;
    let url = format!("https://localhost:{port}/v1");

    run_child(&url, "safe", &[root]).await;
    // Somebody else's certificate is trusted, not this one.
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other_file = folder.path().join("other.pem");
    std::fs::write(&other_file, other.cert.pem()).unwrap();
    let other_root = ("SSL_CERT_FILE", other_file.to_str().unwrap());
    run_child(&url, "certificate", &[other_root]).await;
    // The certificate is of another name.
    let elsewhere = format!("https://127.0.0.1:{port}/v1");
    run_child(&elsewhere, "certificate", &[root]).await;
    // Nobody is trusted at all.
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    run_child(&url, "SSL_CERT_FILE", &[("SSL_CERT_FILE", empty.to_str().unwrap())]).await;

    let tunnels = Arc::new(AtomicU32::new(0));
    let proxy = format!("http://127.0.0.1:{}", proxy(port, tunnels.clone()).await);
    run_child("https://models.test/v1", "safe", &[root, ("HTTPS_PROXY", &proxy)]).await;
    let through = tunnels.load(Ordering::SeqCst);
    assert!(through > 0);
    let not_here = [root, ("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "localhost")];
    run_child(&url, "safe", &not_here).await;
    assert_eq!(tunnels.load(Ordering::SeqCst), through);
}
