//! MCP over a child's input and output, one JSON message a line, in bounded memory.
//!
//! The SDK's own transport drops a line that is too long or cannot be read without a word,
//! so that the call it answers would wait until its time limit. This one answers in its
//! place.

#[cfg(test)]
mod tests;

use super::ANSWER_MAX_BYTES;
use crate::tool::outside::within;
use crate::tool::tail::Tail;
use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value, json};
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

/// The JSON-RPC error that stands for an answer that is too large. Servers have no
/// business with it: it is outside of what JSON-RPC lets them define.
pub const TOO_LARGE_CODE: i32 = -31_913;

/// The same for an answer that cannot be read.
pub const UNREADABLE_CODE: i32 = -31_914;

/// A server that takes no input for so long is stuck.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// So much of the two ends of a line that is too long is kept, to find its id.
const ENDS: usize = 512;

/// The two directions.
pub struct Stdio<R, W> {
    read: BufReader<R>,
    line: Vec<u8>,
    /// The line is too long: only its ends are kept, in `line`.
    is_over: bool,
    write: Arc<Mutex<Option<W>>>,
    /// What was no message, for errors.
    strays: Tail,
}

impl<R: AsyncRead + Unpin + Send, W> Stdio<R, W> {
    /// Over these two. What the server writes that is no message goes to `strays`.
    pub fn new(read: R, write: W, strays: Tail) -> Stdio<R, W> {
        let read = BufReader::with_capacity(64 << 10, read);
        let write = Arc::new(Mutex::new(Some(write)));
        Stdio { read, line: Vec::new(), is_over: false, write, strays }
    }

    /// Reads until a line is whole. `false`: there are no more. May be dropped at any
    /// time and called again.
    async fn read_line(&mut self) -> bool {
        loop {
            let Ok(some) = self.read.fill_buf().await else { return false };
            if some.is_empty() {
                return false;
            }
            let end = some.iter().position(|byte| *byte == b'\n');
            self.line.extend_from_slice(&some[..end.unwrap_or(some.len())]);
            let taken = end.map_or(some.len(), |end| end + 1);
            self.read.consume(taken);
            if self.is_over || self.line.len() > ANSWER_MAX_BYTES {
                self.is_over = true;
                keep_ends(&mut self.line);
            }
            if end.is_some() {
                return true;
            }
        }
    }

    /// The message in the line, if it is one.
    fn message(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_over) {
            return in_its_place(id_in_ends(&line)?, TOO_LARGE_CODE, "the answer is too large");
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            return None;
        }
        let message = serde_json::from_str(&text).or_else(|_| {
            self.strays.push(text.chars().take(200).collect::<String>().as_bytes());
            self.strays.push(b"\n");
            answered(&text)
                .and_then(|id| in_its_place(id, UNREADABLE_CODE, "the answer cannot be read"))
                .ok_or(())
        });
        // Most lines are small: their room is used again.
        if line.capacity() <= 64 << 10 {
            line.clear();
            self.line = line;
        }
        message.ok()
    }
}

/// The error that stands for an answer to the request of this id.
fn in_its_place(id: Value, code: i32, message: &str) -> Option<RxJsonRpcMessage<RoleClient>> {
    let error = json!({ "code": code, "message": message });
    serde_json::from_value(json!({ "jsonrpc": "2.0", "id": id, "error": error })).ok()
}

/// An answer by its outline: what is in it may be nothing that can be read.
#[derive(Deserialize)]
struct Outline {
    id: Value,
    method: Option<IgnoredAny>,
    result: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

/// The id of the request that a line answers which is no message, if it answers one. A
/// request of the server's own has a method, and an id of its own.
fn answered(text: &str) -> Option<Value> {
    let Ok(Outline { id, method, result, error }) = serde_json::from_str(text) else {
        let mut ends = text.as_bytes().to_vec();
        let (before, _) = text.split_once("\"result\"")?;
        let is_answer = before.trim_start().starts_with('{')
            && text.contains("\"jsonrpc\"")
            && !before.contains("\"method\"");
        keep_ends(&mut ends);
        return is_answer.then(|| id_in_ends(&ends)).flatten();
    };
    let is_answer = method.is_none() && (result.is_some() || error.is_some());
    (is_answer && (id.is_number() || id.is_string())).then_some(id)
}

fn keep_ends(line: &mut Vec<u8>) {
    if line.len() > 2 * ENDS {
        line.drain(ENDS..line.len() - ENDS);
        line.shrink_to(128 << 10);
    }
}

/// The id of an answer of which only the two ends are left. Servers write it before
/// the result or after it.
fn id_in_ends(ends: &[u8]) -> Option<Value> {
    let (head, tail) = ends.split_at(ENDS.min(ends.len()));
    let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
    let before = head.split("\"result\"").next().unwrap_or_default();
    let first = before.split_once("\"id\"").map(|(_, rest)| rest);
    let last = || tail.rsplit_once("\"id\"").map(|(_, rest)| rest);
    let value = first.or_else(last)?.trim_start().strip_prefix(':')?;
    let id = Deserializer::from_str(value).into_iter::<Value>().next()?.ok()?;
    (id.is_number() || id.is_string()).then_some(id)
}

impl<R, W> Transport<RoleClient> for Stdio<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let write = self.write.clone();
        async move {
            let mut line = serde_json::to_vec(&item)?;
            line.push(b'\n');
            let written = within(WRITE_LIMIT, async {
                let mut write = write.lock().await;
                let Some(open) = write.as_mut() else {
                    return Err(io::Error::from(io::ErrorKind::NotConnected));
                };
                open.write_all(&line).await?;
                open.flush().await
            });
            match written.await {
                Some(written) => written,
                None => {
                    // Half a line may be written: nothing more can be said.
                    if let Ok(mut write) = write.try_lock() {
                        *write = None;
                    }
                    Err(io::Error::new(io::ErrorKind::TimedOut, "it takes no input"))
                }
            }
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        while self.read_line().await {
            if let Some(message) = self.message() {
                return Some(message);
            }
        }
        None
    }

    async fn close(&mut self) -> io::Result<()> {
        // The end of its input is how a server is told to go.
        drop(self.write.lock().await.take());
        Ok(())
    }
}
