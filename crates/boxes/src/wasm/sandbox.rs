//! A living box of the level `wasm`: a directory, and the commands that run on it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::exec::{Job, Seen};
use super::home::Home;
use super::meter::Meter;
use super::program::Programs;
use super::ticker::Ticker;
use super::tree;
use crate::sandbox::state::remove_tree;
use crate::sandbox::wire;
use crate::sandbox::{
    BoxUsage, Enforced, Enforcement, Error, ExecSpec, Making, Running, Sandbox, SandboxSpec, Upper,
};

/// What the boxes of a level share.
pub struct Shared {
    pub programs: Arc<Programs>,
    pub ticker: Arc<Ticker>,
    pub home: Home,
}

pub struct WasmBox {
    id: String,
    shared: Arc<Shared>,
    enforced: Enforced,
    meter: Arc<Meter>,
    upper: PathBuf,
    lower: Vec<PathBuf>,
    /// The root first; a later one lies over it.
    seen: Vec<Seen>,
    files_max: u32,
    /// What to delete in the end.
    leftover: Option<PathBuf>,
    ended: bool,
}

impl WasmBox {
    pub fn new(shared: Arc<Shared>, spec: &SandboxSpec) -> Result<Self, Error> {
        check(spec)?;
        let setup = |stage: &str| {
            let (id, stage) = (spec.id.clone(), stage.to_owned());
            move |source| Error::Setup { id, stage, source }
        };
        let (dir, leftover) = match &spec.upper {
            Upper::Directory(dir) => (dir.clone(), None),
            _ => {
                let dir = shared.home.place(&spec.id);
                (dir.clone(), Some(dir))
            }
        };
        let filled = tree::fill(&dir, &spec.lower);
        let upper = filled.map_err(setup("copy the layers")).inspect_err(|_| {
            let _ = leftover.as_deref().map(remove_tree);
        })?;
        let seen = seen(spec, &upper);
        Ok(Self {
            id: spec.id.clone(),
            shared,
            enforced: enforced(spec),
            meter: Arc::new(Meter::new(&spec.limits)),
            upper,
            lower: spec.lower.clone(),
            seen,
            files_max: spec.limits.open_files,
            leftover,
            ended: false,
        })
    }

    fn invalid<T>(field: &'static str, problem: impl Into<String>) -> Result<T, Error> {
        Err(Error::Invalid { field, problem: problem.into() })
    }

    fn must_run(&self) -> Result<(), Error> {
        if self.meter.is_frozen() {
            return Err(Error::Frozen { id: self.id.clone() });
        }
        Ok(())
    }

    /// Opens a file of the box, by its path there.
    fn file(&self, path: &Path, create: Option<u32>) -> Result<File, Error> {
        self.at_path("open", path, || self.open(path, create))
    }

    /// Does something with a path of the box, which must run.
    fn at_path<T>(
        &self,
        doing: &str,
        path: &Path,
        done: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, Error> {
        self.must_run()?;
        if !path.is_absolute() {
            let problem = format!("`{}` is not an absolute path", path.display());
            return Self::invalid("path", problem);
        }
        let setup = |source| {
            let stage = format!("{doing} `{}`", path.display());
            Error::Setup { id: self.id.clone(), stage, source }
        };
        done().map_err(setup)
    }

    /// The directory whose target is the longest beginning of the path has it, as inside.
    fn open(&self, path: &Path, create: Option<u32>) -> io::Result<File> {
        let (root, rest) = self.root_of(path, create.is_some())?;
        tree::open(root, rest, create)
    }

    /// The directory that a path is in, and the path from there.
    fn root_of<'p>(&self, path: &'p Path, writes: bool) -> io::Result<(&Path, &'p Path)> {
        let below = |seen: &&Seen| path.starts_with(&seen.target);
        let longest = self.seen.iter().filter(below).max_by_key(|seen| seen.target.len());
        let seen = longest.ok_or(io::ErrorKind::NotFound)?;
        if writes && !seen.writable {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok((&seen.source, path.strip_prefix(&seen.target).unwrap_or(path)))
    }

    /// The component that the first word names: a path, or a name in `PATH`.
    fn program(&self, spec: &ExecSpec) -> io::Result<File> {
        let word = spec.argv.first().map_or("", String::as_str);
        let cwd = spec.cwd.as_deref().unwrap_or(Path::new("/"));
        if word.contains('/') {
            return self.open(&Path::new("/").join(cwd).join(word), None);
        }
        let path = spec.env.get("PATH").map_or("", String::as_str);
        let mut dirs = path.split(':').filter(|dir| dir.starts_with('/'));
        let found = dirs.find_map(|dir| self.open(&Path::new(dir).join(word), None).ok());
        found.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    }

    fn end(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        self.meter.end();
        let done = match &self.leftover {
            Some(dir) => remove_tree(dir),
            None => tree::settle(&self.upper, &self.lower),
        };
        done.map_err(Error::system(format!("leave the files of box `{}` in order", self.id)))
    }
}

/// Refuses what this level cannot hold.
fn check(spec: &SandboxSpec) -> Result<(), Error> {
    spec.check()?;
    if matches!(spec.upper, Upper::Memory { .. }) {
        let problem = "the level `wasm` has no file system in memory; take a directory";
        return WasmBox::invalid("upper", problem);
    }
    if spec.limits.file_bytes.is_some() {
        let problem = "the level `wasm` cannot limit the size of a file; leave it out, or take \
                       another level";
        return WasmBox::invalid("limits.file_bytes", problem);
    }
    if !spec.listen.is_empty() {
        let problem = "a component cannot connect to a socket; leave them out, or take another \
                       level";
        return WasmBox::invalid("listen", problem);
    }
    for bind in &spec.binds {
        if !bind.source.is_dir() {
            let problem = format!(
                "`{}` is not a directory, and the level `wasm` shows nothing else",
                bind.source.display()
            );
            return WasmBox::invalid("binds.source", problem);
        }
        if bind.target.to_str().is_none() {
            return WasmBox::invalid("binds.target", "must be UTF-8");
        }
    }
    Ok(())
}

fn seen(spec: &SandboxSpec, upper: &Path) -> Vec<Seen> {
    let root = Seen { source: upper.to_owned(), target: "/".to_owned(), writable: true };
    let binds = spec.binds.iter().map(|bind| Seen {
        source: bind.source.clone(),
        target: bind.target.to_string_lossy().into_owned(),
        writable: bind.writable,
    });
    std::iter::once(root).chain(binds).collect()
}

fn enforced(spec: &SandboxSpec) -> Enforced {
    let asked = |asked| if asked { Enforcement::BoxLimit } else { Enforcement::NotAsked };
    let disk = "a component writes to a directory of the machine, without a quota";
    Enforced {
        memory: asked(spec.limits.memory_bytes.is_some()),
        pids: asked(spec.limits.pids.is_some()),
        cpu: asked(spec.limits.cpu_milli.is_some()),
        disk: Enforcement::NotEnforced(disk.to_owned()),
        freeze: Enforcement::BoxLimit,
        host_uid: rustix::process::geteuid().as_raw(),
        owns_lower: true,
    }
}

impl Sandbox for WasmBox {
    fn id(&self) -> &str {
        &self.id
    }

    fn enforced(&self) -> &Enforced {
        &self.enforced
    }

    fn upper(&self) -> Option<&Path> {
        Some(&self.upper)
    }

    fn exec(&self, spec: &ExecSpec) -> Result<Running, Error> {
        spec.check()?;
        self.must_run()?;
        if spec.terminal.is_some() {
            let problem = "a component has no terminal; leave it out, or take another level";
            return Self::invalid("terminal", problem);
        }
        let cannot = |source| Error::Command {
            id: self.id.clone(),
            command: spec.argv.first().cloned().unwrap_or_default(),
            source,
        };
        let program = self.program(spec).map_err(cannot)?;
        let Some(counted) = self.meter.count() else {
            return Err(cannot(io::Error::from_raw_os_error(libc::EAGAIN)));
        };
        let (ours, theirs) = wire::pair().map_err(Error::system("socketpair"))?;
        let (started, hear) = channel();
        let job = Job {
            programs: Arc::clone(&self.shared.programs),
            ticker: Arc::clone(&self.shared.ticker),
            meter: Arc::clone(&self.meter),
            counted,
            spec: spec.clone(),
            program,
            seen: self.seen.clone(),
            files_max: self.files_max,
            socket: theirs,
            started,
        };
        start(job).map_err(Error::system("start a thread"))?;
        let heard = match spec.timeout_ms {
            Some(timeout) => hear.recv_timeout(Duration::from_millis(timeout)),
            None => hear.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match heard {
            Ok(Ok(())) => Running::start(&self.id, spec, ours),
            Ok(Err(source)) => Err(cannot(source)),
            Err(RecvTimeoutError::Timeout) => Err(cannot(io::Error::new(
                io::ErrorKind::TimedOut,
                "its time was up before it was compiled; it goes on being compiled, so try again",
            ))),
            Err(RecvTimeoutError::Disconnected) => {
                let why = "the thread of the command died".to_owned();
                Err(Error::Gone { id: self.id.clone(), why })
            }
        }
    }

    fn open_file(&self, path: &Path) -> Result<File, Error> {
        self.file(path, None)
    }

    fn create_file(&self, path: &Path, mode: u32) -> Result<File, Error> {
        self.file(path, Some(mode))
    }

    fn make(&self, path: &Path, what: &Making) -> Result<(), Error> {
        self.at_path("make", path, || {
            let (root, rest) = self.root_of(path, true)?;
            tree::make(root, rest, what)
        })
    }

    fn freeze(&self) -> Result<(), Error> {
        if self.meter.is_frozen() {
            return Ok(());
        }
        self.meter.freeze();
        let settled = tree::settle(&self.upper, &self.lower);
        settled.map_err(Error::system("mark what the box has changed"))
    }

    fn thaw(&self) -> Result<(), Error> {
        if self.meter.is_frozen() {
            tree::unsettle(&self.upper).map_err(Error::system("take the marks away"))?;
        }
        self.meter.thaw();
        Ok(())
    }

    fn usage(&self) -> Result<BoxUsage, Error> {
        Ok(self.meter.usage())
    }

    fn destroy(mut self: Box<Self>) -> Result<(), Error> {
        self.end()
    }
}

impl Drop for WasmBox {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

#[expect(clippy::disallowed_methods, reason = "boxes know no runtime; a command is a thread")]
fn start(job: Job) -> io::Result<()> {
    let name = "wasm-command".to_owned();
    std::thread::Builder::new().name(name).spawn(move || job.run()).map(drop)
}
