//! The first words of TLS: whom the client wants to talk to.

use rustls::server::{Accepted, Acceptor};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A longer ClientHello is none.
const HELLO_BYTES_MAX: usize = 32 << 10;

/// TLS's first byte: a handshake record.
const HANDSHAKE: u8 = 22;

/// A ClientHello, read and as it came.
pub(super) struct Hello {
    pub accepted: Accepted,
    pub bytes: Vec<u8>,
}

/// Why there is none.
pub(super) enum NoHello {
    /// Something else than TLS.
    OtherThanTls,
    /// TLS, but not well said.
    Bad(String),
    /// It ended, or broke.
    Gone(io::Error),
}

/// Reads a ClientHello and perhaps some bytes beyond it; `begun` was read before.
pub(super) async fn hello(
    stream: &mut (impl AsyncRead + Unpin),
    begun: &[u8],
) -> Result<Hello, NoHello> {
    let mut acceptor = Acceptor::default();
    let mut bytes = begun.to_vec();
    let mut fed = 0;
    loop {
        if bytes.first().is_some_and(|first| *first != HANDSHAKE) {
            return Err(NoHello::OtherThanTls);
        }
        while fed < bytes.len() {
            let taken = acceptor.read_tls(&mut &bytes[fed..]).map_err(NoHello::Gone)?;
            fed += taken;
            match acceptor.accept() {
                // Anything behind it is data that a client sends early: only to a server
                // that has offered to take it, which in an opened tunnel we have not.
                Ok(Some(accepted)) => return Ok(Hello { accepted, bytes }),
                Ok(None) if taken == 0 => break,
                Ok(None) => {}
                Err((error, _alert)) => return Err(NoHello::Bad(error.to_string())),
            }
        }
        if bytes.len() >= HELLO_BYTES_MAX {
            return Err(NoHello::Bad("it is too long".to_owned()));
        }
        if stream.read_buf(&mut bytes).await.map_err(NoHello::Gone)? == 0 {
            return Err(NoHello::Gone(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}
