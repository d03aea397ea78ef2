//! What the tests share: a level, a layer, and boxes over it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use greenroom_boxes::sandbox::{
    ExecSpec, Level, Limits, Output, Running, Sandbox, SandboxSpec, Upper,
};
use greenroom_boxes::wasm::Wasm;

use crate::program::Program;

pub struct House {
    pub level: Wasm,
    pub dir: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        Self::with_fuel(None)
    }

    pub fn with_fuel(fuel: Option<u64>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let base = dir.path().join("base");
        std::fs::create_dir_all(base.join("etc")).expect("etc");
        std::fs::write(base.join("etc/note"), "from the layer").expect("note");
        std::fs::write(dir.path().join("secret"), "of the host").expect("secret");
        let level = Wasm::with_fuel(&dir.path().join("state"), fuel).expect("the level");
        Self { level, dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn spec(&self, id: &str) -> SandboxSpec {
        SandboxSpec {
            id: id.to_owned(),
            lower: vec![self.path("base")],
            upper: Upper::Disk,
            binds: Vec::new(),
            listen: Vec::new(),
            limits: Limits::default(),
        }
    }

    pub fn spawn(&self, id: &str) -> Box<dyn Sandbox> {
        self.level.create(&self.spec(id)).expect("a box")
    }
}

pub fn install(sandbox: &dyn Sandbox, path: &str, bytes: &[u8]) {
    let mut file = sandbox.create_file(Path::new(path), 0o644).expect("a file");
    file.write_all(bytes).expect("written");
}

pub fn command(words: &[&str]) -> ExecSpec {
    let argv = words.iter().map(|word| (*word).to_owned()).collect();
    ExecSpec { argv, env: BTreeMap::new(), ..ExecSpec::default() }
}

/// Starts the program as `/program.wasm`, for a minute at most.
pub fn start(sandbox: &dyn Sandbox, program: &Program) -> Running {
    install(sandbox, "/program.wasm", &program.component());
    let spec = ExecSpec { timeout_ms: Some(60_000), ..command(&["/program.wasm"]) };
    sandbox.exec(&spec).expect("it starts")
}

pub fn run(sandbox: &dyn Sandbox, program: &Program) -> Output {
    start(sandbox, program).output(b"", 1 << 20).expect("it ends")
}

pub fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test of real threads waits in real time")]
pub fn pause(ms: u64) {
    std::thread::sleep(std::time::Duration::from_millis(ms));
}
