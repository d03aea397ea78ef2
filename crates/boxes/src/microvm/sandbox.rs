//! A living box of the level `microvm`.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::home::Home;
use super::machine::{Machine, Size, dial};
use super::settings::Settings;
use super::{initramfs, relay};
use crate::sandbox::wire;
use crate::sandbox::{
    BoxUsage, End, Enforced, Enforcement, Error, ExecSpec, Running, Sandbox, SandboxSpec, Stream,
    Upper,
};

/// Memory of a guest that has no limit.
const MEMORY_BYTES: u64 = 1 << 30;

pub struct MicrovmBox {
    id: String,
    enforced: Enforced,
    /// Behind a lock, because its API takes one question at a time. None when it has ended.
    machine: std::sync::Mutex<Option<Machine>>,
    vsock: PathBuf,
    home: Home,
    frozen: AtomicBool,
}

impl MicrovmBox {
    pub fn new(settings: &Settings, state: &Path, spec: &SandboxSpec) -> Result<Self, Error> {
        check(spec)?;
        let failed = |source| Error::Setup {
            id: spec.id.clone(),
            stage: "start a virtual machine".into(),
            source,
        };
        let home = Home::make(state).map_err(failed)?;
        let made = make(settings, &home.dir, spec).inspect_err(|_| {
            let _ = fs::remove_dir_all(&home.dir);
        });
        let machine = made.map_err(failed)?;
        Ok(Self {
            id: spec.id.clone(),
            enforced: enforced(spec),
            vsock: machine.vsock(),
            machine: std::sync::Mutex::new(Some(machine)),
            home,
            frozen: AtomicBool::new(false),
        })
    }

    fn must_run(&self) -> Result<(), Error> {
        if self.frozen.load(Ordering::Acquire) {
            return Err(Error::Frozen { id: self.id.clone() });
        }
        Ok(())
    }

    fn pause(&self, pause: bool) -> Result<(), Error> {
        let machine = self.machine.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let why = || Error::Gone { id: self.id.clone(), why: "it was destroyed".to_owned() };
        let machine = machine.as_ref().ok_or_else(why)?;
        if self.frozen.load(Ordering::Acquire) != pause {
            machine.pause(pause).map_err(Error::system("pause or resume the machine"))?;
            self.frozen.store(pause, Ordering::Release);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        let machine = self.machine.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if machine.take().is_none() {
            return Ok(());
        }
        let removed = fs::remove_dir_all(&self.home.dir);
        removed.map_err(Error::system(format!("remove `{}`", self.home.dir.display())))
    }
}

fn make(settings: &Settings, dir: &Path, spec: &SandboxSpec) -> std::io::Result<Machine> {
    initramfs::write(&dir.join("initramfs"), &spec.lower, &settings.agent)?;
    let memory_bytes = spec.limits.memory_bytes.unwrap_or(MEMORY_BYTES);
    let vcpus = spec.limits.cpu_milli.unwrap_or(1000) / 1000;
    Machine::boot(settings, dir, &Size { memory_bytes, vcpus })
}

/// Refuses what this level does not have.
fn check(spec: &SandboxSpec) -> Result<(), Error> {
    spec.check()?;
    let invalid = |field, problem: &str| Err(Error::Invalid { field, problem: problem.to_owned() });
    if !matches!(spec.upper, Upper::Memory { .. }) {
        return invalid("upper", "a box of the level `microvm` writes to its memory; ask for that");
    }
    if !spec.binds.is_empty() {
        return invalid("binds", "the level `microvm` shares no folder with the host; use a layer");
    }
    if !spec.listen.is_empty() {
        return invalid("listen", "the level `microvm` has no sockets to the host; leave them out");
    }
    if spec.limits.cpu_milli.is_some_and(|milli| milli == 0 || milli % 1000 != 0) {
        return invalid("limits.cpu_milli", "the level `microvm` has whole CPUs: 1000, 2000, …");
    }
    if spec.limits.file_bytes.is_some() {
        return invalid("limits.file_bytes", "the level `microvm` cannot hold it; leave it out");
    }
    if spec.limits.memory_bytes.is_some_and(|bytes| bytes < 64 << 20 || bytes % (2 << 20) != 0) {
        return invalid("limits.memory_bytes", "at least 64 MiB, in steps of 2 MiB");
    }
    Ok(())
}

fn enforced(spec: &SandboxSpec) -> Enforced {
    let not = |why: &str| Enforcement::NotEnforced(why.to_owned());
    Enforced {
        memory: Enforcement::BoxLimit,
        pids: match spec.limits.pids {
            Some(_) => not("the machine's memory is the only limit on its processes"),
            None => Enforcement::NotAsked,
        },
        cpu: Enforcement::BoxLimit,
        disk: not("what is written is the machine's memory, and held with it"),
        freeze: Enforcement::BoxLimit,
        host_uid: rustix::process::geteuid().as_raw(),
        owns_lower: true,
    }
}

impl Sandbox for MicrovmBox {
    fn id(&self) -> &str {
        &self.id
    }

    fn enforced(&self) -> &Enforced {
        &self.enforced
    }

    fn upper(&self) -> Option<&Path> {
        None
    }

    fn exec(&self, spec: &ExecSpec) -> Result<Running, Error> {
        spec.check()?;
        self.must_run()?;
        if spec.terminal.is_some() {
            let problem = "the level `microvm` has no terminals yet; leave it out".to_owned();
            return Err(Error::Invalid { field: "terminal", problem });
        }
        let gone = |error: std::io::Error| Error::Gone {
            id: self.id.clone(),
            why: format!("its guest agent does not answer: {error}"),
        };
        let (ours, theirs) = wire::pair().map_err(Error::system("socketpair"))?;
        let guest = dial(&self.vsock).map_err(gone)?;
        relay::start(guest, spec, theirs).map_err(gone)?;
        Running::start(&self.id, spec, ours)
    }

    /// A copy of it, in memory.
    fn open_file(&self, path: &Path) -> Result<File, Error> {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let copy = rustix::fs::memfd_create("file", flags).map_err(Error::system("memfd"))?;
        let mut copy = File::from(copy);
        let argv = vec!["cat".to_owned(), "--".to_owned(), path.to_string_lossy().into_owned()];
        let env = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        let spec = ExecSpec { argv, env, ..ExecSpec::default() };
        let (mut written, mut said) = (Ok(()), Vec::new());
        let finished =
            self.exec(&spec)?.wait(b"", u64::MAX, &mut |stream, bytes| match stream {
                Stream::Stdout if written.is_ok() => written = copy.write_all(bytes),
                Stream::Stdout => {}
                Stream::Stderr => said.extend_from_slice(&bytes[..bytes.len().min(400)]),
            })?;
        written.and_then(|()| copy.rewind()).map_err(Error::system("keep a copy"))?;
        if finished.end == End::Code(0) {
            return Ok(copy);
        }
        let source = std::io::Error::other(String::from_utf8_lossy(&said).trim().to_owned());
        Err(Error::Setup {
            id: self.id.clone(),
            stage: format!("open `{}`", path.display()),
            source,
        })
    }

    fn create_file(&self, _: &Path, _: u32) -> Result<File, Error> {
        let problem = "the level `microvm` shares no file with its guest; give the content to a \
                       command's input: [\"sh\", \"-c\", \"cat > PATH\"]";
        Err(Error::Invalid { field: "path", problem: problem.to_owned() })
    }

    fn freeze(&self) -> Result<(), Error> {
        self.pause(true)
    }

    fn thaw(&self) -> Result<(), Error> {
        self.pause(false)
    }

    fn usage(&self) -> Result<BoxUsage, Error> {
        Ok(BoxUsage::default())
    }

    fn destroy(mut self: Box<Self>) -> Result<(), Error> {
        self.end()
    }
}

impl Drop for MicrovmBox {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
