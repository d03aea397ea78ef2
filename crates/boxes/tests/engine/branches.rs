//! Branches of boxes that run, and commits into them.

use crate::world::World;
use greenroom_boxes::Error;
use greenroom_boxes::branch::{Mode, Terms};
use greenroom_boxes::engine::ExecRequest;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn branches_of_a_running_box_see_neither_it_nor_each_other() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b");
    world.engine.branch("work", &names(&["left", "right"]), None).unwrap();
    world.sh("left", "echo left > /srv/a; rm /srv/b");
    world.sh("right", "echo right > /srv/c");
    world.sh("work", "echo three > /srv/d");
    assert_eq!(world.sh("left", "ls /srv; cat /srv/a"), "a\nleft\n");
    assert_eq!(world.sh("right", "ls /srv; cat /srv/a"), "a\nb\nc\none\n");
    assert_eq!(world.sh("work", "ls /srv; cat /srv/a"), "a\nb\nd\none\n");
    let diff = world.engine.diff("left").unwrap();
    let paths: Vec<String> =
        diff.changes.by_path().keys().map(|path| path.as_str().to_owned()).collect();
    assert_eq!(paths, ["srv/a", "srv/b"]);
    assert_eq!(world.engine.find("left").unwrap().parent.as_deref(), Some("work"));
}

#[test]
fn a_commit_brings_the_changes_into_a_running_box() {
    let world = World::new();
    world.engine.branch("work", &names(&["left", "right"]), None).unwrap();
    world.sh("left", "echo left > /srv/a");
    world.sh("right", "echo right > /srv/c");
    world.sh("work", "echo own > /srv/d");
    let terms = |mode| Terms { mode, merge_text: false };
    let overtaken = world.engine.commit("left", terms(Mode::FirstWins), false).unwrap_err();
    assert!(matches!(overtaken, Error::Overtaken { .. }), "{overtaken}");
    assert_eq!(world.sh("left", "cat /srv/a"), "left\n", "it goes on");
    world.engine.commit("left", terms(Mode::Rebase), false).unwrap();
    world.engine.commit("right", terms(Mode::Rebase), false).unwrap();
    assert_eq!(world.sh("work", "cd /srv; ls; cat a c d"), "a\nc\nd\nleft\nright\nown\n");
    assert!(matches!(world.engine.find("left"), Err(Error::Missing(_))));
    world.sh("work", "echo later > /srv/e");
    world.engine.stop("work").unwrap();
    assert_eq!(world.sh("work", "cat /srv/a /srv/e"), "left\nlater\n");
}

/// What fails after it is as a crash there, and no failure of the commit.
#[test]
fn a_commit_that_is_done_is_told_so() {
    let world = World::new();
    world.engine.branch("work", &names(&["left"]), None).unwrap();
    world.sh("left", "echo left > /srv/a");
    world.engine.stop("left").unwrap();
    let folder = world.folder("boxes/boxes/left");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "no folder, so it cannot be removed as one").unwrap();
    world.engine.commit("left", Terms::default(), false).unwrap();
    assert_eq!(world.sh("work", "cat /srv/a"), "left\n");
    assert!(world.engine.reap().is_err(), "the rest is still to be done");
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(world.engine.reap().unwrap(), 1);
}

#[test]
fn a_commit_into_a_box_with_commands_wants_to_be_told_to() {
    let world = World::new();
    let line = "sleep 1000 > /dev/null 2>&1 &";
    let request = ExecRequest { keep_background: true, ..ExecRequest::of(["sh", "-c", line]) };
    world.exec("work", &request).unwrap();
    world.engine.branch("work", &names(&["left"]), None).unwrap();
    world.sh("left", "echo left > /srv/a");
    let refused = world.engine.commit("left", Terms::default(), false).unwrap_err();
    assert!(refused.to_string().contains("has commands running"), "{refused}");
    assert_eq!(world.sh("work", "cat /srv/a"), "one\n");
    world.engine.commit("left", Terms::default(), true).unwrap();
    assert_eq!(world.sh("work", "cat /srv/a"), "left\n");
}

#[test]
fn overlapping_commits_name_the_path_and_change_nothing() {
    let world = World::new();
    world.engine.branch("work", &names(&["left", "right"]), None).unwrap();
    world.sh("left", "echo left > /srv/a");
    world.sh("right", "echo right > /srv/a");
    let rebase = Terms { mode: Mode::Rebase, merge_text: false };
    world.engine.commit("left", rebase, false).unwrap();
    let conflict = world.engine.commit("right", rebase, false).unwrap_err();
    assert!(conflict.to_string().contains("srv/a"), "{conflict}");
    assert_eq!(world.sh("work", "cat /srv/a"), "left\n");
    assert_eq!(world.sh("right", "cat /srv/a"), "right\n");
}

#[test]
fn what_changed_goes_into_a_folder_of_the_machine() {
    let world = World::new();
    let out = world.folder("out");
    std::fs::create_dir_all(out.join("srv")).unwrap();
    std::fs::write(out.join("srv/a"), "one\n").unwrap();
    world.sh("work", "echo two > /srv/a; echo three > /srv/b; chmod +x /srv/b");
    world.engine.export("work", &out, false).unwrap();
    assert_eq!(std::fs::read_to_string(out.join("srv/a")).unwrap(), "two\n");
    assert_eq!(std::fs::read_to_string(out.join("srv/b")).unwrap(), "three\n");
    let root = world.engine.commit("work", Terms::default(), false).unwrap_err();
    assert!(root.to_string().contains("is no branch"), "{root}");
}

#[test]
fn a_snapshot_is_the_files_of_its_moment() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b");
    let snapshot = world.engine.snapshot("work", "agent/1").unwrap();
    world.sh("work", "echo three > /srv/b");
    world.engine.restore(&snapshot, "then", None).unwrap();
    assert_eq!(world.sh("then", "cat /srv/b"), "two\n");
    assert_eq!(world.sh("work", "cat /srv/b"), "three\n");
}

/// A program may change a file that it has mapped without leaving a trace in the file's times.
#[test]
fn what_a_program_writes_to_a_mapped_file_is_in_the_next_snapshot() {
    let world = World::new();
    let program = "import mmap, os, time\n\
        f = open('/srv/map', 'w+b'); f.write(b'a' * 4096); f.flush()\n\
        m = mmap.mmap(f.fileno(), 4096); f.close(); m[0:1] = b'b'\n\
        open('/srv/ready', 'w').close()\n\
        while not os.path.exists('/srv/go'): time.sleep(0.01)\n\
        m[0:1] = b'c'\n\
        open('/srv/done', 'w').close()\n\
        time.sleep(60)\n";
    let request = ExecRequest { background: true, ..ExecRequest::of(["python3", "-c", program]) };
    world.exec("work", &request).unwrap();
    let wait = |file: &str| {
        world.sh("work", &format!("while ! test -e /srv/{file}; do sleep 0.02; done; sleep 0.1"));
    };
    wait("ready");
    world.engine.branch("work", &["before".to_owned()], None).unwrap();
    world.sh("work", "touch /srv/go");
    wait("done");
    world.engine.branch("work", &["after".to_owned()], None).unwrap();
    assert_eq!(world.sh("before", "head -c 1 /srv/map"), "b");
    assert_eq!(world.sh("after", "head -c 1 /srv/map"), "c");
}
