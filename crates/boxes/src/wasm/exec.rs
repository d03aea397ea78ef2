//! One command: a thread that compiles the component, runs it, and minds it with the same words
//! as a minder in a namespace.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::Poll;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_setfl};
use tokio::io::Interest;
use tokio::net::UnixStream as Socket;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, Trap};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx};

use super::meter::{Counted, Live, Memory, Meter, now_us};
use super::pipe::{Input, Output};
use super::program::{Guest, Programs};
use super::ticker::{TICK, Ticker};
use crate::sandbox::ExecSpec;
use crate::sandbox::Usage;
use crate::sandbox::wire::{self, Ending, FromMinder, ToMinder};

/// A directory that a command sees.
#[derive(Clone, Debug)]
pub struct Seen {
    pub source: PathBuf,
    pub target: String,
    pub writable: bool,
}

/// A command to run.
pub struct Job {
    pub programs: Arc<Programs>,
    pub ticker: Arc<Ticker>,
    pub meter: Arc<Meter>,
    pub counted: Counted,
    pub spec: ExecSpec,
    pub program: File,
    pub seen: Vec<Seen>,
    pub files_max: u32,
    pub socket: OwnedFd,
    /// Hears whether it could be started.
    pub started: Sender<io::Result<()>>,
}

/// How a component stopped.
enum Stop {
    /// With this code.
    Code(i32),
    /// By something that a signal would be for.
    Signal(i32),
    TimedOut,
}

/// What is between compiling and running.
struct Ready {
    command: CommandPre<Guest>,
    pipes: [OwnedFd; 3],
    live: Live,
}

impl Job {
    /// All of it, on a thread of its own.
    pub fn run(self) {
        let ready = match self.prepare() {
            Ok(ready) => ready,
            Err(error) => {
                let _ = self.started.send(Err(error));
                return;
            }
        };
        // Nobody waits any more: it took too long to compile.
        if self.started.send(Ok(())).is_err() {
            return;
        }
        let ending = self.mind(ready);
        drop(self.counted);
        // What could not be run is as if it had been killed at once.
        let ended = ending.unwrap_or(Ending {
            code: None,
            signal: Some(libc::SIGKILL),
            timed_out: false,
            usage: Usage::default(),
        });
        let _ = wire::send(&self.socket, &FromMinder::Ended(ended), &[]);
    }

    fn prepare(&self) -> io::Result<Ready> {
        let command = self.programs.get(&self.program)?;
        let (stdin, to_stdin) = io::pipe()?;
        let (from_stdout, stdout) = io::pipe()?;
        let (from_stderr, stderr) = io::pipe()?;
        let ended = || io::Error::other("the box has ended");
        let live = self.meter.live().ok_or_else(ended)?;
        let fds = [to_stdin.as_fd(), from_stdout.as_fd(), from_stderr.as_fd()];
        wire::send(&self.socket, &FromMinder::Started, &fds)?;
        fcntl_setfl(&self.socket, OFlags::NONBLOCK)?;
        Ok(Ready { command, pipes: [stdin.into(), stdout.into(), stderr.into()], live })
    }

    fn mind(&self, ready: Ready) -> io::Result<Ending> {
        let _ticking = self.ticker.hold();
        let live = ready.live;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ending = runtime.block_on(self.run_component(&ready.command, ready.pipes));
        // Before anybody hears of the end: it has no file of the box any more.
        drop(live);
        ending
    }

    async fn run_component(
        &self,
        command: &CommandPre<Guest>,
        pipes: [OwnedFd; 3],
    ) -> io::Result<Ending> {
        let [stdin, stdout, stderr] = pipes;
        let stdin = Input::new(stdin)?;
        let (stdout, stderr) = (Output::new(stdout)?, Output::new(stderr)?);
        let wasi = self.wasi(stdin, stdout.clone(), stderr.clone()).map_err(io::Error::other)?;
        let mut store = self.store(wasi).map_err(io::Error::other)?;
        let mut cpu_us = 0;
        let stop = {
            let guest = gated(&self.meter, &mut cpu_us, async {
                let instance = command.instantiate_async(&mut store).await?;
                let result = instance.wasi_cli_run().call_run(&mut store).await;
                if let Some(why) = result.as_ref().err().and_then(trouble) {
                    stderr.say(&format!("the component was stopped: {why}\n"));
                }
                stdout.drained().await;
                stderr.drained().await;
                result
            });
            tokio::select! {
                biased;
                () = deadline(&self.meter, self.spec.timeout_ms) => Stop::TimedOut,
                signal = asked(&self.socket) => Stop::Signal(signal),
                () = self.meter.until_ended() => Stop::Signal(libc::SIGKILL),
                done = guest => done.map_or(Stop::Signal(libc::SIGKILL), stopped),
            }
        };
        let memory_max_bytes = store.data().memory.held();
        drop(store);
        let usage = Usage { user_us: cpu_us, system_us: 0, memory_max_bytes };
        let (code, signal) = match stop {
            Stop::Code(code) => (Some(code), None),
            Stop::TimedOut => (None, Some(libc::SIGKILL)),
            Stop::Signal(signal) => (None, Some(signal)),
        };
        Ok(Ending { code, signal, timed_out: matches!(stop, Stop::TimedOut), usage })
    }

    fn wasi(&self, stdin: Input, stdout: Output, stderr: Output) -> wasmtime::Result<WasiCtx> {
        let mut wasi = WasiCtx::builder();
        wasi.stdin(stdin).stdout(stdout).stderr(stderr);
        wasi.args(&self.spec.argv);
        for (name, value) in &self.spec.env {
            wasi.env(name, value);
        }
        if let Some(cwd) = &self.spec.cwd {
            wasi.initial_cwd(cwd.to_string_lossy());
        }
        // On this thread, so that a frozen box has no file operation under way.
        wasi.allow_blocking_current_thread(true);
        for seen in &self.seen {
            let perms = if seen.writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            wasi.preopened_dir(&seen.source, &seen.target, perms)?;
        }
        Ok(wasi.build())
    }

    fn store(&self, wasi: WasiCtx) -> wasmtime::Result<Store<Guest>> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(self.files_max as usize);
        let guest = Guest { wasi, table, memory: Memory::new(Arc::clone(&self.meter)) };
        let mut store = Store::new(self.programs.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        if let Some(fuel) = self.programs.fuel() {
            store.set_fuel(fuel)?;
        }
        Ok(store)
    }
}

/// Runs it slice by slice, while its box lets it. `None` when the box has ended.
async fn gated<T>(meter: &Meter, cpu_us: &mut u64, guest: impl Future<Output = T>) -> Option<T> {
    let mut guest = pin!(guest);
    loop {
        if let Some(debt) = meter.debt() {
            sleep(debt.min(Duration::from_millis(100))).await;
            continue;
        }
        let slice =
            poll_fn(|cx| Poll::Ready(meter.slice(cpu_us, || guest.as_mut().poll(cx)))).await;
        match slice? {
            Poll::Ready(done) => return Some(done),
            Poll::Pending => once_woken().await,
        }
    }
}

/// Waits once, for whoever has the waker already.
async fn once_woken() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// Until the time is up that it was given; what it was frozen for does not count.
async fn deadline(meter: &Meter, timeout_ms: Option<u64>) {
    let Some(timeout_ms) = timeout_ms else { return std::future::pending().await };
    let (from, frozen_from) = (now_us(), meter.frozen_us());
    loop {
        let frozen = meter.frozen_us().saturating_sub(frozen_from);
        let used = now_us().saturating_sub(from).saturating_sub(frozen);
        let left = timeout_ms.saturating_mul(1000).saturating_sub(used);
        if left == 0 {
            return;
        }
        sleep(Duration::from_micros(left).max(TICK)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a command's time is real, and no journal sees it")]
async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Until the owner wants it to end: the signal that it ends by.
async fn asked(socket: &OwnedFd) -> i32 {
    let socket = socket.try_clone().map(UnixStream::from).and_then(Socket::from_std);
    let Ok(socket) = socket else { return libc::SIGKILL };
    while socket.readable().await.is_ok() {
        let heard = socket.try_io(Interest::READABLE, || Ok(wire::receive::<ToMinder>(&socket)?));
        match heard {
            Ok(Some((ToMinder::Signal(number), _))) if ends(number) => return number,
            Ok(Some((ToMinder::Signal(_), _))) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The owner lost interest, or said so.
            Ok(Some((ToMinder::Kill, _)) | None) | Err(_) => break,
        }
    }
    libc::SIGKILL
}

/// Whether the signal ends what does not handle it; a component can handle none.
fn ends(signal: i32) -> bool {
    !matches!(signal, 0 | libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH)
}

fn stopped(result: wasmtime::Result<Result<(), ()>>) -> Stop {
    let error = match result {
        Ok(Ok(())) => return Stop::Code(0),
        Ok(Err(())) => return Stop::Code(1),
        Err(error) => error,
    };
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Stop::Code(exit.0);
    }
    let signal = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => libc::SIGXCPU,
        Some(Trap::UnreachableCodeReached) => libc::SIGABRT,
        Some(Trap::IntegerDivisionByZero | Trap::IntegerOverflow) => libc::SIGFPE,
        Some(Trap::MemoryOutOfBounds | Trap::StackOverflow | Trap::TableOutOfBounds) => {
            libc::SIGSEGV
        }
        Some(_) => libc::SIGILL,
        // Not the component's code: it could not be instantiated, or the host refused a call.
        None => libc::SIGKILL,
    };
    Stop::Signal(signal)
}

/// What a command's standard error should say of its end.
fn trouble(error: &wasmtime::Error) -> Option<String> {
    let exits = error.downcast_ref::<I32Exit>().is_some();
    (!exits).then(|| format!("{error:#}"))
}
