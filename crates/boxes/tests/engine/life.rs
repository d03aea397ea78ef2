//! Boxes that outlive who started them, and crashes of all that carries them.

use crate::world::World;
use greenroom_boxes::branch::Terms;
use greenroom_boxes::engine::{ExecRequest, Logged, Loss};

fn background(world: &World) {
    let line = "(while :; do date +%N > /srv/beat; sleep 0.05; done) > /dev/null 2>&1 &";
    let request = ExecRequest { keep_background: true, ..ExecRequest::of(["sh", "-c", line]) };
    world.exec("work", &request).unwrap();
}

fn beats(world: &World) -> bool {
    let beat = || world.sh("work", "cat /srv/beat");
    let first = beat();
    (0..100).any(|_| {
        world.sh("work", "sleep 0.05");
        beat() != first
    })
}

#[test]
fn a_box_goes_on_when_who_started_it_is_gone() {
    let world = World::new();
    background(&world);
    assert!(beats(&world));
    let another = world.another();
    assert!(another.find("work").unwrap().running);
    let mut heard = Vec::new();
    let request = ExecRequest::of(["cat", "/srv/a"]);
    another.exec("work", &request, b"", &mut |_, bytes| heard.extend_from_slice(bytes)).unwrap();
    assert_eq!(heard, b"one\n");
    another.freeze("work").unwrap();
    another.thaw("work").unwrap();
    assert!(beats(&world));
}

#[test]
fn a_stopped_box_keeps_its_files_and_starts_when_it_is_needed() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b; rm /srv/a");
    world.engine.stop("work").unwrap();
    let known = world.engine.find("work").unwrap();
    assert!(!known.running && known.row.loss.is_none());
    assert_eq!(world.sh("work", "ls /srv"), "b\n");
    world.engine.stop("work").unwrap();
    world.engine.stop("work").unwrap();
}

/// Its file in the box is the box's own, which says how large it is.
#[test]
fn a_log_without_end_is_in_nobodys_way() {
    let world = World::new();
    world.image("brief", "base = \"host\"\n[limits]\noutput = \"1KiB\"\n");
    world.create("brief", "endless");
    let line = "mkdir -p /srv; printf begun; truncate -s 7E /tmp/greenroom-*.log; \
                echo ready > /srv/ready; sleep 1000";
    let request = ExecRequest { background: true, ..ExecRequest::of(["sh", "-c", line]) };
    let no = world.exec("endless", &request).unwrap().no;
    let ready = || world.sh("endless", "cat /srv/ready 2> /dev/null || true") == "ready\n";
    assert!((0..1000).any(|_| ready()));
    let read = || {
        let mut log = world.engine.read_log("endless", no).unwrap().unwrap();
        let (mut printed, mut cut) = (Vec::new(), 0);
        while let Some(logged) = log.read().unwrap() {
            match logged {
                Logged::Printed(_, bytes) => printed.extend(bytes),
                Logged::Cut(bytes) => cut += bytes,
            }
        }
        assert!(printed.starts_with(b"begun"));
        (printed.len(), cut)
    };
    let expected = (1024, (7 << 60) - 1024);
    assert_eq!(read(), expected);
    world.engine.branch("endless", &["try".to_owned()], None).unwrap();
    world.sh("try", "echo two > /srv/b");
    world.engine.commit("try", Terms::default(), true).unwrap();
    assert_eq!(read(), expected);
    assert_eq!(world.sh("endless", "cat /srv/b"), "two\n");
}

#[test]
fn a_box_over_its_limit_of_disk_can_make_room() {
    let world = World::new();
    world.image("small", "base = \"host\"\n[limits]\ndisk = \"8MiB\"\n");
    world.create("small", "little");
    let fill = "mkdir -p /srv/f; i=0; \
                while :; do i=$((i+1)); head -c 100000 /dev/zero > /srv/f/$i; done";
    let killed = world.exec("little", &ExecRequest::of(["sh", "-c", fill])).unwrap_err();
    assert!(killed.to_string().contains("limit of disk"), "{killed}");
    assert_eq!(world.sh("little", "rm -r /srv/f; echo x > /srv/x; cat /srv/x"), "x\n");
    world.engine.seal("little").unwrap();
    // Over it when all that carries it is killed: it must not be lost for ever.
    world.kill_spawner();
    let upper = world.dir.path().join("boxes/boxes/little/1/upper/srv/big");
    std::fs::write(upper, vec![b'x'; 9 << 20]).unwrap();
    assert_eq!(world.sh("little", "stat -c %s /srv/big; rm /srv/big; cat /srv/x"), "9437184\nx\n");
}

#[test]
fn when_the_spawner_is_killed_the_files_are_there_and_the_loss_is_told() {
    let world = World::new();
    background(&world);
    world.sh("work", "echo two > /srv/b");
    world.kill_spawner();
    let told = || world.engine.find("work").unwrap().row.loss;
    assert_eq!(told(), Some(Loss::Processes), "before anything starts it again");
    assert_eq!(world.sh("work", "cat /srv/b"), "two\n");
    let known = world.engine.find("work").unwrap();
    assert_eq!((known.running, known.row.loss), (true, Some(Loss::Processes)));
    world.engine.seal("work").unwrap();
    assert_eq!(world.engine.find("work").unwrap().row.loss, None, "it was seen");
}

#[test]
fn what_is_discarded_leaves_nothing() {
    let world = World::new();
    background(&world);
    world.engine.branch("work", &["try".to_owned()], Some("agent/1")).unwrap();
    world.sh("try", "echo x > /srv/x");
    assert_eq!(world.engine.discard("work").unwrap(), 2, "its branches go too");
    assert!(world.engine.list().unwrap().is_empty());
    let left = std::fs::read_dir(world.dir.path().join("boxes/boxes")).unwrap().count();
    assert_eq!(left, 0);
    world.create("plain", "work");
    assert_eq!(world.sh("work", "ls /srv"), "a\n", "it is another box");
    world.engine.collect_garbage().unwrap();
    assert_eq!(world.sh("work", "cat /srv/a"), "one\n");
}

#[test]
fn an_owner_that_ends_takes_its_boxes_along() {
    let world = World::new();
    let image = world.engine.image("plain").unwrap();
    world.engine.create(&image, "mine", Some("agent/1")).unwrap();
    let snapshot = world.engine.snapshot("mine", "agent/1").unwrap();
    assert_eq!(world.engine.dispose_of("agent/1").unwrap(), 1);
    assert_eq!(world.engine.list().unwrap().len(), 1);
    assert_eq!(world.engine.dispose_of("agent/1").unwrap(), 0);
    world.engine.restore(&snapshot, "again", None).unwrap();
}

#[test]
fn a_box_cannot_be_in_the_way_of_its_removal() {
    let world = World::new();
    // What is removed is moved to such names first.
    world.sh("work", "mkdir -p /to-remove-1/a/b /to-remove-2 /x/y/z");
    world.engine.branch("work", &["try".to_owned()], None).unwrap();
    world.sh("try", "ls /to-remove-1/a");
    world.engine.discard("work").unwrap();
    let removed = world.engine.collect_garbage().unwrap();
    assert!(removed.swept.lowers > 0, "{removed:?}");
}

#[test]
fn what_goes_on_in_the_background_has_no_more_time_than_its_box_gives() {
    let world = World::new();
    world.image("short", "base = \"host\"\n[limits]\nwall = \"2s\"\n");
    world.create("short", "short");
    let line = "sleep 77 > /dev/null 2>&1 < /dev/null &";
    let request = ExecRequest { keep_background: true, ..ExecRequest::of(["sh", "-c", line]) };
    assert!(world.exec("short", &request).unwrap().is_success());
    let sleeps = || world.sh("short", "grep -c sleep /proc/[0-9]*/comm | grep -c :1 || true");
    assert_eq!(sleeps(), "1\n");
    assert!((0..1000).any(|_| sleeps() == "0\n"), "it is killed when its time is up");
}

#[test]
fn a_folder_that_is_not_there_is_told_as_that() {
    let world = World::new();
    let request = ExecRequest { cwd: Some("/nope".into()), ..ExecRequest::of(["true"]) };
    let error = world.exec("work", &request).unwrap_err().to_string();
    assert!(error.contains("start the command in the folder `/nope`: No such file"), "{error}");
}

#[test]
fn the_least_that_a_box_may_have_is_enough_for_a_command() {
    let world = World::new();
    world.image("least", "base = \"host\"\n[limits]\nmemory = \"8MiB\"\npids = 4\n");
    world.create("least", "least");
    assert_eq!(world.sh("least", "ls /usr > /dev/null; echo here"), "here\n");
}

#[test]
fn whoever_uses_a_folder_that_is_moved_takes_nothing_for_removed() {
    let world = World::new();
    world.sh("work", "echo new > /srv/new");
    let (here, there) = (world.folder("boxes"), world.folder("moved"));
    std::fs::rename(&here, &there).unwrap();
    world.kill_spawner_in(&there);
    let told = world.engine.stop("work").unwrap_err().to_string();
    assert!(told.contains("was moved or removed while"), "{told}");
    assert!(world.exec("work", &ExecRequest::of(["true"])).is_err());
    assert!(world.engine.collect_garbage().is_err());
    assert!(!here.exists(), "nothing is made where it was");

    std::fs::rename(&there, &here).unwrap();
    assert_eq!(world.sh("work", "cat /srv/new"), "new\n");
}

#[test]
fn a_box_that_lost_what_it_writes_to_is_told_and_not_taken_for_unchanged() {
    let world = World::new();
    world.sh("work", "echo new > /srv/new");
    std::fs::rename(world.upper("work"), world.folder("away")).unwrap();
    let told = world.engine.stop("work").unwrap_err().to_string();
    assert!(told.contains("is gone, and cannot be sealed"), "{told}");
    assert_eq!(world.sh("work", "cat /srv/new"), "new\n", "it goes on");
    world.engine.discard("work").unwrap();
}
