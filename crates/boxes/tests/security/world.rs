//! What there is to steal and to break on the host, and the two places an attack is run from.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use greenroom_boxes::sandbox::{Bind, End, Level, Listen, Running, Sandbox, SandboxSpec, Upper};

use crate::attack::Works;
use crate::house::{House, command, run, sh, text};

/// Where the hub is in a box.
const HUB: &str = "/run/greenroom/hub.sock";
pub const PYTHON: &str = "/usr/bin/python3";

/// The program of the attacks.
pub fn attacks() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/security/attacks.py");
    std::env::var_os("GREENROOM_BOX_ATTACKS").map_or(own, PathBuf::from)
}

/// The host with its treasures, and a box in it.
pub struct World {
    // The boxes first: fields are dropped in this order, and the house's directory is theirs.
    pub sandbox: Option<Box<dyn Sandbox>>,
    _sibling: (Box<dyn Sandbox>, Running),
    pub house: House,
    env: BTreeMap<String, String>,
    victim: Child,
    shm: String,
    _treasure: tempfile::TempDir,
    _inherited: File,
    _listeners: (UnixListener, TcpListener, TcpListener),
}

/// What an attack said.
pub struct Attempt {
    pub worked: bool,
    pub said: String,
}

impl World {
    pub fn new() -> Self {
        assert!(Path::new(PYTHON).exists(), "the attacks need {PYTHON}");
        // Without CLOEXEC, and before the spawner is started: a careless owner.
        let dir = tempfile::tempdir().expect("a directory");
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "TOP-SECRET").expect("secret");
        let inherited = File::open(&secret).expect("secret");
        let kept = rustix::io::FdFlags::empty();
        rustix::io::fcntl_setfd(&inherited, kept).expect("no CLOEXEC");
        let house = House::new();
        let marker = format!("greenroom-victim-{}", std::process::id());
        let listeners = listeners(&marker);
        let victim = victim(&marker, &secret);
        std::fs::write(format!("/dev/shm/{marker}"), "TOP-SECRET").expect("shared memory");
        let (sibling, sibling_dir) = sibling(&house);
        let sibling_hub = format!("/proc/{}/root{HUB}", pid_of(&sibling_sleeps()));
        let shm = segment();
        let port =
            |listener: &TcpListener| listener.local_addr().expect("address").port().to_string();
        let env = [
            ("P_SECRET", secret.display().to_string()),
            ("P_MARKER", marker),
            ("P_VICTIM", victim.id().to_string()),
            ("P_SIBLING", sibling_dir.display().to_string()),
            ("P_SIBLING_HUB", sibling_hub),
            ("P_SHM", shm.clone()),
            ("P_PORT", port(&listeners.1)),
            ("P_PORT6", port(&listeners.2)),
        ];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self {
            house,
            sandbox: None,
            env,
            victim,
            shm,
            _sibling: sibling,
            _treasure: dir,
            _inherited: inherited,
            _listeners: listeners,
        }
    }

    /// The box that attacks are run in, with small limits.
    pub fn cage(&self, id: &str) -> SandboxSpec {
        let mut spec = self.house.spec(id);
        let copy = self.house.dir.path().join("attacks.py");
        std::fs::copy(attacks(), &copy).expect("the attacks");
        spec.binds.push(Bind { source: copy, target: "/attacks.py".into(), writable: false });
        spec.upper = Upper::Memory { bytes: 16 << 20, inodes: 500 };
        spec.limits.pids = Some(64);
        spec.limits.memory_bytes = Some(256 << 20);
        spec.limits.open_files = 128;
        spec.listen = vec![Listen::Unix { path: HUB.into() }];
        spec
    }

    /// The attack in the box. A fresh one, so that none helps another.
    pub fn inside(&mut self, attack: &str) -> Attempt {
        if self.sandbox.is_none() {
            let made = self.house.level().create(&self.cage("cage")).expect("a box");
            assert_eq!(run(&*made, &sh("mkdir /scratch")).finished.end, End::Code(0));
            self.sandbox = Some(made);
        }
        let sandbox = self.sandbox.as_deref().expect("just made");
        let mut spec = command(&[PYTHON, "-I", "/attacks.py", attack]);
        spec.env.extend(self.env.clone());
        spec.env.insert("P_SCRATCH".to_owned(), "/scratch".to_owned());
        spec.env.insert("P_OTHERS".to_owned(), String::new());
        spec.env.insert("P_HUB".to_owned(), HUB.to_owned());
        spec.timeout_ms = Some(20_000);
        let output = run(sandbox, &spec);
        let worked = output.finished.end == End::Code(0);
        let cleared = sandbox.exec(&sh("rm -rf /scratch; mkdir /scratch"));
        let cleared = cleared.and_then(|running| running.output(b"", 1000));
        assert!(
            cleared.is_ok(),
            "the box did not live through `{attack}`: {}",
            cleared.err().map_or(String::new(), |error| error.to_string())
        );
        Attempt { worked, said: last_line(&text(&output)) }
    }

    /// The attack without a box, by this user; mounts it makes stay in a namespace of its own.
    pub fn outside(&self, attack: &str, works: Works) -> Attempt {
        let root = rustix::process::geteuid().is_root();
        let scratch = tempfile::tempdir().expect("a directory");
        let hub = scratch.path().join(HUB.trim_start_matches('/'));
        std::fs::create_dir_all(hub.parent().expect("its folder")).expect("made");
        let _listener = UnixListener::bind(&hub).expect("a hub without walls");
        let mut outside = match (root, works) {
            (true, _) => {
                let mut outside = Command::new("unshare");
                outside.args(["--mount", "--uts", "--propagation", "private", "--"]);
                outside.arg(PYTHON);
                outside
            }
            (false, Works::RootOfNamespace) => {
                let mut outside = Command::new("unshare");
                outside.args(["--user", "--map-root-user", "--mount", "--uts", "--net", "--"]);
                outside.arg(PYTHON);
                outside
            }
            _ => Command::new(PYTHON),
        };
        outside.arg("-I").arg(self.house.dir.path().join("attacks.py")).arg(attack);
        outside
            .envs(&self.env)
            .env("P_SCRATCH", scratch.path())
            .env("P_HUB", hub)
            .env("TOKEN", "hunter2");
        outside.env("P_OTHERS", self.victim.id().to_string());
        let output = outside.stdin(Stdio::null()).output().expect("it starts");
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Attempt { worked: output.status.success(), said: last_line(&said) }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
        let _ = Command::new("ipcrm").args(["-m", &self.shm]).status();
        if let Some(marker) = self.env.get("P_MARKER") {
            let _ = std::fs::remove_file(format!("/dev/shm/{marker}"));
        }
    }
}

fn listeners(marker: &str) -> (UnixListener, TcpListener, TcpListener) {
    let address = SocketAddr::from_abstract_name(marker).expect("a name");
    (
        UnixListener::bind_addr(&address).expect("abstract socket"),
        TcpListener::bind("127.0.0.1:0").expect("loopback"),
        TcpListener::bind("[::1]:0").expect("loopback by IPv6"),
    )
}

/// A process of this user's with a secret in its environment, and one open.
fn victim(marker: &str, secret: &Path) -> Child {
    Command::new("sleep")
        .arg("100000")
        .env("TOKEN", "hunter2")
        .env("MARKER", marker)
        .arg0(marker)
        .stdin(File::open(secret).expect("secret"))
        .spawn()
        .expect("a victim")
}

/// How long a process of this test's sibling sleeps: what it is found by, and no other test's.
fn sibling_sleeps() -> String {
    (100_000_000 + std::process::id()).to_string()
}

/// The process that sleeps so long.
fn pid_of(seconds: &str) -> u32 {
    let words = format!("sleep\0{seconds}\0");
    let entries = std::fs::read_dir("/proc").expect("proc").flatten();
    let mut pids = entries.filter_map(|entry| {
        let found = std::fs::read(entry.path().join("cmdline")).ok()? == words.as_bytes();
        entry.file_name().to_str()?.parse().ok().filter(|_| found)
    });
    pids.next().expect("it sleeps")
}

fn sibling(house: &House) -> ((Box<dyn Sandbox>, Running), PathBuf) {
    let mut spec = house.spec("sibling");
    spec.listen = vec![Listen::Unix { path: HUB.into() }];
    let sandbox = house.level().create(&spec).expect("a box");
    let sleeps = sandbox.exec(&command(&["sleep", &sibling_sleeps()])).expect("sleep");
    let written = run(&*sandbox, &sh("echo TOP-SECRET > /secret; chmod 644 /secret"));
    assert_eq!(written.finished.end, End::Code(0));
    let upper = sandbox.upper().expect("on disk").to_owned();
    ((sandbox, sleeps), upper)
}

/// A segment of shared memory that all may use. Its id.
fn segment() -> String {
    let made = Command::new("ipcmk").args(["-M", "4096", "-p", "0666"]).output().expect("ipcmk");
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    said.trim().rsplit(' ').next().expect("an id").to_owned()
}

fn last_line(said: &str) -> String {
    said.trim().lines().last().unwrap_or("").to_owned()
}
