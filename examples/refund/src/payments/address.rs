//! Where the payment service is: a file in the node's directory, so that a
//! node started later finds it.

use std::io;
use std::path::{Path, PathBuf};

/// The service's files in a node's directory.
pub struct Files(PathBuf);

impl Files {
    pub fn new(dir: &Path) -> Files {
        Files(dir.to_owned())
    }

    /// Every refund made: one line of JSON each.
    pub fn ledger(&self) -> PathBuf {
        self.0.join("payments.log")
    }

    /// What the service prints.
    pub fn output(&self) -> PathBuf {
        self.0.join("payments.out")
    }

    /// Held by a node while it starts the service.
    pub fn lock(&self) -> PathBuf {
        self.0.join("payments.lock")
    }

    /// The service's process, for people.
    pub fn pid(&self) -> PathBuf {
        self.0.join("payments.pid")
    }

    fn address(&self) -> PathBuf {
        self.0.join("payments.addr")
    }

    /// The service's URL as last written; it may be gone by now.
    pub fn read_address(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.address()).ok()?;
        Some(text.trim().to_owned()).filter(|url| !url.is_empty())
    }

    /// The port of that URL.
    pub fn read_port(&self) -> Option<u16> {
        self.read_address()?.rsplit_once(':')?.1.parse().ok()
    }

    /// Writes both files whole: a reader never sees half an address.
    pub fn write(&self, url: &str, pid: u32) -> io::Result<()> {
        replace(&self.pid(), &format!("{pid}\n"))?;
        replace(&self.address(), &format!("{url}\n"))
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    std::fs::write(&draft, text)?;
    std::fs::rename(&draft, path)
}
