//! A server that answers with given bytes, and keeps the bytes it was sent.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is answered to the request of this number, from 0: events, or a whole response.
pub type Answer = fn(usize) -> String;

pub struct Line {
    pub url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Line {
    pub async fn new(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = bodies.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &answer, &kept).await;
            }
        });
        Line { url, bodies }
    }

    /// The bodies of all requests so far, to the letter.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(impl Fn(usize) -> String + Sync),
    kept: &Mutex<Vec<String>>,
) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !is_whole(&request) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
    let request = String::from_utf8(request).unwrap();
    let body = request.split_once("\r\n\r\n").unwrap().1.to_owned();
    let number = kept.lock().unwrap().len();
    let said = answer(number);
    kept.lock().unwrap().push(body);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let head = if said.starts_with("HTTP/") { "" } else { head };
    // The client may have what it wants already.
    let _gone = stream.write_all(format!("{head}{said}").as_bytes()).await;
}

/// Whether all that `content-length` says is there.
pub fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).is_none_or(|length: usize| body.len() >= length)
}
