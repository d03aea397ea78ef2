//! SIGKILL before each step of a commit and of an export. What the next process finds is
//! all old or all new, and it can go on.
//!
//! The test starts itself as a child, which counts its steps and kills itself at one.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what a test expects and does not find fails it"
)]

use greenroom_boxes::branch::{Branches, Mode, State, Terms};
use greenroom_boxes::export::{HostDir, Recovered};
use greenroom_boxes::layer::{Bounds, lower, scan};
use greenroom_boxes::store::Writing;
use greenroom_boxes::tree::{Changes, Entry, Manifest};
use greenroom_boxes::{Error, Steps, TreePath};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a child is told by its environment.
const SCENE: &str = "BOXES_CRASH_SCENE";
const DIR: &str = "BOXES_CRASH_DIR";
const AT: &str = "BOXES_CRASH_AT";

const KILL: i32 = 9;

/// More steps than any scene has.
const STEPS_MAX: u64 = 500;

/// Kills this process at a step.
fn killed_at(at: u64) -> Steps {
    let count = AtomicU64::new(0);
    Steps::told_to(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == at {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        }
    })
}

fn manifest(writing: &mut Writing<'_>, files: &[(&str, &str)]) -> Manifest {
    let mut entries = BTreeMap::new();
    for (path, text) in files {
        let entry = if *text == "-" {
            Entry::Tombstone
        } else {
            let (hash, size) = writing.blob(&mut text.as_bytes(), 100).unwrap();
            Entry::file(hash, size, 0o644)
        };
        entries.insert(TreePath::new(*path).unwrap(), entry);
    }
    Manifest::with_folders(entries).unwrap()
}

fn seal(boxes: &Branches, name: &str, files: &[(&str, &str)]) {
    let mut writing = boxes.store().write().unwrap();
    let manifest = manifest(&mut writing, files);
    boxes.seal(&mut writing, name, manifest).unwrap();
}

/// Between fork and exec a child that another test starts has all locks of this process.
fn sweep(boxes: &Branches) {
    loop {
        match boxes.sweep(&BTreeSet::new()) {
            Err(Error::Busy(_)) => std::thread::yield_now(),
            swept => {
                swept.unwrap();
                return;
            }
        }
    }
}

/// The child's part. Does nothing when the tests are run.
#[test]
fn child() {
    let Ok(scene) = std::env::var(SCENE) else { return };
    let dir = std::env::var(DIR).unwrap();
    let steps = killed_at(std::env::var(AT).unwrap().parse().unwrap());
    match scene.as_str() {
        "commit" => commit(&Branches::open_told(Path::new(&dir), steps).unwrap()),
        "sweep" => {
            let boxes = Branches::open_told(Path::new(&dir), steps).unwrap();
            sweep(&boxes);
        }
        "recover" => drop(open_host(Path::new(&dir), steps).unwrap()),
        _ => export(Path::new(&dir), steps),
    }
}

fn run(name: &str, dir: &Path, at: u64) -> ExitStatus {
    scene(Command::new(std::env::current_exe().unwrap()), name, dir, at)
}

fn scene(mut child: Command, name: &str, dir: &Path, at: u64) -> ExitStatus {
    child.args(["--exact", "child", "--nocapture"]).stdout(Stdio::null()).stderr(Stdio::null());
    child.env(SCENE, name).env(DIR, dir).env(AT, at.to_string());
    child.status().unwrap()
}

/// Calls for each step until the scene runs to its end, and returns how many there were.
fn each_step(scene: &str, mut case: impl FnMut(&mut dyn FnMut(&Path) -> bool)) -> u64 {
    for at in 1..STEPS_MAX {
        let mut survived = false;
        case(&mut |dir| {
            let status = run(scene, dir, at);
            survived = status.success();
            assert!(survived || status.signal() == Some(KILL), "step {at}: {status}");
            survived
        });
        if survived {
            return at - 1;
        }
    }
    panic!("{scene} never ends");
}

/// The calls by which something changes on disk.
const CALLS: [&str; 18] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "syncfs",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "fchmod",
    "ftruncate",
    "flock",
    "symlinkat",
    "close",
];

/// The same for each system call that a scene makes; returns how many there were.
fn each_call(
    name: &str,
    calls: &[&str],
    mut case: impl FnMut(&mut dyn FnMut(&Path) -> bool),
) -> u64 {
    let mut kills = 0;
    for call in calls {
        for when in 1..STEPS_MAX {
            let mut survived = false;
            case(&mut |dir| {
                let mut child = Command::new("strace");
                let inject = format!("inject={call}:signal=KILL:when={when}");
                child.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
                child.arg(inject).arg(std::env::current_exe().unwrap());
                let status = scene(child, name, dir, 0);
                survived = status.success();
                // strace ends as its child does; another end is its own.
                assert!(survived || status.signal() == Some(KILL), "{call} {when}: {status}");
                survived
            });
            if survived {
                kills += when - 1;
                break;
            }
        }
    }
    kills
}

const WRITTEN: [(&str, &str); 4] = [("a", "two"), ("b", "-"), ("new/x", "two"), ("new/y", "2")];
const TERMS: Terms = Terms { mode: Mode::Rebase, merge_text: false };

fn commit(boxes: &Branches) {
    seal(boxes, "two", &WRITTEN);
    boxes.commit("two", TERMS).unwrap();
}

/// `main` has moved on since `two` began.
fn prepare(dir: &Path) -> Branches {
    let boxes = Branches::open(dir).unwrap();
    let mut writing = boxes.store().write().unwrap();
    let base = manifest(&mut writing, &[("a", "1"), ("b", "1"), ("c", "1")]);
    let id = writing.layer(base).unwrap();
    boxes.found(&writing, "main", &[id]).unwrap();
    drop(writing);
    boxes.branch("main", "one").unwrap();
    boxes.branch("main", "two").unwrap();
    seal(&boxes, "one", &[("c", "one")]);
    boxes.commit("one", TERMS).unwrap();
    boxes
}

fn files(boxes: &Branches, name: &str) -> BTreeMap<String, String> {
    let stack = boxes.store().stack(&boxes.head(name).unwrap().stack).unwrap();
    let flat = stack.flat().into_iter();
    let files = flat.filter_map(|(path, entry)| match entry {
        Entry::File { hash, .. } => {
            Some((path.to_string(), String::from_utf8(boxes.store().blob(hash).unwrap()).unwrap()))
        }
        _ => None,
    });
    files.collect()
}

fn expected(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[derive(Default)]
struct Found {
    undone: u64,
    done: u64,
}

impl Found {
    /// Looks at what a commit has left that was killed or not: all old, so that it can be
    /// made again, or all new.
    fn after_commit(&mut self, dir: &Path) {
        let old = expected(&[("a", "1"), ("b", "1"), ("c", "one")]);
        let new = expected(&[("a", "two"), ("c", "one"), ("new/x", "two"), ("new/y", "2")]);
        let boxes = Branches::open(dir).unwrap();
        let head = boxes.head("two").unwrap();
        if head.state == State::Committed {
            self.done += 1;
        } else {
            self.undone += 1;
            assert_eq!(files(&boxes, "main"), old);
            // What the crash has left is no obstacle, and neither is its removal.
            sweep(&boxes);
            if head.moves == 0 {
                seal(&boxes, "two", &WRITTEN);
            }
            boxes.commit("two", TERMS).unwrap();
        }
        assert_eq!(files(&boxes, "main"), new);
        sweep(&boxes);
        assert_eq!(files(&boxes, "main"), new);
    }
}

#[test]
fn a_commit_that_is_killed_is_all_or_nothing() {
    let mut found = Found::default();
    let steps = each_step("commit", |killed| {
        let dir = tempfile::tempdir().unwrap();
        drop(prepare(dir.path()));
        killed(dir.path());
        found.after_commit(dir.path());
    });
    let Found { undone, done } = found;
    assert!(steps >= 14 && undone >= 12 && done >= 1, "{steps} steps, {undone}, {done}");
}

#[test]
fn a_commit_that_is_killed_at_each_system_call_is_all_or_nothing() {
    let mut found = Found::default();
    let kills = each_call("commit", &CALLS, |killed| {
        let dir = tempfile::tempdir().unwrap();
        drop(prepare(dir.path()));
        killed(dir.path());
        found.after_commit(dir.path());
    });
    let Found { undone, done } = found;
    assert!(undone > 50 && done > 12, "{kills} kills: {undone} undone, {done} done");
}

#[test]
fn a_sweep_that_is_killed_takes_nothing_that_is_needed() {
    each_step("sweep", |killed| {
        let dir = tempfile::tempdir().unwrap();
        let boxes = prepare(dir.path());
        seal(&boxes, "two", &WRITTEN);
        let before = files(&boxes, "main");
        boxes.discard("two").unwrap();
        drop(boxes);
        killed(dir.path());
        let boxes = Branches::open(dir.path()).unwrap();
        sweep(&boxes);
        assert_eq!(files(&boxes, "main"), before);
        // What was swept half can be written again.
        boxes.branch("main", "two").unwrap();
        seal(&boxes, "two", &WRITTEN);
        boxes.commit("two", TERMS).unwrap();
        assert_eq!(files(&boxes, "main")["a"], "two");
    });
}

#[test]
fn a_layer_that_was_half_removed_is_written_out_anew() {
    const REMOVING: [&str; 6] = ["unlink", "unlinkat", "rename", "renameat", "rmdir", "close"];
    let mut kills = 0;
    let calls = each_call("sweep", &REMOVING, |killed| {
        let dir = tempfile::tempdir().unwrap();
        let boxes = prepare(dir.path());
        seal(&boxes, "two", &WRITTEN);
        let top = *boxes.head("two").unwrap().stack.last().unwrap();
        lower(boxes.store(), top).unwrap();
        boxes.discard("two").unwrap();
        drop(boxes);
        kills += u64::from(!killed(dir.path()));
        let boxes = Branches::open(dir.path()).unwrap();
        boxes.branch("main", "two").unwrap();
        boxes.branch("main", "again").unwrap();
        seal(&boxes, "again", &WRITTEN);
        let again = *boxes.head("again").unwrap().stack.last().unwrap();
        assert_eq!(again, top, "the same changes");
        let lower = lower(boxes.store(), top).unwrap();
        for (path, text) in [("a", "two"), ("new/x", "two"), ("new/y", "2")] {
            assert_eq!(std::fs::read_to_string(lower.join(path)).unwrap(), text);
        }
        assert!(std::fs::symlink_metadata(lower.join("b")).is_ok(), "the tombstone");
    });
    assert!(calls >= 8 && kills == calls, "{calls} calls, {kills} kills");
}

const BEFORE: [(&str, &str); 4] = [("a", "1"), ("d/e/x", "1"), ("f", "1"), ("t/x", "1")];
const AFTER: [(&str, &str); 4] = [("a", "2"), ("f/in", "2"), ("n/m/x", "2"), ("t", "2")];

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        std::fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
        std::fs::write(dir.join(path), text).unwrap();
    }
}

/// A folder of the machine, and trees as it is and as it is to be.
fn hosts(dir: &Path) {
    for (name, files) in [("before", &BEFORE), ("host", &BEFORE), ("after", &AFTER)] {
        write(&dir.join(name), files);
    }
}

fn tree(boxes: &Branches, dir: &Path) -> Manifest {
    let mut writing = boxes.store().write().unwrap();
    let manifest = scan(dir, &Bounds::default(), &mut writing).unwrap();
    writing.layer(manifest.clone()).unwrap();
    manifest
}

fn open_host(dir: &Path, steps: Steps) -> Result<(HostDir, Recovered), Error> {
    HostDir::open_told(&dir.join("host"), &dir.join("exports"), steps)
}

/// Whether an export that was cut off had its plan written down.
fn is_planned(dir: &Path) -> bool {
    let records = std::fs::read_dir(dir.join("exports")).into_iter().flatten().flatten();
    let mut records = records.filter(|entry| entry.path().extension().is_none());
    records.any(|entry| std::fs::read_to_string(entry.path()).unwrap().contains("\"planned\""))
}

fn export(dir: &Path, steps: Steps) {
    let boxes = Branches::open(&dir.join("store")).unwrap();
    let stack = |manifest: Manifest| boxes.store().stack(&[manifest.id()]).unwrap();
    let before = stack(tree(&boxes, &dir.join("before")));
    let after = stack(tree(&boxes, &dir.join("after")));
    let (host, _) = open_host(dir, steps).unwrap();
    host.export(boxes.store(), &Changes::between(&before, &after), false).unwrap();
}

/// Opens the folder after an export that was killed or not, and looks at what is there.
fn after_export(dir: &Path, survived: bool) -> Recovered {
    let (host, recovered) = open_host(dir, Steps::default()).unwrap();
    drop(host);
    let boxes = Branches::open(&dir.join("store")).unwrap();
    let found = tree(&boxes, &dir.join("host"));
    // The lock; before the first record not even that.
    assert!(std::fs::read_dir(dir.join("exports")).unwrap().count() <= 1);
    let (before, after) = (tree(&boxes, &dir.join("before")), tree(&boxes, &dir.join("after")));
    match recovered {
        Recovered::Finished => assert_eq!(found, after),
        Recovered::Undone => assert_eq!(found, before),
        // Killed before it began, or after all was done.
        Recovered::Nothing => assert!(found == after || (!survived && found == before)),
    }
    recovered
}

#[test]
fn an_export_that_is_killed_is_finished_or_undone_at_the_next_open() {
    let (mut undone, mut finished) = (0, 0);
    each_step("export", |killed| {
        let dir = tempfile::tempdir().unwrap();
        hosts(dir.path());
        let survived = killed(dir.path());
        match after_export(dir.path(), survived) {
            Recovered::Finished => finished += 1,
            Recovered::Undone => undone += 1,
            Recovered::Nothing => {}
        }
    });
    assert!(undone >= 5 && finished >= 8, "{undone} undone, {finished} finished");
}

#[test]
fn an_export_that_is_killed_at_each_system_call_is_finished_or_undone() {
    let kills = each_call("export", &CALLS, |killed| {
        let dir = tempfile::tempdir().unwrap();
        hosts(dir.path());
        let survived = killed(dir.path());
        after_export(dir.path(), survived);
    });
    assert!(kills > 200, "only {kills} kills");
}

#[test]
fn an_export_that_is_killed_twice_is_finished_by_the_third() {
    // Recovery is killed at each of its own steps, too.
    let decided = (1..STEPS_MAX).find(|at| {
        let dir = tempfile::tempdir().unwrap();
        hosts(dir.path());
        run("export", dir.path(), *at);
        is_planned(dir.path())
    });
    let steps = each_step("recover", |killed| {
        let dir = tempfile::tempdir().unwrap();
        hosts(dir.path());
        run("export", dir.path(), decided.unwrap());
        killed(dir.path());
        drop(open_host(dir.path(), Steps::default()).unwrap());
        let boxes = Branches::open(&dir.path().join("store")).unwrap();
        let after = tree(&boxes, &dir.path().join("after"));
        assert_eq!(tree(&boxes, &dir.path().join("host")), after);
    });
    assert!(steps >= 10, "{steps} steps");
}
