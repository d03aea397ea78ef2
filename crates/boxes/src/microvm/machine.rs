//! One virtual machine: the monitor's process and its API on a Unix socket.

use std::fs::File;
use std::future::Future;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cloud_hypervisor_client::apis::{self, DefaultApi};
use cloud_hypervisor_client::models::{
    ConsoleConfig, ConsoleMode, CpusConfig, MemoryConfig, PayloadConfig, VmConfig, VsockConfig,
};
use cloud_hypervisor_client::{SocketBasedApiClient, socket_based_api_client};

use super::agent::PORT;
use super::home::api_socket;
use super::initramfs::AGENT;
use super::settings::Settings;

/// How long a monitor may take to answer, and a guest to listen.
const PATIENCE_MS: u64 = 30_000;

/// Between two looks whether it is there.
const LOOK_MS: u64 = 5;

/// The first address of a guest on its vsock; each machine has a vsock of its own.
const CID: i64 = 3;

/// A living machine. Dropping it kills its monitor, and with it the machine.
pub struct Machine {
    dir: PathBuf,
    child: Child,
    api: SocketBasedApiClient,
    runtime: tokio::runtime::Runtime,
}

/// What a machine has.
pub struct Size {
    pub memory_bytes: u64,
    pub vcpus: u32,
}

impl Machine {
    /// Starts a monitor in the directory, which holds `initramfs`, and boots the machine.
    pub fn boot(settings: &Settings, dir: &Path, size: &Size) -> io::Result<Self> {
        let log = File::create(dir.join("monitor.log"))?;
        let child = Command::new(&settings.vmm)
            .arg("--api-socket")
            .arg(api_socket(dir))
            .env_clear()
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| named(&settings.vmm, error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let api = socket_based_api_client(api_socket(dir));
        let mut machine = Self { dir: dir.to_owned(), child, api, runtime };
        machine.wait_for("its API", |machine| UnixStream::connect(api_socket(&machine.dir)))?;
        let config = config(settings, dir, size)?;
        machine.ask(machine.api.create_vm(config))?;
        machine.ask(machine.api.boot_vm())?;
        machine.wait_for("the guest agent", Machine::dial)?;
        Ok(machine)
    }

    /// A connection to the guest agent.
    pub fn dial(&self) -> io::Result<UnixStream> {
        dial(&self.dir.join("vsock"))
    }

    /// Where the guest agent can be dialled.
    pub fn vsock(&self) -> PathBuf {
        self.dir.join("vsock")
    }

    /// Stops or continues all of it.
    pub fn pause(&self, pause: bool) -> io::Result<()> {
        self.ask(if pause { self.api.pause_vm() } else { self.api.resume_vm() })
    }

    fn ask(&self, request: impl Future<Output = Result<(), apis::Error>>) -> io::Result<()> {
        let answered = self.runtime.block_on(within(PATIENCE_MS, request));
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the monitor does not answer");
        answered.ok_or_else(late)?.map_err(|error| io::Error::other(format!("{error:?}")))
    }

    /// Tries until it works, the monitor dies, or the patience ends.
    fn wait_for<T>(&mut self, what: &str, there: impl Fn(&Self) -> io::Result<T>) -> io::Result<T> {
        for _ in 0..PATIENCE_MS / LOOK_MS {
            let error = match there(self) {
                Ok(there) => return Ok(there),
                Err(error) => error,
            };
            if let Some(status) = self.child.try_wait()? {
                return Err(self.died(&format!("waiting for {what} ({error}), {status}")));
            }
            self.runtime.block_on(sleep(LOOK_MS));
        }
        Err(self.died(&format!("no {what} within {} s", PATIENCE_MS / 1000)))
    }

    /// The error, with the last of what the monitor and the guest's kernel said.
    fn died(&self, why: &str) -> io::Error {
        let last = |name: &str| {
            let text = std::fs::read(self.dir.join(name)).unwrap_or_default();
            let text =
                String::from_utf8_lossy(&text[text.len().saturating_sub(400)..]).into_owned();
            text.trim().replace('\n', " | ")
        };
        let (monitor, console) = (last("monitor.log"), last("console.log"));
        io::Error::other(format!("{why}; the monitor said `{monitor}`, the guest `{console}`"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Nothing of a machine is kept, so it need not be asked to shut down.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn config(settings: &Settings, dir: &Path, size: &Size) -> io::Result<VmConfig> {
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or(io::ErrorKind::InvalidFilename);
    let payload = PayloadConfig {
        kernel: Some(text(&settings.kernel)?),
        initramfs: Some(text(&dir.join("initramfs"))?),
        // A guest that panics, or whose agent ends, stops: then its connections close.
        cmdline: Some(format!("rdinit=/{AGENT} console=ttyS0 quiet panic=-1")),
        ..PayloadConfig::new()
    };
    let vcpus = i32::try_from(size.vcpus).map_err(io::Error::other)?;
    let memory = i64::try_from(size.memory_bytes).map_err(io::Error::other)?;
    let serial_file = Some(text(&dir.join("console.log"))?);
    let serial = ConsoleConfig { file: serial_file, ..ConsoleConfig::new(ConsoleMode::File) };
    Ok(VmConfig {
        cpus: Some(CpusConfig::new(vcpus, vcpus)),
        memory: Some(MemoryConfig::new(memory)),
        vsock: Some(VsockConfig::new(CID, text(&dir.join("vsock"))?)),
        serial: Some(from(serial)?),
        console: Some(ConsoleConfig::new(ConsoleMode::Off)),
        ..VmConfig::new(payload)
    })
}

/// The serial line has the same fields under another name.
fn from<T: serde::de::DeserializeOwned>(config: ConsoleConfig) -> io::Result<T> {
    Ok(serde_json::from_value(serde_json::to_value(config)?)?)
}

/// Dials a guest's port by the monitor's Unix socket, as Cloud Hypervisor and Firecracker have it.
pub fn dial(vsock: &Path) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(vsock)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    writeln!(stream, "CONNECT {PORT}")?;
    let mut answer = String::new();
    // One byte at a time: what follows is not ours to buffer.
    BufReader::with_capacity(1, &stream).read_line(&mut answer)?;
    if !answer.starts_with("OK ") {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_read_timeout(None)?;
    Ok(stream)
}

#[expect(clippy::disallowed_methods, reason = "a machine's start takes real time")]
async fn within<T>(ms: u64, what: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_millis(ms), what).await.ok()
}

#[expect(clippy::disallowed_methods, reason = "a machine's start takes real time")]
async fn sleep(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
