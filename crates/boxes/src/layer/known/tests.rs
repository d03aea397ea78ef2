//! What has not changed is not read again, and what has changed always is.

use super::*;
use crate::layer::{Bounds, scan_running};
use crate::steps::Steps;
use crate::store::Store;
use crate::tree::Manifest;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Case {
    dir: tempfile::TempDir,
    store: Store,
    read: Arc<AtomicUsize>,
    stack: Stack,
}

impl Case {
    fn new() -> Case {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("upper")).unwrap();
        let read = Arc::new(AtomicUsize::new(0));
        let count = read.clone();
        let steps = Steps::told_to(move |step| {
            count.fetch_add(usize::from(step == "write a blob"), Ordering::Relaxed);
        });
        let store = Store::open_told(&dir.path().join("store"), steps).unwrap();
        Case { dir, store, read, stack: Stack::new(Vec::new()) }
    }

    fn upper(&self, name: &str) -> PathBuf {
        self.dir.path().join("upper").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.upper(name), text).unwrap();
    }

    /// Seals what is there, and says how many files were read for it.
    fn seal(&mut self) -> (Manifest, usize) {
        let noted = self.dir.path().join("known.json");
        let before = self.read.load(Ordering::Relaxed);
        let mut known = Known::load(&noted, &self.stack);
        let mut writing = self.store.write().unwrap();
        let (upper, bounds) = (self.dir.path().join("upper"), Bounds::default());
        let manifest = scan_running(&upper, &bounds, &mut writing, &mut known).unwrap().0;
        let read = self.read.load(Ordering::Relaxed) - before;
        let id = writing.layer(manifest.clone()).unwrap();
        self.stack.push(id, Arc::new(manifest.clone()));
        known.keep(&noted).unwrap();
        (manifest, read)
    }

    fn is(&self, manifest: &Manifest, name: &str, text: &str) -> bool {
        let is = manifest.entries().get(&TreePath::new(name).unwrap());
        matches!(is, Some(Entry::File { hash, .. }) if *hash == BlobHash::of(text.as_bytes()))
    }
}

/// Past the tick of the clock that files have their times from.
#[expect(clippy::disallowed_methods, reason = "file times are real")]
fn tick() {
    std::thread::sleep(std::time::Duration::from_millis(30));
}

#[test]
fn only_what_has_changed_is_read_again() {
    let mut case = Case::new();
    for number in 0..100 {
        case.write(&number.to_string(), &format!("file {number}"));
    }
    tick();
    let (first, read) = case.seal();
    assert_eq!(read, 100);
    let (second, read) = case.seal();
    assert_eq!((read, second == first), (0, true));
    case.write("7", "File 7");
    std::fs::rename(case.upper("8"), case.upper("new")).unwrap();
    tick();
    let (third, read) = case.seal();
    assert_eq!(read, 2);
    assert!(case.is(&third, "7", "File 7") && case.is(&third, "new", "file 8"));
    assert_eq!(case.seal().1, 0);
    // A time that a program has set back hides nothing.
    case.write("9", "File 9");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    File::options().write(true).open(case.upper("9")).unwrap().set_modified(old).unwrap();
    let (fourth, read) = case.seal();
    assert_eq!((read, case.is(&fourth, "9", "File 9")), (1, true));
}

#[test]
fn a_change_of_the_same_size_in_the_same_tick_is_seen() {
    let mut case = Case::new();
    for round in 0..30 {
        case.write("a", &format!("one {round:03}"));
        case.seal();
        let other = format!("two {round:03}");
        File::options()
            .write(true)
            .open(case.upper("a"))
            .unwrap()
            .write_all(other.as_bytes())
            .unwrap();
        let (manifest, _) = case.seal();
        assert!(case.is(&manifest, "a", &other), "round {round}");
    }
}

#[test]
fn what_was_changed_in_the_tick_of_the_reading_is_not_noted() {
    let case = Case::new();
    case.write("a", "one");
    let file = File::open(case.upper("a")).unwrap();
    let stat = rustix::fs::fstat(&file).unwrap();
    let (seconds, nanos) = (stat.st_ctime, stat.st_ctime_nsec);
    for (began, noted) in [((seconds, nanos), 0), ((seconds, nanos + 1), 1)] {
        let mut known = Known { began, ..Known::default() };
        known.note(&TreePath::new("a").unwrap(), &stat, &file, BlobHash::of(b"one"));
        assert_eq!(known.next.len(), noted);
    }
}

#[test]
fn what_is_open_for_writing_is_read_each_time() {
    let mut case = Case::new();
    case.write("a", "one");
    let mut open = File::options().write(true).open(case.upper("a")).unwrap();
    tick();
    assert_eq!((case.seal().1, case.seal().1), (1, 1));
    open.rewind().unwrap();
    open.write_all(b"two").unwrap();
    drop(open);
    tick();
    let (manifest, read) = case.seal();
    assert_eq!((read, case.is(&manifest, "a", "two"), case.seal().1), (1, true, 0));
}

#[test]
fn what_the_layers_do_not_have_or_the_note_does_not_say_is_read() {
    let mut case = Case::new();
    case.write("a", "one");
    tick();
    case.seal();
    // As after a commit that was rebased, and a sweep: nobody says that the blob stays.
    let stack = std::mem::replace(&mut case.stack, Stack::new(Vec::new()));
    assert_eq!(case.seal().1, 1);
    case.stack = stack;
    std::fs::write(case.dir.path().join("known.json"), "{\"format\":1,\"fil").unwrap();
    assert_eq!(case.seal().1, 1);
    assert_eq!(case.seal().1, 0);
}
