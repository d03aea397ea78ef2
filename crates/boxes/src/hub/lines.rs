//! Lines of a connection, none longer than a limit.

use std::io;
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;

/// Reads lines.
pub(super) struct Lines {
    stream: OwnedReadHalf,
    kept: Vec<u8>,
    /// So much of it holds no line's end.
    seen: usize,
    bytes_max: usize,
}

/// What came.
pub(super) enum Line {
    /// One, without its end.
    Whole(Vec<u8>),
    /// More than may be, and no end of it.
    TooLong,
    /// The other side has gone; what it had begun counts for nothing.
    End,
}

impl Lines {
    pub fn new(stream: OwnedReadHalf, bytes_max: usize) -> Lines {
        Lines { stream, kept: Vec::new(), seen: 0, bytes_max }
    }

    /// The next line. Dropped and called again, it loses nothing.
    pub async fn next(&mut self) -> io::Result<Line> {
        loop {
            let new = self.kept.get(self.seen..).unwrap_or_default();
            if let Some(at) = new.iter().position(|byte| *byte == b'\n') {
                let rest = self.kept.split_off(self.seen + at + 1);
                let mut line = std::mem::replace(&mut self.kept, rest);
                line.pop();
                self.seen = 0;
                return Ok(if line.len() > self.bytes_max {
                    Line::TooLong
                } else {
                    Line::Whole(line)
                });
            }
            self.seen = self.kept.len();
            if self.seen > self.bytes_max {
                return Ok(Line::TooLong);
            }
            let room = (self.bytes_max + 1 - self.seen).clamp(1, 8 << 10);
            self.kept.reserve(room);
            let read = (&mut self.stream).take(room as u64).read_buf(&mut self.kept).await?;
            if read == 0 {
                return Ok(Line::End);
            }
        }
    }

    /// Throws away what still comes, until nothing does or it is more than this.
    pub async fn drain(&mut self, bytes_max: usize) {
        let (mut drained, mut thrown) = (0, [0; 4096]);
        while drained < bytes_max {
            match self.stream.read(&mut thrown).await {
                Ok(0) | Err(_) => return,
                Ok(read) => drained += read,
            }
        }
    }
}
