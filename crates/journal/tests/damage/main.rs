//! A store file whose bits have flipped, or that is cut short, gives the right
//! histories or an error: never another history.

#![expect(clippy::expect_used, reason = "a test: its helpers fail like it does")]

mod kept;
mod one_row;

use greenroom_journal::{Journal, Sqlite, SqliteOptions};
use greenroom_model::Millis;
use kept::{Histories, fill, read};
use std::path::Path;

const FLIPS: u64 = 400;
const CUTS: u64 = 100;

/// SplitMix64: the same damage in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// The file and the log beside it, if any.
#[derive(Clone)]
struct Files {
    store: Vec<u8>,
    log: Option<Vec<u8>>,
}

impl Files {
    fn take(path: &Path) -> Files {
        let log = std::fs::read(path.with_extension("db-wal")).ok();
        Files { store: std::fs::read(path).expect("reads"), log }
    }

    fn lay(&self, directory: &Path) -> std::path::PathBuf {
        let path = directory.join("store.db");
        for old in ["store.db", "store.db-wal", "store.db-shm"] {
            let _ = std::fs::remove_file(directory.join(old));
        }
        std::fs::write(&path, &self.store).expect("writes");
        if let Some(log) = &self.log {
            std::fs::write(path.with_extension("db-wal"), log).expect("writes");
        }
        path
    }

    fn flip(&mut self, chance: &mut Chance) {
        let bytes = match &mut self.log {
            Some(log) if chance.below(2) == 0 => log,
            _ => &mut self.store,
        };
        let place = chance.below(bytes.len());
        bytes[place] ^= 1 << chance.below(8);
    }

    fn cut(&mut self, chance: &mut Chance) {
        let bytes = match &mut self.log {
            Some(log) => log,
            None => &mut self.store,
        };
        bytes.truncate(chance.below(bytes.len()));
    }
}

/// What came of one damaged store.
#[derive(Default, Debug)]
struct Tally {
    refused: usize,
    told: usize,
    unharmed: usize,
    shorter: usize,
}

fn judge(directory: &Path, files: &Files, right: &Histories, tally: &mut Tally) {
    let path = files.lay(directory);
    let Ok(journal) = Sqlite::open(&path, SqliteOptions::default()) else {
        tally.refused += 1;
        return;
    };
    let Ok(found) = read(&journal) else {
        tally.told += 1;
        return;
    };
    if found == *right {
        tally.unharmed += 1;
        return;
    }
    // With a log, the store may be as it was some commits ago.
    if files.log.is_some() && found.is_prefix_of(right) {
        tally.shorter += 1;
        return;
    }
    let words = journal.verify(&mut |_| ());
    let noticed = words.as_ref().map_or(true, |words| !words.is_empty());
    assert!(noticed && found.is_part_of(right), "{words:?}\n{}", found.difference(right));
    tally.told += 1;
}

fn try_all(files: &Files, right: &Histories) -> Tally {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut tally = Tally::default();
    judge(directory.path(), files, right, &mut tally);
    assert_eq!(tally.unharmed, 1, "the files as they were");
    for seed in 0..FLIPS {
        let (mut chance, mut files) = (Chance(seed), files.clone());
        (0..=chance.below(3)).for_each(|_| files.flip(&mut chance));
        judge(directory.path(), &files, right, &mut tally);
    }
    for seed in 0..CUTS {
        let mut files = files.clone();
        files.cut(&mut Chance(seed));
        judge(directory.path(), &files, right, &mut tally);
    }
    tally
}

#[test]
fn of_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    let journal = Sqlite::open(&path, SqliteOptions::default()).expect("opens");
    fill(&journal);
    let right = read(&journal).expect("reads");
    drop(journal);
    let files = Files::take(&path);
    assert!(files.log.is_none(), "a store that was closed has no log");
    let tally = try_all(&files, &right);
    println!("{tally:?}");
    assert!(tally.refused + tally.told > 100, "{tally:?}");
}

#[test]
fn of_the_log() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    let journal = Sqlite::open(&path, SqliteOptions::default()).expect("opens");
    fill(&journal);
    let right = read(&journal).expect("reads");
    // As a power cut would leave them.
    let files = Files::take(&path);
    let tally = try_all(&files, &right);
    println!("{tally:?}");
    assert!(tally.shorter > 50, "{tally:?}");
}

/// The log is longer than what is written in it, and the newest times and
/// numbers are in the turns alone: a node that comes after a crash has both
/// right, however often it crashes.
#[test]
fn none_of_a_killed_node() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    let journal = Sqlite::open(&path, SqliteOptions::default()).expect("opens");
    fill(&journal);
    let right = read(&journal).expect("reads");
    let mut files = Files::take(&path);
    let log = files.log.as_ref().expect("has a log");
    assert!(log.ends_with(&[0; 4096]), "room is made ahead");
    for _ in 0..3 {
        let other = tempfile::tempdir().expect("a temporary directory");
        let path = files.lay(other.path());
        let journal = Sqlite::open(&path, SqliteOptions::default()).expect("opens");
        assert!(read(&journal).expect("reads") == right);
        let lease = journal.acquire("next", Millis(1)).expect("acquires");
        assert_eq!(lease.seen, Millis(kept::ROUNDS));
        assert_eq!(journal.verify(&mut |_| ()).expect("verifies"), Vec::<String>::new());
        files = Files::take(&path);
    }
    // A log of zeros alone is an empty one.
    let other = tempfile::tempdir().expect("a temporary directory");
    drop(journal);
    let closed = Files { log: Some(vec![0; 200_000]), ..Files::take(&path) };
    let journal = Sqlite::open(closed.lay(other.path()), SqliteOptions::default()).expect("opens");
    assert!(read(&journal).expect("reads") == right);
    assert_eq!(journal.acquire("next", Millis(1)).expect("acquires").seen, Millis(kept::ROUNDS));
}
