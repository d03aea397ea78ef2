//! Folders of boxes, a store, and what a build told.

use greenroom_boxes::Error;
use greenroom_boxes::TreePath;
use greenroom_boxes::branch::Branches;
use greenroom_boxes::build::{Builder, Image, Progress};
use greenroom_boxes::layer::lower;
use greenroom_boxes::sandbox::{Bind, Level, Limits, SandboxSpec, Upper};
use greenroom_boxes::tree::Entry;
use std::path::{Path, PathBuf};

use crate::house::{House, command, run, text};

pub struct World {
    pub house: House,
    pub store: Branches,
}

/// What a build told.
#[derive(Debug, Default)]
pub struct Told(pub Vec<Progress>);

impl Told {
    /// How many steps did something.
    pub fn worked(&self) -> usize {
        self.0.iter().filter(|told| matches!(told, Progress::Ended { cached: false, .. })).count()
    }

    /// What each step that did something was.
    pub fn work(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut last = String::new();
        for told in &self.0 {
            match told {
                Progress::Began { what, .. } => last.clone_from(what),
                Progress::Ended { cached: false, .. } => names.push(last.clone()),
                _ => {}
            }
        }
        names
    }

    pub fn lines(&self) -> Vec<&str> {
        let line = |told: &Progress| matches!(told, Progress::Output { .. });
        let lines = self.0.iter().filter(|told| line(told));
        lines
            .filter_map(|told| match told {
                Progress::Output { line, .. } => Some(line.as_str()),
                _ => None,
            })
            .collect()
    }
}

impl World {
    pub fn new() -> World {
        let house = House::new();
        let store = Branches::open(&house.dir.path().join("store")).expect("a store");
        World { house, store }
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.house.dir.path().join("boxes").join(name)
    }

    /// Writes a file of a box's folder.
    pub fn write(&self, name: &str, text: &str) -> &World {
        let path = self.folder(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
        self
    }

    pub fn builder(&self) -> Builder<'_> {
        Builder::new(&self.store, self.house.level())
    }

    pub fn build(&self, name: &str) -> Result<(Image, Told), Error> {
        let mut told = Told::default();
        let image =
            self.builder().build(&self.folder(name), &mut |one| told.0.push(one.clone()))?;
        Ok((image, told))
    }

    pub fn built(&self, name: &str) -> (Image, Told) {
        self.build(name).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn refusal(&self, name: &str) -> String {
        self.build(name).expect_err("refused").to_string()
    }

    pub fn entry(&self, image: &Image, path: &str) -> Option<Entry> {
        let stack = self.store.store().stack(&image.stack).expect("a stack");
        stack.get(&TreePath::new(path).expect("a path")).cloned()
    }

    pub fn file(&self, image: &Image, path: &str) -> Option<String> {
        match self.entry(image, path)? {
            Entry::File { hash, .. } => {
                let bytes = self.store.store().blob(hash).expect("a blob");
                Some(String::from_utf8(bytes).expect("text"))
            }
            other => panic!("{path}: {other:?}"),
        }
    }

    /// What a command prints in a box of the image.
    pub fn run(&self, image: &Image, words: &[&str]) -> String {
        let lowers = image.stack.iter().map(|id| lower(self.store.store(), *id).expect("lower"));
        let bind =
            |dir: &PathBuf| Bind { source: dir.clone(), target: dir.clone(), writable: false };
        let spec = SandboxSpec {
            id: "image".to_owned(),
            lower: lowers.collect(),
            upper: Upper::Disk,
            binds: image.machine_dirs.iter().map(bind).collect(),
            limits: Limits::default(),
            listen: Vec::new(),
        };
        let sandbox = self.house.level().create(&spec).expect("a box");
        let mut exec = command(words);
        exec.env.clone_from(&image.env);
        text(&run(&*sandbox, &exec))
    }

    /// What lies in the store's folder of unfinished things.
    pub fn scraps(&self) -> usize {
        std::fs::read_dir(self.store_dir().join("tmp")).expect("tmp").count()
    }

    pub fn store_dir(&self) -> &Path {
        self.store.store().dir()
    }
}
