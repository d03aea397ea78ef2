//! An engine over a folder of its own, with a box over the machine's programs.

use crate::memory::MemoryHub;
use crate::spawner::end_staying;
use greenroom_boxes::Error;
use greenroom_boxes::engine::{Engine, ExecRequest, Printed, Setup};
use greenroom_boxes::network::Secrets;
use greenroom_boxes::sandbox::Launch;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Handle;

pub struct World {
    pub dir: TempDir,
    pub engine: Engine,
    runtime: Option<Handle>,
    secrets: Option<Arc<dyn Secrets>>,
}

impl World {
    /// With a box `work` of an image that has the machine's shell.
    pub fn new() -> World {
        World::with(None, None)
    }

    /// With a network, and what is secret in it.
    pub fn with(runtime: Option<Handle>, secrets: Option<Arc<dyn Secrets>>) -> World {
        let dir = tempfile::tempdir().unwrap();
        let engine = open(dir.path(), runtime.clone(), secrets.clone());
        let world = World { dir, engine, runtime, secrets };
        world.image("plain", "base = \"host\"\n[files]\n\"/srv/a\" = { text = \"one\\n\" }\n");
        world.create("plain", "work");
        world
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Builds a box's folder.
    pub fn image(&self, name: &str, spec: &str) {
        let folder = self.folder(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("box.toml"), spec).unwrap();
        self.engine.build(&[&folder], &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn create(&self, image: &str, name: &str) {
        let image = self.engine.image(image).unwrap();
        self.engine.create(&image, name, None).unwrap();
    }

    pub fn exec(&self, name: &str, request: &ExecRequest) -> Result<Printed, Error> {
        self.engine.exec(name, request, b"", &mut |_, _| {})
    }

    /// What a line of shell prints.
    pub fn sh(&self, name: &str, line: &str) -> String {
        let printed = self.exec(name, &ExecRequest::of(["sh", "-c", line])).unwrap();
        assert!(printed.is_success(), "{line}: {printed:?}");
        printed.stdout
    }

    /// As a crash of the spawner: all sandboxes end at once.
    pub fn kill_spawner(&self) {
        self.kill_spawner_in(&self.folder("boxes"));
    }

    pub fn kill_spawner_in(&self, boxes: &Path) {
        let entries = std::fs::read_dir(boxes.join("spawner")).unwrap().flatten();
        let pids = entries.filter_map(|entry| {
            entry.file_name().to_str()?.strip_prefix("spawner-")?.parse::<i32>().ok()
        });
        for pid in pids.filter_map(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    /// Where a box writes now.
    pub fn upper(&self, name: &str) -> PathBuf {
        let dirs = std::fs::read_dir(self.folder("boxes/boxes").join(name)).unwrap().flatten();
        let uppers = dirs.map(|dir| dir.path().join("upper")).filter(|upper| upper.is_dir());
        uppers.max().unwrap()
    }

    /// Another engine over the same folder, as another process has it.
    pub fn another(&self) -> Engine {
        open(self.dir.path(), self.runtime.clone(), self.secrets.clone())
    }
}

impl World {
    /// One as a node has it, whose boxes speak by this hub.
    pub fn node(&self, hub: &MemoryHub) -> Engine {
        let setup =
            Setup { hub: Some(Arc::new(hub.clone())), ..setup(&self.runtime, &self.secrets) };
        Engine::open(&self.dir.path().join("boxes"), setup).unwrap()
    }
}

/// An engine over a folder in this one.
pub fn open(dir: &Path, runtime: Option<Handle>, secrets: Option<Arc<dyn Secrets>>) -> Engine {
    Engine::open(&dir.join("boxes"), setup(&runtime, &secrets)).unwrap()
}

fn setup(runtime: &Option<Handle>, secrets: &Option<Arc<dyn Secrets>>) -> Setup {
    let program = env!("CARGO_BIN_EXE_greenroom-box-spawner");
    let (runtime, secrets) = (runtime.clone(), secrets.clone());
    Setup { launch: Launch::Program(program.into()), runtime, secrets, ..Setup::default() }
}

impl Drop for World {
    fn drop(&mut self) {
        for known in self.engine.list().unwrap_or_default() {
            let _ = self.engine.discard(&known.row.name);
        }
        end_staying(&self.folder("boxes/spawner"));
    }
}
