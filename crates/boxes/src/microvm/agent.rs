//! Inside: the first process of a guest. Runs commands, one connection each.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::mount::{MountFlags, mount};
use rustix::process::{Pid, Signal, kill_process_group};
use vsock::{VMADDR_CID_ANY, VsockListener};

use super::frame::{Frame, Word};
use crate::sandbox::wire::Ending;
use crate::sandbox::{ExecSpec, Usage};

/// The vsock port that the agent listens at.
pub const PORT: u32 = 1024;

/// A connection that can be read by one thread and written by others.
pub trait Stream: Read + Write + Send + Sized + 'static {
    /// Another handle of the same.
    ///
    /// # Errors
    /// The system's.
    fn copy(&self) -> io::Result<Self>;
}

impl Stream for vsock::VsockStream {
    fn copy(&self) -> io::Result<Self> {
        self.try_clone()
    }
}

impl Stream for std::os::unix::net::UnixStream {
    fn copy(&self) -> io::Result<Self> {
        self.try_clone()
    }
}

/// What a guest's first process does: mounts, then serves for ever.
///
/// # Errors
/// A kernel without vsock.
pub fn guest_main() -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    // A folder or file system that is missing shows in what the command says.
    let _ = mount("proc", "/proc", "proc", flags | MountFlags::NOEXEC, None);
    let _ = mount("sysfs", "/sys", "sysfs", flags | MountFlags::NOEXEC, None);
    let _ = mount("devtmpfs", "/dev", "devtmpfs", MountFlags::NOSUID, None);
    let _ = mount("tmpfs", "/tmp", "tmpfs", flags, None);
    let listener = VsockListener::bind_with_cid_port(VMADDR_CID_ANY, PORT)?;
    for stream in listener.incoming() {
        serve(stream?);
    }
    Ok(())
}

/// Serves a connection on a thread of its own: one command.
#[expect(clippy::disallowed_methods, reason = "the guest's own process, which has no runtime")]
pub fn serve<S: Stream>(stream: S) {
    let serve = move || {
        // Who called and went away hears nothing of it.
        let _ = command(stream);
    };
    // Without memory for a thread the connection closes, which the host takes for a lost command.
    drop(std::thread::Builder::new().spawn(serve));
}

/// Whether the command has ended; and the wish to hear of it.
#[derive(Default)]
struct Ended {
    state: Mutex<bool>,
    changed: Condvar,
}

fn command<S: Stream>(mut stream: S) -> io::Result<()> {
    let Frame::Word(Word::Exec(spec)) = Frame::read(&mut stream)? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut child = match start(&spec) {
        Ok(child) => child,
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
            return Frame::Word(Word::Failed(errno)).write(&mut stream);
        }
    };
    let to = Arc::new(Mutex::new(stream.copy()?));
    say(&to, &Frame::Word(Word::Started))?;
    let pumps = [
        child.stdout.take().map(|from| pump(from, Arc::clone(&to), Frame::Stdout)),
        child.stderr.take().map(|from| pump(from, Arc::clone(&to), Frame::Stderr)),
    ];
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let stdin = child.stdin.take();
    let ended = Arc::new(Ended::default());
    let its = Arc::clone(&ended);
    thread(move || listen(stream, stdin, group, &its));
    let timed_out = spec.timeout_ms.map(|ms| watch(ms, group, Arc::clone(&ended)));
    let status = child.wait()?;
    if !spec.keep_background {
        kill(group, Signal::KILL);
    }
    *ended.state.lock().unwrap_or_else(PoisonError::into_inner) = true;
    ended.changed.notify_all();
    let timed_out = timed_out.and_then(|watch| watch.join().ok()).unwrap_or(false);
    if !spec.keep_background {
        for pump in pumps.into_iter().flatten() {
            let _ = pump.join();
        }
    }
    let ending =
        Ending { code: status.code(), signal: status.signal(), timed_out, usage: Usage::default() };
    say(&to, &Frame::Word(Word::Ended(ending)))
}

fn start(spec: &ExecSpec) -> io::Result<Child> {
    let mut words = spec.argv.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words).env_clear().envs(&spec.env).process_group(0);
    command.current_dir(spec.cwd.as_deref().unwrap_or(Path::new("/")));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

fn say(to: &Mutex<impl Write>, frame: &Frame) -> io::Result<()> {
    frame.write(&mut *to.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Sends what the command writes.
fn pump(
    mut from: impl Read + Send + 'static,
    to: Arc<Mutex<impl Write + Send + 'static>>,
    frame: fn(Vec<u8>) -> Frame,
) -> std::thread::JoinHandle<bool> {
    thread(move || {
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if say(&to, &frame(buffer[..count].to_vec())).is_err() {
                return false;
            }
        }
        true
    })
}

/// Hears what the host wants, until it goes away or the command has ended.
fn listen(
    mut from: impl Read,
    mut stdin: Option<std::process::ChildStdin>,
    group: Option<Pid>,
    ended: &Ended,
) -> bool {
    loop {
        let frame = Frame::read(&mut from);
        let over = ended.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *over {
            return true;
        }
        match frame {
            Ok(Frame::Stdin(bytes)) if bytes.is_empty() => stdin = None,
            Ok(Frame::Stdin(bytes)) => {
                // A command that does not read must not keep its end from being heard.
                drop(over);
                if stdin.as_mut().is_some_and(|to| to.write_all(&bytes).is_err()) {
                    stdin = None;
                }
            }
            Ok(Frame::Word(Word::Signal(number))) => {
                if let Some(signal) = Signal::from_named_raw(number) {
                    kill(group, signal);
                }
            }
            // A wish to kill, or nobody there any more.
            _ => {
                kill(group, Signal::KILL);
                return true;
            }
        }
    }
}

/// Kills the command when its time is up. Whether it had to.
fn watch(ms: u64, group: Option<Pid>, ended: Arc<Ended>) -> std::thread::JoinHandle<bool> {
    thread(move || {
        let state = ended.state.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = Duration::from_millis(ms);
        let waited = ended.changed.wait_timeout_while(state, limit, |ended| !*ended);
        let timed_out = waited.is_ok_and(|(_, waited)| waited.timed_out());
        if timed_out {
            kill(group, Signal::KILL);
        }
        timed_out
    })
}

fn kill(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        let _ = kill_process_group(group, signal);
    }
}

#[expect(clippy::disallowed_methods, reason = "the guest's own process, which has no runtime")]
fn thread(run: impl FnOnce() -> bool + Send + 'static) -> std::thread::JoinHandle<bool> {
    std::thread::spawn(run)
}
