//! One message, one packet, with descriptors: the words of owner, spawner, init and minder.
//! What comes out of a box is as little to be trusted as the box: it is parsed, never obeyed.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::making::Making;
use super::spec::{Enforced, ExecSpec, Living, SandboxSpec, Usage};

/// Of all that is said between owner, spawner and init. To be raised with every change of it.
pub const PROTOCOL: u32 = 3;

/// The first message of a staying spawner to whoever connects. Its fields are for ever: an owner
/// of any version must understand them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {
    /// What it speaks.
    pub protocol: u32,
    /// Of Greenroom.
    pub version: String,
    /// Its process id.
    pub pid: u32,
}

/// A box by its name and what tells it from earlier ones of the name.
pub type Key = (String, u64);

/// Owner to spawner; the socket for the answers comes with it.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToSpawner {
    /// To a spawner that is to stay, once and first: the lock on the state directory comes with
    /// it, to be held until others can connect.
    Stay,
    /// The socket becomes the init's; its first message is a [`Birth`]. To a spawner that stays,
    /// the other end of it comes along, for whoever adopts the box.
    Create(Box<SandboxSpec>),
    /// Kill, wait until nothing runs, remove cgroups. Answered by [`FromSpawner`].
    Destroy(Key),
    /// Freeze or thaw by cgroup.
    Freeze(Key, bool),
    /// The same as to freeze, until it is thawed or who asks is gone. Where no cgroup freezes the
    /// init is asked too, and the spawner only sees to the end of it.
    FreezeForNow(Key),
    /// It is thawed where no cgroup freezes.
    Thawed(Key),
    /// Whether it is frozen by cgroup.
    IsFrozen(Key),
    /// What the cgroups count.
    Usage(Key),
    /// Some of the boxes that can be adopted, from after this one on; none is the end.
    List(Option<Key>),
    /// The socket to the init of the box of this name.
    Adopt(String),
}

/// Spawner to owner.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromSpawner {
    /// It is done.
    Done,
    /// Bytes of memory, microseconds of CPU, processes: where they are counted.
    Usage(BoxUsage),
    /// Whether it is frozen.
    Frozen(bool),
    /// Some of the boxes.
    Boxes(Vec<Living>),
    /// The socket to its init comes with it.
    Adopted(Living),
    /// There is no such box.
    Unknown,
    /// It failed.
    Failed(Failure),
}

/// The stage of a command whose folder is not there; any other is the command's own fault.
pub const CWD_STAGE: &str = "enter its folder";

/// What a box uses. `None` is not counted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxUsage {
    /// Memory now.
    pub memory_bytes: Option<u64>,
    /// Processes and threads now.
    pub pids: Option<u64>,
    /// CPU time since it was made.
    pub cpu_us: Option<u64>,
}

/// The first message on a box's socket.
#[derive(Debug, Serialize, Deserialize)]
pub enum Birth {
    /// The init waits for commands.
    Ready(Born),
    /// It could not be made, and nothing of it is left.
    Failed(Failure),
    /// It could not settle, and its directory is left.
    Unsettled(Failure, Born),
}

/// A new box.
#[derive(Debug, Serialize, Deserialize)]
pub struct Born {
    /// With its name, what the spawner knows it by.
    pub number: u64,
    /// By what its limits are held.
    pub enforced: Enforced,
    /// The directory that holds `upper` and `work`; `None` when they are memory.
    pub upper: Option<String>,
}

/// A step that failed, and the system's number for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    /// What was tried.
    pub stage: String,
    /// `errno`.
    pub errno: i32,
}

/// Spawner to the new process, with the mounts it may not make itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Go {
    /// What to make of it.
    pub spec: SandboxSpec,
    /// With its name, what the spawner knows it by.
    pub number: u64,
    /// The directory that holds `upper` and `work`; `None` when they are memory.
    pub upper: Option<String>,
    /// Whether mounts come with the message: the layers, the upper, the binds, in this order.
    pub mounts: bool,
    /// What the spawner found and did about limits.
    pub enforced: Enforced,
}

/// Owner to init; the socket for the answers comes with it, so that many owners can ask at once.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToInit {
    /// Run a command. Answered by [`FromMinder`].
    Exec(Box<ExecSpec>),
    /// Open a file for reading, or make and truncate one, with this mode, for writing.
    Open(String, Option<u32>),
    /// Make a folder or a link, or give a folder its mode.
    Make(String, Making),
    /// Stop or continue all processes.
    Stop(bool),
    /// Begin to connect to this port of the box's loopback. Answered at once: that the connection
    /// is there, or refused, is for the owner to wait for.
    Connect(u16),
    /// The sockets that the box was born with.
    Listeners,
    /// Prove each mechanism by trying it. For a box that nothing else runs in.
    Probe,
}

/// Init to owner.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromInit {
    /// Done; what was opened comes with it.
    Done,
    /// What each mechanism was seen to do.
    Probed(Vec<Check>),
    /// It failed.
    Failed(Failure),
}

/// A mechanism that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub mechanism: String,
    /// Whether it does what a box needs.
    pub ok: bool,
    /// What was seen.
    pub seen: String,
}

/// Owner to minder.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToMinder {
    /// A signal for the command's process group.
    Signal(i32),
    /// Kill the command and all it started.
    Kill,
}

/// Minder to owner.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromMinder {
    /// It runs: stdin, stdout and stderr, or the terminal, come with it.
    Started,
    /// It could not be started.
    Failed(Failure),
    /// It and, unless that was asked for, all it started are gone.
    Ended(Ending),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal.
    pub signal: Option<i32>,
    /// Whether the time was up.
    pub timed_out: bool,
    /// What was used.
    pub usage: Usage,
}

/// Two connected sockets.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// Bytes for the descriptors of one message; the kernel's own limit is 253 of them.
const ANCILLARY: usize = rustix::cmsg_space!(ScmRights(253));

/// Sends one message. A peer that is gone is `EPIPE`, never a signal.
pub fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    send_with(socket, message, fds, SendFlags::empty())
}

/// As [`send`], but `EAGAIN` when the peer has not read what was sent before.
pub fn try_send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    send_with(socket, message, fds, SendFlags::DONTWAIT)
}

fn send_with<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<(), Errno> {
    let bytes = serde_json::to_vec(message).map_err(|_| Errno::INVAL)?;
    let mut space = [MaybeUninit::uninit(); ANCILLARY];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::TOOBIG);
    }
    let parts = [IoSlice::new(&bytes)];
    loop {
        match sendmsg(&socket, &parts, &mut ancillary, SendFlags::NOSIGNAL | flags) {
            Err(Errno::INTR) => {}
            other => return other.map(drop),
        }
    }
}

/// Waits until a message, or the end, can be received. False when the time is up.
pub fn wait(socket: impl AsFd, timeout_ms: u32) -> bool {
    let timeout = Timespec {
        tv_sec: i64::from(timeout_ms / 1000),
        tv_nsec: i64::from(timeout_ms % 1000) * 1_000_000,
    };
    let mut fds = [PollFd::new(&socket, PollFlags::IN)];
    matches!(poll(&mut fds, Some(&timeout)), Ok(1))
}

/// Waits for one message. `None` when the peer is gone.
pub fn receive<T: DeserializeOwned>(socket: impl AsFd) -> Result<Option<(T, Vec<OwnedFd>)>, Errno> {
    let Some(length) = next_length(&socket)? else { return Ok(None) };
    let mut bytes = vec![0; length];
    let mut space = [MaybeUninit::uninit(); ANCILLARY];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let received = recvmsg(&socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    if received.flags.intersects(ReturnFlags::CTRUNC | ReturnFlags::TRUNC) {
        return Err(Errno::MSGSIZE);
    }
    let message = serde_json::from_slice(&bytes[..received.bytes]).map_err(|_| Errno::BADMSG)?;
    Ok(Some((message, fds)))
}

/// The length of the message that waits.
fn next_length(socket: &impl AsFd) -> Result<Option<usize>, Errno> {
    loop {
        let mut none = RecvAncillaryBuffer::default();
        let mut byte = [0];
        let mut parts = [IoSliceMut::new(&mut byte)];
        match recvmsg(socket, &mut parts, &mut none, RecvFlags::PEEK | RecvFlags::TRUNC) {
            Err(Errno::INTR) => {}
            // A peer that died with something of ours unread resets; to us that is gone.
            Err(Errno::CONNRESET) => return Ok(None),
            Err(errno) => return Err(errno),
            Ok(received) if received.bytes == 0 => return Ok(None),
            Ok(received) => return Ok(Some(received.bytes)),
        }
    }
}

impl Failure {
    /// For `map_err`: the system's answer with the step that was tried.
    pub fn at<E: Into<std::io::Error>>(stage: impl Into<String>) -> impl FnOnce(E) -> Self {
        let stage = stage.into();
        move |error| Self { stage, errno: error.into().raw_os_error().unwrap_or(libc::EIO) }
    }
}
