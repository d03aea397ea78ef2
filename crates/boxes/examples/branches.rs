//! Measures branching and committing over a large tree, without any box: what the heads
//! and layers cost alone. `cargo run --release -p greenroom-boxes --example branches`.

use greenroom_boxes::branch::{Branches, Mode, Terms};
use greenroom_boxes::store::Writing;
use greenroom_boxes::tree::{Entry, Manifest};
use greenroom_boxes::{BlobHash, TreePath};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

/// Files of the tree.
const TREE_FILES: usize = 50_000;

/// Files that a branch changes, and their bytes.
const CHANGED_FILES: usize = 100;
const CHANGED_BYTES: usize = 21_000;

const ROUNDS: usize = 50;

fn path(number: usize) -> Result<TreePath, Box<dyn Error>> {
    Ok(TreePath::new(format!("src/{:03}/{number:05}.rs", number % 500))?)
}

/// What a part takes, in microseconds.
struct Times {
    name: &'static str,
    micros: Vec<u128>,
}

impl Times {
    fn new(name: &'static str) -> Times {
        Times { name, micros: Vec::new() }
    }

    #[expect(clippy::disallowed_methods, reason = "a bench is about the clock")]
    fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.micros.push(start.elapsed().as_micros());
        done
    }

    fn print(mut self) {
        self.micros.sort_unstable();
        let at = |share: usize| self.micros.get(self.micros.len() * share / 100).unwrap_or(&0);
        println!(
            "{:28} p50 {:>8} us   min {:>8} us   p90 {:>8} us",
            self.name,
            at(50),
            at(0),
            at(90)
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Beside the build: where temporary files are may be no real disk.
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let boxes = Branches::open(dir.path())?;
    let mut entries = BTreeMap::new();
    for number in 0..TREE_FILES {
        let hash = BlobHash::of(&number.to_le_bytes());
        entries.insert(path(number)?, Entry::file(hash, 8, 0o644));
    }
    let base = Manifest::with_folders(entries)?;
    let mut writing = boxes.store().write()?;
    let id = writing.layer(base)?;
    boxes.found(&writing, "main", &[id])?;
    drop(writing);
    let mut reading = Times::new("read the tree, cold");
    reading.take(|| Branches::open(dir.path())?.store().layer(id).map(drop))?;
    reading.print();

    let (mut branch, mut blobs, mut seal, mut first, mut rebase) = (
        Times::new("branch"),
        Times::new("take in 100 files"),
        Times::new("seal them"),
        Times::new("commit, parent unmoved"),
        Times::new("commit, rebased"),
    );
    for round in 0..ROUNDS {
        for (name, offset) in [("one", 0), ("two", CHANGED_FILES)] {
            branch.take(|| boxes.branch("main", name))?;
            let mut writing = boxes.store().write()?;
            let changed = blobs.take(|| changed(&mut writing, name, round, offset))?;
            seal.take(|| boxes.seal(&mut writing, name, changed))?;
        }
        let terms = Terms { mode: Mode::Rebase, merge_text: false };
        first.take(|| boxes.commit("one", terms))?;
        rebase.take(|| boxes.commit("two", terms))?;
    }
    [branch, blobs, seal, first, rebase].into_iter().for_each(Times::print);
    Ok(())
}

fn changed(
    writing: &mut Writing<'_>,
    name: &str,
    round: usize,
    offset: usize,
) -> Result<Manifest, Box<dyn Error>> {
    let mut entries = BTreeMap::new();
    for number in offset..offset + CHANGED_FILES {
        let text = format!("{name} {round} {number} ").repeat(CHANGED_BYTES / 12);
        let (hash, size) = writing.blob(&mut text.as_bytes(), 1 << 20)?;
        entries.insert(path(number)?, Entry::file(hash, size, 0o644));
    }
    Ok(Manifest::with_folders(entries)?)
}
