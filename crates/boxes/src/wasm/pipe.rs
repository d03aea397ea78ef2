//! A command's standard streams: pipes. What does not fit into one waits here, a few KiB, and the
//! component has to wait with it; a command has not ended before it is in the pipe.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe::{Receiver, Sender};
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// What may be written at once.
const ROOM: usize = 4096;

/// The reading end. Made inside of the exec's runtime.
#[derive(Clone)]
pub struct Input(Arc<Receiver>);

/// The writing end. Made inside of the exec's runtime.
#[derive(Clone)]
pub struct Output {
    pipe: Arc<Sender>,
    /// What did not fit.
    left: Arc<Mutex<Vec<u8>>>,
}

impl Input {
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self(Arc::new(Receiver::from_owned_fd(fd)?)))
    }
}

impl Output {
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { pipe: Arc::new(Sender::from_owned_fd(fd)?), left: Arc::default() })
    }

    /// Adds a line of our own.
    pub fn say(&self, text: &str) {
        // A reader that is gone misses nothing.
        let _ = self.push(text.as_bytes());
    }

    /// Until all is in the pipe, or nobody reads it any more.
    pub async fn drained(&self) {
        while let Ok(false) = self.push(b"") {
            if self.pipe.writable().await.is_err() {
                return;
            }
        }
    }

    /// Writes what fits, and keeps the rest. Whether there is none.
    fn push(&self, bytes: &[u8]) -> io::Result<bool> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.extend_from_slice(bytes);
        while !left.is_empty() {
            match self.pipe.try_write(&left) {
                Ok(written) => drop(left.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => {
                    left.clear();
                    return Err(error);
                }
            }
        }
        Ok(true)
    }
}

fn failed(error: io::Error) -> StreamError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        StreamError::Closed
    } else {
        StreamError::LastOperationFailed(error.into())
    }
}

impl IsTerminal for Input {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Input {
    /// For later versions of WASI, none of which is linked.
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

impl StdoutStream for Output {
    /// For later versions of WASI, none of which is linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        // An error is found by the read that follows.
        let _ = self.0.readable().await;
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let mut buffer = vec![0; size.min(65_536)];
        match self.0.try_read(&mut buffer) {
            Ok(0) => Err(StreamError::Closed),
            Ok(count) => {
                buffer.truncate(count);
                Ok(buffer.into())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Bytes::new()),
            Err(error) => Err(failed(error)),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        self.drained().await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > ROOM {
            return Err(StreamError::trap("wrote more than it was allowed to"));
        }
        self.push(&bytes).map(drop).map_err(failed)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.push(b"").map(drop).map_err(failed)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let empty = self.push(b"").map_err(failed)?;
        Ok(if empty { ROOM } else { 0 })
    }
}
