//! What tests of boxes share: a level, and a base of the host's own programs, read-only.
#![expect(clippy::panic, reason = "a helper of tests fails as a test does")]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use greenroom_boxes::sandbox::{
    Bind, ExecSpec, Launch, Level, Namespace, Output, Sandbox, SandboxSpec,
};

pub struct House {
    pub level: Option<Namespace>,
    pub dir: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        base(&dir.path().join("base"));
        let mut house = Self { level: None, dir };
        house.level = Some(house.open());
        house
    }

    /// One more spawner on the same state directory.
    pub fn open(&self) -> Namespace {
        Namespace::open(&self.launch(), &self.state()).expect("a spawner")
    }

    /// The program that becomes the spawner; another for whoever cannot read this one's folder.
    pub fn launch(&self) -> Launch {
        let own = env!("CARGO_BIN_EXE_greenroom-box-spawner");
        let program = std::env::var_os("GREENROOM_BOX_SPAWNER").unwrap_or_else(|| own.into());
        Launch::Program(program.into())
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn spec(&self, id: &str) -> SandboxSpec {
        let usr = Bind { source: "/usr".into(), target: "/usr".into(), writable: false };
        let lower = vec![self.dir.path().join("base")];
        SandboxSpec { binds: vec![usr], ..SandboxSpec::new(id, lower) }
    }

    pub fn level(&self) -> &Namespace {
        self.level.as_ref().expect("the level is open")
    }

    pub fn spawn(&self, id: &str) -> Box<dyn Sandbox> {
        self.level().create(&self.spec(id)).expect("a box")
    }
}

/// A root whose programs are those of the host's `/usr`.
fn base(dir: &Path) {
    std::fs::create_dir_all(dir.join("etc")).expect("etc");
    for name in ["bin", "lib", "lib64", "sbin"] {
        symlink(format!("usr/{name}"), dir.join(name)).expect("link");
    }
    std::fs::write(dir.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n").expect("passwd");
    std::fs::write(dir.join("etc/note"), "from the layer").expect("note");
}

pub fn command(words: &[&str]) -> ExecSpec {
    ExecSpec {
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        ..ExecSpec::default()
    }
}

pub fn sh(script: &str) -> ExecSpec {
    command(&["sh", "-c", script])
}

#[expect(clippy::disallowed_methods, reason = "a test of real processes waits in real time")]
pub fn pause(ms: u64) {
    std::thread::sleep(std::time::Duration::from_millis(ms));
}

/// Waits until it holds, ten seconds at most.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        pause(10);
    }
    panic!("{what}: not within ten seconds");
}

pub fn run(sandbox: &dyn Sandbox, spec: &ExecSpec) -> Output {
    sandbox.exec(spec).expect("it starts").output(b"", 1 << 20).expect("it ends")
}

pub fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}
