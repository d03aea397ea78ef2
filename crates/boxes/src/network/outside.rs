//! The machine's own way out: looking up names and connecting.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use tokio::net::TcpStream;

/// What comes later.
pub type Answered<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Looks up and connects. The proxy asks for names of the allow-list alone, and
/// connects to addresses it has checked, never to a name.
pub trait Outside: Send + Sync {
    /// All addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> Answered<'a, Vec<IpAddr>>;

    /// A connection to this very address.
    fn connect(&self, address: SocketAddr) -> Answered<'static, TcpStream> {
        Box::pin(TcpStream::connect(address))
    }
}

/// The resolver and the network of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Outside for Machine {
    fn resolve<'a>(&'a self, name: &'a str) -> Answered<'a, Vec<IpAddr>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
