//! An engine is killed at the system calls by which it changes something: files, rows, a message
//! to the spawner or to a box. Whoever opens the folder next finds each box whole, works with it,
//! and leaves nothing behind.
//!
//! Here at some calls of each scene, evenly; with `BOXES_KILLED_ALL=1` (`./dev soak`) at each.

use crate::world::World;
use greenroom_boxes::branch::{Mode, Terms};
use greenroom_boxes::engine::{Engine, ExecRequest, Snapshot};
use greenroom_boxes::export::HostDir;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a child is told by its environment.
const SCENE: &str = "BOXES_KILLED_SCENE";
const DIR: &str = "BOXES_KILLED_DIR";
const NAME: &str = "BOXES_KILLED_NAME";
const ALL: &str = "BOXES_KILLED_ALL";

/// The calls by which something changes.
const CALLS: &str = "write,pwrite64,fsync,fdatasync,syncfs,rename,renameat,renameat2,unlink,\
    unlinkat,mkdir,mkdirat,fchmod,fchmodat,ftruncate,symlinkat,linkat,flock,sendmsg,sendto";

/// At so many calls of a scene it is killed when tests are run.
const SAMPLE: usize = 7;

const KILL: i32 = 9;
const REBASE: Terms = Terms { mode: Mode::Rebase, merge_text: false };
const SPEC: &str = "base = \"host\"\n[files]\n\"/srv/a\" = { text = \"one\\n\" }\n\
    \"/srv/d/old\" = { text = \"old\\n\" }\n";

/// In a box that runs: new, changed, removed, and a folder that hides what was below it.
const WRITTEN: &str = "echo two > /srv/b; rm -r /srv/d; mkdir /srv/d; echo x > /srv/d/x";
const ALL_OF_IT: &str = "a one\nb two\nd/x x\n";

/// What a box has in `/srv`.
fn files(world: &World, name: &str) -> String {
    world.sh(name, "cd /srv; for f in $(find * -type f | sort); do echo $f $(cat $f); done")
}

/// The child's part. Does nothing when the tests are run.
#[test]
fn child() {
    let Ok(scene) = std::env::var(SCENE) else { return };
    let dir = std::env::var(DIR).unwrap();
    let name = std::env::var(NAME).unwrap();
    let engine = crate::world::open(Path::new(&dir), None, None);
    act(&engine, &scene, &name, Path::new(&dir));
}

fn act(engine: &Engine, scene: &str, name: &str, dir: &Path) {
    let run = |line: &str| {
        let request = ExecRequest::of(["sh", "-c", line]);
        engine.exec(name, &request, b"", &mut |_, _| {}).unwrap();
    };
    match scene {
        "create" => {
            engine.create(&engine.image("kept").unwrap(), name, Some(name)).unwrap();
        }
        "start" => run("echo new > /srv/n"),
        "seal" => engine.seal(name).unwrap(),
        "snapshot" => drop(engine.snapshot(name, name).unwrap()),
        "branch" => {
            engine.branch(name, &[format!("{name}-x"), format!("{name}-y")], None).unwrap();
        }
        "commit" => drop(engine.commit(&format!("{name}-x"), REBASE, true).unwrap()),
        "stop" => engine.stop(name).unwrap(),
        "discard" => drop(engine.discard(name).unwrap()),
        "dispose" => drop(engine.dispose_of(name).unwrap()),
        "gc" => drop(engine.collect_garbage().unwrap()),
        "export" => drop(engine.export(name, &dir.join(format!("out-{name}")), false).unwrap()),
        other => panic!("no scene {other}"),
    }
}

/// A call, and which of its kind.
type At = (String, usize);

fn traced(world: &World, scene: &str, name: &str, more: &[&str]) -> std::process::ExitStatus {
    let mut child = Command::new("strace");
    child.args(["-f", "-qq"]).args(more).arg(std::env::current_exe().unwrap());
    child.args(["--exact", "killed::child", "--nocapture"]);
    child.env(SCENE, scene).env(NAME, name).env(DIR, world.dir.path());
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
}

/// All calls of a scene, in order, by the thread that makes most of them.
fn calls(world: &World, scene: &str, name: &str) -> Vec<At> {
    let log = world.folder("calls.log");
    let trace = format!("trace={CALLS}");
    let status = traced(world, scene, name, &["-o", log.to_str().unwrap(), "-e", &trace]);
    assert!(status.success(), "{scene}: {status}");
    let mut threads: BTreeMap<String, Vec<At>> = BTreeMap::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let Some((thread, said)) = line.split_once(' ') else { continue };
        let Some((call, _)) = said.trim().split_once('(') else { continue };
        let calls = threads.entry(thread.to_owned()).or_default();
        let number = calls.iter().filter(|(known, _)| known == call).count() + 1;
        calls.push((call.to_owned(), number));
    }
    threads.into_values().max_by_key(Vec::len).unwrap()
}

/// Runs a scene in boxes of their own, killed at one call after the other. `prepare` makes what
/// the scene needs, `after` looks at what is there.
fn each(world: &World, scene: &str, prepare: impl Fn(&str), after: impl Fn(&str, bool)) {
    let first = format!("{scene}-all");
    prepare(&first);
    let calls = calls(world, scene, &first);
    after(&first, true);
    let every = match std::env::var_os(ALL) {
        Some(_) => 1,
        None => calls.len().div_ceil(SAMPLE).max(1),
    };
    let mut kills = 0;
    // From the middle of each stretch: the first calls are those that open the folder.
    for (number, (call, when)) in calls.iter().enumerate().skip(every / 2).step_by(every) {
        let name = format!("{scene}-{number}");
        prepare(&name);
        let inject = format!("inject={call}:signal=KILL:when={when}");
        let trace = format!("trace={call}");
        let status = traced(world, scene, &name, &["-o", "/dev/null", "-e", &trace, "-e", &inject]);
        let killed = status.signal() == Some(KILL);
        assert!(killed || status.success(), "{scene} at {call} {when}: {status}");
        println!("{scene} at {call} {when}, {number} of {}: {status}", calls.len());
        kills += usize::from(killed);
        after(&name, !killed);
    }
    assert!(kills * 2 >= calls.len() / every, "{scene}: {kills} kills of {} calls", calls.len());
}

fn world() -> World {
    let world = World::new();
    world.image("kept", SPEC);
    world
}

/// A box that runs, and has written.
fn written(world: &World, name: &str) {
    world.create("kept", name);
    world.sh(name, WRITTEN);
}

/// A box does all that a box does, and nothing of it is lost.
fn works(world: &World, name: &str, has: &str) {
    assert_eq!(files(world, name), has, "{name}");
    world.sh(name, "echo later > /srv/later");
    let snapshot = world.engine.snapshot(name, "works").unwrap();
    world.sh(name, "rm /srv/later; echo last > /srv/last");
    world.engine.stop(name).unwrap();
    let mut lines: Vec<&str> = has.lines().chain(["last last"]).collect();
    lines.sort_unstable();
    assert_eq!(files(world, name), lines.join("\n") + "\n", "{name}, after it was stopped");
    assert!(!world.engine.branches().store().stack(&snapshot.stack).unwrap().is_empty());
    gone(world, name);
}

/// It can be disposed of without a trace.
fn gone(world: &World, name: &str) {
    world.engine.discard(name).unwrap();
    nothing_left(world, name);
}

fn nothing_left(world: &World, name: &str) {
    let dir = world.dir.path().join("boxes/boxes");
    let left = std::fs::read_dir(dir).unwrap().flatten();
    let left: Vec<_> = left.filter(|one| one.file_name() == *name).collect();
    assert!(left.is_empty(), "{left:?}");
    let state = world.dir.path().join("boxes/spawner");
    let living = Command::new("find").arg(&state).args(["-name", name]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&living.stdout), "", "of {name}");
    assert!(world.engine.list().unwrap().iter().all(|known| known.row.name != name));
}

#[test]
fn making_and_starting_a_box() {
    let world = world();
    each(
        &world,
        "create",
        |_| {},
        |name, done| {
            match world.engine.find(name) {
                Ok(known) => assert_eq!(known.row.owner.as_deref(), Some(name)),
                Err(error) => {
                    assert!(!done, "{error}");
                    world.create("kept", name);
                }
            }
            works(&world, name, "a one\nd/old old\n");
        },
    );
    each(
        &world,
        "start",
        |name| world.create("kept", name),
        |name, done| {
            let known = world.engine.find(name).unwrap();
            assert!(known.row.loss.is_none(), "nothing ran that could be lost: {known:?}");
            let line = "if [ -s /srv/n ]; then cat /srv/n; else rm -f /srv/n; fi";
            let new = world.sh(name, line);
            assert!(new == "new\n" || (!done && new.is_empty()), "{new}");
            let has =
                if new.is_empty() { "a one\nd/old old\n" } else { "a one\nd/old old\nn new\n" };
            works(&world, name, has);
        },
    );
}

#[test]
fn sealing_and_stopping_a_box() {
    let world = world();
    for scene in ["seal", "stop", "snapshot"] {
        each(
            &world,
            scene,
            |name| written(&world, name),
            |name, done| {
                let known = world.engine.find(name).unwrap();
                assert!(!done || known.running == (scene != "stop"), "{known:?}");
                works(&world, name, ALL_OF_IT);
            },
        );
    }
}

#[test]
fn branching_and_committing_a_box() {
    let world = world();
    each(
        &world,
        "branch",
        |name| written(&world, name),
        |name, done| {
            for branch in [format!("{name}-x"), format!("{name}-y")] {
                match world.engine.find(&branch) {
                    Ok(known) => {
                        assert_eq!(known.parent.as_deref(), Some(name));
                        works(&world, &branch, ALL_OF_IT);
                    }
                    Err(error) => {
                        assert!(!done, "{error}");
                        world.engine.branch(name, std::slice::from_ref(&branch), None).unwrap();
                        gone(&world, &branch);
                    }
                }
            }
            works(&world, name, ALL_OF_IT);
        },
    );
    let two = |name: &str| {
        written(&world, name);
        let branch = format!("{name}-x");
        world.engine.branch(name, std::slice::from_ref(&branch), None).unwrap();
        world.sh(&branch, "echo three > /srv/c; rm /srv/b");
        world.sh(name, "echo own > /srv/e");
    };
    each(&world, "commit", two, |name, done| {
        let branch = format!("{name}-x");
        let committed = world.engine.find(&branch).is_err();
        assert!(committed || !done);
        if !committed {
            assert_eq!(files(&world, name), "a one\nb two\nd/x x\ne own\n");
            assert_eq!(files(&world, &branch), "a one\nc three\nd/x x\n");
            world.engine.commit(&branch, REBASE, true).unwrap();
        }
        world.engine.reap().unwrap();
        nothing_left(&world, &branch);
        works(&world, name, "a one\nc three\nd/x x\ne own\n");
    });
}

#[test]
fn disposing_of_boxes_and_of_garbage() {
    let world = world();
    let two = |name: &str| {
        written(&world, name);
        world.engine.branch(name, &[format!("{name}-x")], None).unwrap();
    };
    each(&world, "discard", two, |name, done| {
        let branch = format!("{name}-x");
        match world.engine.find(name) {
            Ok(_) => {
                assert!(!done);
                assert_eq!(files(&world, &branch), ALL_OF_IT, "both or none");
                works(&world, name, ALL_OF_IT);
            }
            Err(_) => assert!(world.engine.find(&branch).is_err(), "both or none"),
        }
        world.engine.reap().unwrap();
        nothing_left(&world, name);
        nothing_left(&world, &branch);
    });
    let owned = |name: &str| {
        let image = world.engine.image("kept").unwrap();
        world.engine.create(&image, name, Some(name)).unwrap();
        world.sh(name, WRITTEN);
        world.engine.snapshot(name, name).unwrap();
    };
    each(&world, "dispose", owned, |name, done| {
        // As a node does that starts again: of each owner that is no more.
        let owners = world.engine.owners().unwrap();
        if owners.iter().any(|owner| owner == name) {
            assert!(!done);
            world.engine.dispose_of(name).unwrap();
        }
        nothing_left(&world, name);
        let rows = rusqlite::Connection::open(world.dir.path().join("boxes/boxes.sqlite3"));
        let sql = "SELECT count(*) FROM snapshot WHERE owner = ?1";
        let left: i64 = rows.unwrap().query_row(sql, [name], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "nobody knows {name} any more, who would forget its snapshots?");
    });
    let snapshots = std::cell::RefCell::new(BTreeMap::<String, Snapshot>::new());
    let garbage = |name: &str| {
        written(&world, name);
        snapshots.borrow_mut().insert(name.to_owned(), world.engine.snapshot(name, name).unwrap());
        world.sh(name, "echo later > /srv/b");
        let other = format!("{name}-x");
        world.engine.branch(name, std::slice::from_ref(&other), None).unwrap();
        world.sh(&other, &format!("echo {name} > /srv/only-here"));
        world.engine.seal(&other).unwrap();
        // As a crash leaves it: no head, but all the rest.
        world.engine.branches().discard(&other).unwrap();
    };
    each(&world, "gc", garbage, |name, _| {
        world.engine.collect_garbage().unwrap();
        nothing_left(&world, &format!("{name}-x"));
        assert_eq!(world.engine.collect_garbage().unwrap().swept.layers, 0, "it was all");
        let then = format!("{name}-then");
        world.engine.restore(&snapshots.borrow()[name], &then, None).unwrap();
        works(&world, &then, ALL_OF_IT);
        works(&world, name, "a one\nb later\nd/x x\n");
    });
}

#[test]
fn taking_over_into_a_folder() {
    let world = world();
    let out = |name: &str| world.folder(&format!("out-{name}"));
    let prepare = |name: &str| {
        written(&world, name);
        std::fs::create_dir_all(out(name).join("srv/d")).unwrap();
        std::fs::write(out(name).join("srv/a"), "one\n").unwrap();
        std::fs::write(out(name).join("srv/d/old"), "old\n").unwrap();
    };
    each(&world, "export", prepare, |name, done| {
        drop(HostDir::open(&out(name), &world.folder("boxes/exports")).unwrap());
        let has = |path: &str| out(name).join("srv").join(path).exists();
        let state = (has("b"), has("d/x"), has("d/old"));
        assert!(state == (true, true, false) || (!done && state == (false, false, true)));
        works(&world, name, ALL_OF_IT);
    });
}

#[test]
fn what_was_taken_back_after_a_seal_is_not_there() {
    let world = world();
    written(&world, "back");
    world.engine.seal("back").unwrap();
    world.sh("back", "rm -r /srv/b /srv/d; mkdir /srv/d; echo y > /srv/d/y; echo two > /srv/a");
    world.engine.seal("back").unwrap();
    world.sh("back", "echo one > /srv/a");
    let diff = world.engine.diff("back").unwrap();
    let paths: Vec<&str> = diff.changes.by_path().keys().map(|path| path.as_str()).collect();
    assert_eq!(paths, ["srv/d/old", "srv/d/y"]);
    world.engine.stop("back").unwrap();
    assert_eq!(files(&world, "back"), "a one\nd/y y\n");
}
