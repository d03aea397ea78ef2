//! A client that says exactly what a test wants it to say.

use crate::world::{World, soon};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Says this to the proxy and gives all that comes back until it closes.
pub async fn say(world: &World, text: &str) -> String {
    let mut stream = TcpStream::connect(world.at).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

/// All until the end. A reset is one too.
pub async fn rest(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ended = soon(stream.read_to_end(&mut all)).await;
    String::from_utf8(all).unwrap()
}

/// `GET` of a URL, as to a proxy, with further header lines.
pub async fn get(world: &World, url: &str, headers: &str) -> String {
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    say(world, &format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"))
        .await
}

/// A tunnel, if it is granted; else the answer.
pub async fn connect(world: &World, target: &str) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(world.at).await.unwrap();
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        match soon(stream.read_u8()).await {
            Ok(byte) => answer.push(char::from(byte)),
            Err(_) => return Err(answer),
        }
    }
    if answer.starts_with("HTTP/1.1 200") {
        return Ok(stream);
    }
    Err(answer + &rest(&mut stream).await)
}

/// TLS over a stream, trusting these certificates.
pub async fn tls(
    stream: TcpStream,
    sni: &str,
    roots: Vec<CertificateDer<'static>>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut store = rustls::RootCertStore::empty();
    store.add_parsable_certificates(roots);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store)
        .with_no_client_auth();
    config.enable_sni = !sni.is_empty();
    let name = if sni.is_empty() { "shop.example" } else { sni };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

/// What a program in the box trusts.
pub fn trusted(world: &World) -> Vec<CertificateDer<'static>> {
    let pem = world.proxy.certificate().unwrap();
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

/// Says this inside of a tunnel's TLS.
pub async fn say_tls(world: &World, host: &str, text: &str) -> String {
    let stream = connect(world, &format!("{host}:443")).await.unwrap();
    let mut stream = tls(stream, host, trusted(world)).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    rest(&mut stream).await
}
