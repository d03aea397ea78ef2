//! A Postgres server of a test's own: in a temporary directory, on a Unix
//! socket only, gone when it is dropped or its test is killed.

use rustix::process::{Pid, Signal, kill_process};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The unprivileged user that runs it when the test is root's, as Postgres
/// refuses to be.
const USER: &str = "postgres";
const START_TRIES: u32 = 500;
const START_PAUSE: Duration = Duration::from_millis(20);

/// A running server.
pub struct PrivatePostgres {
    directory: PathBuf,
    server: Child,
}

impl PrivatePostgres {
    /// Makes a database and starts the server. `durable`: with fsync, as a
    /// benchmark needs it.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start, in words.
    pub fn start(durable: bool) -> io::Result<PrivatePostgres> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let programs = programs()?;
        let turn = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-pg-{}-{turn}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory)?;
        if is_root() {
            check(Command::new("chown").arg(USER).arg(&directory))?;
        }
        let data = directory.join("data");
        let mut make = unprivileged(&programs.join("initdb"));
        make.arg("-D").arg(&data).args(["-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]);
        make.args(["--no-instructions", "--locale=C.UTF-8"]).current_dir(&directory);
        check(&mut make)?;
        let mut serve = unprivileged(&programs.join("postgres"));
        serve.arg("-D").arg(&data).arg("-k").arg(&directory).current_dir(&directory);
        serve.args(["-c", "listen_addresses=", "-c", "shared_buffers=256MB"]);
        serve.args(["-c", "max_wal_size=4GB", "-c", "log_min_messages=fatal"]);
        serve.args(["-c", if durable { "fsync=on" } else { "fsync=off" }]);
        let server =
            serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut postgres = PrivatePostgres { directory, server };
        postgres.wait(&programs)?;
        Ok(postgres)
    }

    /// The URL of a store in a schema of this name.
    pub fn url(&self, schema: &str) -> String {
        let host = self.directory.to_string_lossy().replace('/', "%2F");
        format!("postgres://{USER}@{host}/postgres?schema={schema}")
    }

    /// The server's process, for tests that stop it.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    #[expect(clippy::disallowed_methods, reason = "a test waits for a real server")]
    fn wait(&mut self, programs: &Path) -> io::Result<()> {
        for _ in 0..START_TRIES {
            let mut ask = Command::new(programs.join("pg_isready"));
            ask.args(["-q", "-h"]).arg(&self.directory);
            if ask.status()?.success() {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                return Err(io::Error::other(format!("the Postgres server ended: {status}")));
            }
            std::thread::sleep(START_PAUSE);
        }
        Err(io::Error::other("the Postgres server did not start in time"))
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // Nothing can be done about failures here, and the kernel ends the
        // server with its starter all the same.
        let pid = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process(pid, Signal::QUIT));
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The newest installed server's programs.
fn programs() -> io::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .collect();
    found.sort();
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let places = found.into_iter().rev().map(|(_, place)| place);
    let mut places = places.chain(std::env::split_paths(&in_path).collect::<Vec<_>>());
    places.find(|place| place.join("initdb").is_file()).ok_or_else(|| {
        io::Error::other("Postgres is not installed: run `./dev setup`, which installs it")
    })
}

/// A command that ends with this process and is not root.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]);
    }
    command.args(["--pdeathsig", "QUIT", "--"]).arg(program);
    command
}

fn check(command: &mut Command) -> io::Result<()> {
    let Output { status, stderr, .. } = command.stdin(Stdio::null()).output()?;
    if status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&stderr);
    Err(io::Error::other(format!("{command:?} failed: {words}")))
}
