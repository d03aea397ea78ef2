//! What is left when what carries a box ends at the wrong moment.

use crate::world::World;
use greenroom_boxes::branch::Terms;
use greenroom_boxes::engine::{ExecRequest, Loss};
use greenroom_boxes::sandbox::{ExecSpec, Launch, Level, Namespace};
use std::path::Path;

#[test]
fn what_a_box_writes_over_files_that_a_commit_replaced_is_not_lost() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b; echo both > /srv/c");
    world.engine.branch("work", &["kid".to_owned()], None).unwrap();
    world.sh("kid", "echo kid > /srv/k; echo kid > /srv/c");
    world.engine.seal("kid").unwrap();
    // As after a crash between the heads and the end of the parent's sandbox.
    world.engine.branches().commit("kid", Terms::default()).unwrap();
    assert_eq!(world.sh("work", "cat /srv/k /srv/c; echo late > /srv/late"), "kid\nkid\n");
    world.engine.stop("work").unwrap();
    assert_eq!(world.sh("work", "cat /srv/b /srv/k /srv/c /srv/late"), "two\nkid\nkid\nlate\n");
}

#[test]
fn what_ran_on_over_the_old_files_is_put_on_top_of_the_commit() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b; echo both > /srv/c");
    world.engine.branch("work", &["kid".to_owned()], None).unwrap();
    world.sh("kid", "echo kid > /srv/k; echo kid > /srv/c");
    world.engine.seal("kid").unwrap();
    let line = "(while ! test -e /srv/go; do sleep 0.02; done; echo late > /srv/late; rm /srv/b; \
        touch /srv/done) > /dev/null 2>&1 &";
    let request = ExecRequest { keep_background: true, ..ExecRequest::of(["sh", "-c", line]) };
    world.exec("work", &request).unwrap();
    world.engine.branches().commit("kid", Terms::default()).unwrap();
    // Not through the engine, which would see to it.
    let program = Launch::Program(env!("CARGO_BIN_EXE_greenroom-box-spawner").into());
    let level = Namespace::attach(&program, &world.folder("boxes/spawner")).unwrap();
    let sandbox = level.adopt("work").unwrap().unwrap();
    sandbox.create_file(Path::new("/srv/go"), 0o644).unwrap();
    let line = "until test -e /srv/done; do sleep 0.02; done";
    let argv = ["/bin/sh", "-c", line].map(str::to_owned).to_vec();
    let done = sandbox.exec(&ExecSpec { argv, ..ExecSpec::default() }).unwrap();
    done.wait(b"", 0, &mut |_, _| {}).unwrap();
    let expected = "late\nkid\nkid\na\nc\ndone\ngo\nk\nlate\n";
    assert_eq!(world.sh("work", "cd /srv; cat late k c; ls"), expected);
}

#[test]
fn after_a_reboot_unsealed_files_are_there_and_told_to_be_unsynced() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b");
    world.engine.seal("work").unwrap();
    world.sh("work", "echo three > /srv/c; rm /srv/a");
    world.kill_spawner();
    let rows = rusqlite::Connection::open(world.folder("boxes/boxes.sqlite3")).unwrap();
    rows.execute("UPDATE box SET boot = 'earlier'", []).unwrap();
    assert_eq!(world.engine.find("work").unwrap().row.loss, Some(Loss::Unsynced));
    assert_eq!(world.sh("work", "ls /srv; cat /srv/b /srv/c"), "b\nc\ntwo\nthree\n");
    assert_eq!(world.engine.find("work").unwrap().row.loss, Some(Loss::Unsynced));
}

#[test]
fn a_power_failure_takes_nothing_from_what_was_sealed() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b; echo three > /srv/c");
    world.engine.seal("work").unwrap();
    world.kill_spawner();
    // Two files whose content and name were not on disk yet.
    std::fs::write(world.upper("work").join("srv/b"), "").unwrap();
    std::fs::remove_file(world.upper("work").join("srv/c")).unwrap();
    let rows = rusqlite::Connection::open(world.folder("boxes/boxes.sqlite3")).unwrap();
    rows.execute("UPDATE box SET boot = 'earlier'", []).unwrap();
    // Their times are older than the seal, but a test cannot set them.
    rows.execute("UPDATE sealed SET at_ms = at_ms + 3600000", []).unwrap();
    assert_eq!(world.sh("work", "cat /srv/b /srv/c"), "two\nthree\n");
}

#[test]
fn a_loss_is_told_before_anything_starts_the_box_again() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b");
    world.kill_spawner();
    assert_eq!(world.engine.list().unwrap()[0].row.loss, Some(Loss::Processes));
    assert_eq!(world.engine.find("work").unwrap().row.loss, Some(Loss::Processes));
    world.engine.diff("work").unwrap();
    assert_eq!(world.engine.find("work").unwrap().row.loss, Some(Loss::Processes), "not seen yet");
}

#[test]
fn a_box_that_somebody_froze_is_told_to_be_and_stays_so() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b");
    world.engine.freeze("work").unwrap();
    assert!(world.engine.find("work").unwrap().frozen);
    assert_eq!(world.engine.diff("work").unwrap().changes.by_path().len(), 1);
    assert!(world.engine.list().unwrap()[0].frozen, "looking at it does not thaw it");
    let frozen = world.another().exec("work", &ExecRequest::of(["true"]), b"", &mut |_, _| {});
    assert!(frozen.unwrap_err().to_string().contains("thaw it first"));
    world.another().thaw("work").unwrap();
    assert!(!world.engine.find("work").unwrap().frozen);
    assert_eq!(world.sh("work", "cat /srv/b"), "two\n");
    world.engine.freeze("work").unwrap();
    world.engine.stop("work").unwrap();
    assert_eq!(world.sh("work", "cat /srv/b"), "two\n", "it went with what was frozen");
}
