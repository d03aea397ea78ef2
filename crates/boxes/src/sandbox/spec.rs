//! What a sandbox is asked to be, and what it answers: plain data.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;

/// A sandbox to create.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// Its name: 1 to 63 of a–z, 0–9 and `-`, beginning with a letter or digit. Unique among the
    /// living boxes of one spawner; also the host name inside.
    pub id: String,
    /// Read-only directories, the lowest first. At most 200.
    pub lower: Vec<PathBuf>,
    /// Where writes go.
    pub upper: Upper,
    /// Parts of the host that are seen inside.
    pub binds: Vec<Bind>,
    /// What it may use up.
    pub limits: Limits,
    /// Sockets that it is born with and that are served from outside of it. At most 16.
    #[serde(default)]
    pub listen: Vec<Listen>,
}

/// A socket in a box that listens, and is served by whoever asks for
/// [`Sandbox::listeners`](super::Sandbox::listeners). No process of the box holds it, and none
/// can take its place: who connects knows who answers, and who answers knows which box it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Listen {
    /// On 127.0.0.1 in the box.
    Tcp {
        /// Not 0.
        port: u16,
    },
    /// A Unix stream socket in a directory of the box that holds nothing but such sockets:
    /// whatever else the layers have there is not seen. The box can change nothing in it, nor
    /// rename or remove the directories that lead to it.
    Unix {
        /// In the box, absolute, at least two names, at most 107 bytes.
        path: PathBuf,
    },
}

/// Where writes go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Upper {
    /// A directory of the spawner's, deleted with the box. No limit on bytes or inodes.
    Disk,
    /// The caller's directory: `upper` and `work` are made in it when they are missing; `upper`
    /// stays when the box is destroyed. After a crash of the *machine* its content is not to be
    /// trusted (the overlay is mounted `volatile`): copy and sync what is to be kept.
    Directory(PathBuf),
    /// Memory, with a hard limit on both bytes and inodes; gone with the box.
    Memory {
        /// Bytes.
        bytes: u64,
        /// Files, directories, links.
        inodes: u64,
    },
}

/// A part of the host that is seen inside, without set-uid and devices.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bind {
    /// On the host.
    pub source: PathBuf,
    /// In the box, absolute.
    pub target: PathBuf,
    /// Whether the box may write to it.
    pub writable: bool,
}

/// What a box may use up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of all its processes and its in-memory files.
    pub memory_bytes: Option<u64>,
    /// Processes and threads, the box's init and one minder per exec among them.
    pub pids: Option<u32>,
    /// CPU time, in thousandths of one CPU.
    pub cpu_milli: Option<u32>,
    /// The largest file.
    pub file_bytes: Option<u64>,
    /// What it writes to an upper that is no memory, all of it; each file, folder and link counts
    /// for 4 KiB at least.
    #[serde(default)]
    pub disk_bytes: Option<u64>,
    /// Open descriptors of one process.
    pub open_files: u32,
    /// `/tmp`, which is memory.
    pub tmp_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: Some(2 << 30),
            pids: Some(512),
            cpu_milli: None,
            file_bytes: None,
            disk_bytes: None,
            open_files: 4096,
            tmp_bytes: 256 << 20,
        }
    }
}

/// By what a limit is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enforcement {
    /// Nothing was asked for.
    NotAsked,
    /// A cgroup, for the whole box.
    Cgroup,
    /// A resource limit for the whole box.
    BoxLimit,
    /// A resource limit of each process: many processes can go over it together.
    ProcessLimit,
    /// The size of a file system in memory.
    MemoryFiles,
    /// Somebody looks again and again: what runs is killed when the box is over it.
    Watched,
    /// Signals from the box's init.
    Signals,
    /// It is not held; the reason.
    NotEnforced(String),
}

/// By what each limit of a box is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// Memory.
    pub memory: Enforcement,
    /// Processes and threads.
    pub pids: Enforcement,
    /// CPU time.
    pub cpu: Enforcement,
    /// Bytes and inodes that it writes to its root.
    pub disk: Enforcement,
    /// What freezes it.
    pub freeze: Enforcement,
    /// The host's user id that the box's root is. Never 0 unless this process may use no other.
    pub host_uid: u32,
    /// Whether the files of lower layers belong to the box's root, so that it may change (copy up)
    /// them. As root on a file system that cannot map ids they do not.
    pub owns_lower: bool,
}

/// A box that lives on without its owner, and can be adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Living {
    /// Its name.
    pub id: String,
    /// With its name, what tells it from boxes that had the name before.
    pub number: u64,
    /// By what its limits are held.
    pub enforced: Enforced,
    /// The directory that holds what it wrote; `None` when that is memory.
    pub upper: Option<PathBuf>,
    /// The sockets it was born with.
    pub listen: Vec<Listen>,
    /// Whether a cgroup freezes it.
    pub frozen: bool,
}

/// A command to run in a box.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExecSpec {
    /// The command and its arguments. Looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Where it starts. Default `/`.
    pub cwd: Option<PathBuf>,
    /// A terminal instead of three pipes.
    pub terminal: Option<Terminal>,
    /// After this long the command and all it started are killed.
    pub timeout_ms: Option<u64>,
    /// Whether what the command started may live on when it has exited. Otherwise it is killed,
    /// and the command has not ended before. With this, the command itself also outlives the
    /// process that asked for it, if that dies; what it writes then goes nowhere, by `SIGPIPE`.
    /// `timeout_ms` holds for what lives on too.
    pub keep_background: bool,
}

/// The size of a terminal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Terminal {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// What a command and all it started, as far as it has ended, used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time in the program.
    pub user_us: u64,
    /// CPU time in the kernel.
    pub system_us: u64,
    /// The largest resident memory of any one process.
    pub memory_max_bytes: u64,
}

/// Layers above this do not fit into one message of descriptors.
const LOWER_MAX: usize = 200;
const LISTEN_MAX: usize = 16;
/// The init holds the sockets, and its own descriptors must fit beside them.
const LISTEN_OPEN_FILES_MIN: u32 = 64;
/// The kernel's limit on the name of a Unix socket, without the NUL.
const SOCKET_PATH_MAX: usize = 107;

impl SandboxSpec {
    /// A box of these layers, the lowest first, that writes to a directory of its own and sees
    /// nothing of the host.
    #[must_use]
    pub fn new(id: impl Into<String>, lower: Vec<PathBuf>) -> Self {
        Self {
            id: id.into(),
            lower,
            upper: Upper::Disk,
            binds: Vec::new(),
            limits: Limits::default(),
            listen: Vec::new(),
        }
    }

    /// Refuses what no box can be made of.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let invalid =
            |field, problem: &str| Err(Error::Invalid { field, problem: problem.to_owned() });
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=63).contains(&self.id.len())
            || !self.id.bytes().all(fits)
            || self.id.starts_with('-')
        {
            return invalid("id", "must be 1 to 63 of a-z, 0-9 and `-`, not beginning with `-`");
        }
        if self.lower.len() > LOWER_MAX {
            return invalid("lower", "more than 200 layers; flatten some of them");
        }
        if self.limits.pids.is_some_and(|pids| pids < 4) {
            return invalid(
                "limits.pids",
                "at least 4: the box's init, a minder, a command, a child",
            );
        }
        for bind in &self.binds {
            if !bind.target.is_absolute() || bind.target.components().count() < 2 {
                return invalid("binds.target", "must be an absolute path below `/`");
            }
        }
        self.check_listen().map_or(Ok(()), |problem| invalid("listen", problem))
    }

    /// What is wrong with the sockets.
    fn check_listen(&self) -> Option<&'static str> {
        if self.listen.len() > LISTEN_MAX {
            return Some("more than 16 sockets; let one serve several purposes");
        }
        if !self.listen.is_empty() && self.limits.open_files < LISTEN_OPEN_FILES_MIN {
            return Some("a box with sockets needs `limits.open_files` of 64 or more");
        }
        let dirs = || self.listen.iter().filter_map(Listen::dir);
        for (index, one) in self.listen.iter().enumerate() {
            if self.listen[..index].contains(one) {
                return Some("the same socket twice");
            }
            if let Some(problem) = one.check() {
                return Some(problem);
            }
            let Some(dir) = one.dir() else { continue };
            let meets = |other: &Path| dir.starts_with(other) || other.starts_with(dir);
            if dirs().any(|other| other != dir && meets(other)) {
                return Some("a directory of sockets may not be in another one's");
            }
            if self.binds.iter().any(|bind| meets(&bind.target)) {
                return Some("a directory of sockets may not be in a bind, nor a bind in it");
            }
        }
        None
    }
}

impl Listen {
    /// The directory of a Unix socket.
    pub(super) fn dir(&self) -> Option<&Path> {
        match self {
            Self::Tcp { .. } => None,
            Self::Unix { path } => path.parent(),
        }
    }

    fn check(&self) -> Option<&'static str> {
        let path = match self {
            Self::Tcp { port: 0 } => return Some("port 0 is none; name the port"),
            Self::Tcp { .. } => return None,
            Self::Unix { path } => path,
        };
        let plain = |one: &Component<'_>| matches!(one, Component::RootDir | Component::Normal(_));
        let plain = path.components().all(|one| plain(&one));
        if !path.is_absolute() || !plain || path.components().count() < 3 {
            return Some("must be an absolute path without `..`, in a directory that is not `/`");
        }
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.len() > SOCKET_PATH_MAX || bytes.contains(&0) {
            return Some("a socket's path has at most 107 bytes, none of them NUL");
        }
        let taken = ["/proc", "/dev", "/tmp"].iter().any(|taken| path.starts_with(taken));
        taken.then_some("`/proc`, `/dev` and `/tmp` are the box's own; use `/run/greenroom`")
    }
}

impl ExecSpec {
    /// Refuses what no command can be made of.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let words = self.argv.iter();
        let words = words.chain(self.env.iter().flat_map(|(name, value)| [name, value]));
        let mut words = words;
        if self.argv.first().is_none_or(String::is_empty) {
            let problem = "empty; name a command".to_owned();
            return Err(Error::Invalid { field: "argv", problem });
        }
        if words.any(|word| word.contains('\0')) {
            let problem = "a word holds a NUL byte, which no command can be given".to_owned();
            return Err(Error::Invalid { field: "argv", problem });
        }
        if self.env.keys().any(|name| name.is_empty() || name.contains('=')) {
            let problem = "a name is empty or holds `=`".to_owned();
            return Err(Error::Invalid { field: "env", problem });
        }
        Ok(())
    }
}
