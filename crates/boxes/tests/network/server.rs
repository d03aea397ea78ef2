//! A server that keeps each request as it came, byte for byte, and answers by its path.

use crate::world::go;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub struct Server {
    pub at: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    /// Of its authority, in DER.
    pub root: Vec<u8>,
}

/// What is sent at once.
static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];

impl Server {
    pub async fn plain() -> Server {
        Server::new(None).await
    }

    /// With a certificate for this host.
    pub async fn tls(host: &str) -> Server {
        Server::new(Some(host)).await
    }

    async fn new(host: Option<&str>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (acceptor, root) = match host.map(certified) {
            Some((acceptor, root)) => (Some(acceptor), root),
            None => (None, Vec::new()),
        };
        let kept = Arc::clone(&heads);
        go(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (kept, acceptor) = (Arc::clone(&kept), acceptor.clone());
                go(async move {
                    match acceptor {
                        None => drop(serve(stream, &kept).await),
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                drop(serve(stream, &kept).await);
                            }
                        }
                    }
                });
            }
        });
        Server { at, heads, root }
    }

    /// The heads of the requests that came, each with its body's length or text.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn certified(host: &str) -> (TlsAcceptor, Vec<u8>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.der().to_vec())
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let body = body(&mut stream, &head).await?;
        let path = head.split(' ').nth(1).unwrap_or("").to_owned();
        let told = format!("{head}{body}");
        heads.lock().unwrap().push(told.clone());
        match path.split('?').next().unwrap_or("") {
            "/gone" => return Ok(()),
            "/never" => std::future::pending().await,
            "/drip" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await?;
                loop {
                    stream.write_all(&PIECE[..1000]).await?;
                    stream.flush().await?;
                    crate::world::pause(10).await;
                }
            }
            "/away" => {
                let to =
                    "HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\nContent-Length: 0";
                stream.write_all(format!("{to}\r\n\r\n").as_bytes()).await?;
            }
            path => match path.strip_prefix("/big/") {
                Some(pieces) => big(&mut stream, pieces.parse().unwrap()).await?,
                None => echo(&mut stream, &told).await?,
            },
        }
        stream.flush().await?;
    }
}

async fn big(stream: &mut (impl AsyncWrite + Unpin), pieces: usize) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", pieces * PIECE.len());
    stream.write_all(head.as_bytes()).await?;
    for _ in 0..pieces {
        stream.write_all(&PIECE).await?;
    }
    Ok(())
}

/// Says what came, in a header and in the body.
async fn echo(stream: &mut (impl AsyncWrite + Unpin), told: &str) -> std::io::Result<()> {
    let is_credentials = |line: &&str| line.to_ascii_lowercase().starts_with("authorization:");
    let echo = told.lines().find(is_credentials).unwrap_or("");
    let length = told.len();
    let head = format!(
        "HTTP/1.1 200 Fine {echo}\r\nX-Echo: {echo}\r\nKeep-Alive: timeout=5\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    let body = if told.starts_with("HEAD ") { "" } else { told };
    stream.write_all(format!("{head}{body}").as_bytes()).await
}

/// A short body as text, of a longer one the length.
async fn body(
    stream: &mut (impl AsyncRead + AsyncBufReadExt + Unpin),
    head: &str,
) -> std::io::Result<String> {
    let small = head.to_ascii_lowercase();
    let length = small.lines().find_map(|line| line.strip_prefix("content-length: "));
    if small.contains("transfer-encoding: chunked") {
        assert_eq!(length, None, "two ways to tell the body's length: {head}");
        let (mut all, mut line) = (0, String::new());
        while stream.read_line(&mut line).await? > 0 && line.trim_end() != "0" {
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            drain(stream, length + 2).await?;
            all += length;
            line.clear();
        }
        stream.read_line(&mut line).await?;
        return Ok(format!("[{all} bytes]"));
    }
    let length = length.map_or(0, |length| length.parse().unwrap());
    if length > 4096 {
        drain(stream, length).await?;
        return Ok(format!("[{length} bytes]"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(String::from_utf8(body).unwrap())
}

async fn drain(stream: &mut (impl AsyncRead + Unpin), mut length: usize) -> std::io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    while length > 0 {
        let most = length.min(piece.len());
        match stream.read(&mut piece[..most]).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => length -= read,
        }
    }
    Ok(())
}
