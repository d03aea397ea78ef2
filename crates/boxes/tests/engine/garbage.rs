//! Garbage goes, also at the same time as work, beside what is lost and on a full disk; and
//! nothing that is needed goes.

use crate::world::{World, open};
use greenroom_boxes::engine::{Engine, ExecRequest};
use greenroom_boxes::tree::{Entry, Manifest};
use greenroom_boxes::{Error, LayerId, TreePath};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a child is told by its environment: the folder of a small disk.
const DISK: &str = "BOXES_FULL_DISK";

const MIB: usize = 1 << 20;

fn layer(engine: &Engine, bytes: &[u8]) -> LayerId {
    let mut writing = engine.branches().store().write().unwrap();
    let (hash, size) = writing.blob(&mut &bytes[..], bytes.len() as u64).unwrap();
    let entries = BTreeMap::from([(TreePath::new("x").unwrap(), Entry::file(hash, size, 0o644))]);
    writing.layer(Manifest::new(entries).unwrap()).unwrap()
}

#[test]
fn what_is_lost_does_not_keep_garbage_from_going() {
    let world = World::new();
    let spec = "base = \"host\"\n[limits]\noutput = \"1KiB\"\n";
    world.image("small", spec);
    world.create("small", "little");
    let long = world.exec("little", &ExecRequest::of(["seq", "5000"])).unwrap();
    let lost = world.dir.path().join("boxes/layers").join(long.output.unwrap().to_string());
    std::fs::remove_file(lost).unwrap();
    let garbage = layer(&world.engine, b"nobody needs this");
    let removed = world.engine.collect_garbage().unwrap();
    assert_eq!((removed.swept.missing, removed.swept.layers), (1, 1));
    assert!(matches!(world.engine.branches().store().layer(garbage), Err(Error::Missing(_))));
    assert_eq!(world.sh("little", "echo on"), "on\n");
}

#[test]
fn what_a_command_prints_stays_while_garbage_goes() {
    let world = World::new();
    world.image("small", "base = \"host\"\n[limits]\noutput = \"1KiB\"\n");
    world.create("small", "little");
    world.sh("little", "true");
    let layers = || std::fs::read_dir(world.dir.path().join("boxes/layers")).unwrap().count();
    let before = layers();
    // Somebody else writes rows, so that the command's waits while its layer is there already.
    let rows = Connection::open(world.dir.path().join("boxes/boxes.sqlite3")).unwrap();
    let (rows, printed) = (Mutex::new(rows), AtomicBool::new(false));
    let another = world.another();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let request = ExecRequest::of(["seq", "3000"]);
            let printed = world.engine.exec("little", &request, b"", &mut |_, _| {
                if !printed.swap(true, Ordering::SeqCst) {
                    rows.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
                }
            });
            printed.unwrap();
        });
        while !printed.load(Ordering::SeqCst) || layers() == before {
            std::thread::yield_now();
        }
        let busy = another.collect_garbage();
        rows.lock().unwrap().execute_batch("COMMIT").unwrap();
        assert!(matches!(busy, Err(Error::Busy(_))), "{busy:?}");
    });
    let output = world.engine.execs("little").unwrap().pop().unwrap().output.unwrap();
    assert_eq!(world.engine.collect_garbage().unwrap().swept.missing, 0);
    world.engine.branches().store().layer(output).unwrap();
}

#[test]
fn an_image_of_which_there_is_a_snapshot_stays() {
    let world = World::new();
    let snapshot = world.engine.snapshot("work", "agent/1").unwrap();
    world.engine.discard("work").unwrap();
    let refused = world.engine.remove_image("plain").unwrap_err();
    assert!(refused.to_string().contains("`agent/1` keeps a snapshot"), "{refused}");
    world.engine.restore(&snapshot, "again", None).unwrap();
    assert_eq!(world.sh("again", "cat /srv/a"), "one\n");
    world.engine.discard("again").unwrap();
    world.engine.dispose_of("agent/1").unwrap();
    world.engine.remove_image("plain").unwrap();
}

#[test]
fn a_name_whose_row_a_failure_of_power_took_back_is_free_again() {
    let world = World::new();
    // What is on disk then: the head of a branch, and no box.
    world.engine.branches().branch("work", "lost").unwrap();
    assert!(matches!(world.engine.find("lost"), Err(Error::Missing(_))));
    assert_eq!(world.engine.reap().unwrap(), 1);
    world.engine.branch("work", &["lost".to_owned()], None).unwrap();
    assert_eq!(world.sh("lost", "cat /srv/a"), "one\n");
}

#[test]
fn nobody_else_looks_into_the_folders_of_boxes() {
    let world = World::new();
    for part in ["boxes", "lower", "layers", "blobs", "tmp"] {
        let path = world.dir.path().join("boxes").join(part);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o700, "{part}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        drop(world.another());
        assert_eq!(mode(&path), 0o700, "{part} of an earlier version");
    }
}

/// The child's part. Does nothing when the tests are run.
#[test]
fn on_a_small_disk() {
    let Some(disk) = std::env::var_os(DISK) else { return };
    let disk = Path::new(&disk);
    let engine = open(disk, None, None);
    let folder = disk.join("tiny");
    std::fs::create_dir(&folder).unwrap();
    let spec = "base = \"empty\"\n[files]\n\"/a\" = { text = \"one\" }\n";
    std::fs::write(folder.join("box.toml"), spec).unwrap();
    let image = engine.build(&[&folder], &mut |_| {}).unwrap();
    for name in ["one", "two"] {
        engine.create(&image, name, None).unwrap();
    }
    layer(&engine, &vec![b'x'; 4 * MIB]);
    drop(engine);
    let mut fill = File::create(disk.join("fill")).unwrap();
    for chunk in [MIB, 4096, 1] {
        let chunk = vec![0; chunk];
        while fill.write_all(&chunk).is_ok() {}
    }
    // What a command does, and what the next one does.
    let engine = open(disk, None, None);
    assert_eq!(engine.discard("one").unwrap(), 1);
    while fill.write_all(&[0; 4096]).is_ok() {}
    let removed = engine.collect_garbage().unwrap();
    assert_eq!(removed.swept.bytes, 4 * MIB as u64);
    assert_eq!(engine.discard("two").unwrap(), 1);
    let reserve = std::fs::metadata(disk.join("boxes/reserve"));
    assert!(reserve.is_err(), "there is no plenty yet");
    fill.set_len(0).unwrap();
    engine.collect_garbage().unwrap();
    assert!(disk.join("boxes/reserve").exists());
}

/// The same, of a box that fills the disk and is asked to make room.
#[test]
fn a_box_on_a_small_disk() {
    let Some(disk) = std::env::var_os(DISK) else { return };
    let disk = Path::new(&disk);
    let engine = open(disk, None, None);
    let folder = disk.join("tiny");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("box.toml"), "base = \"host\"\n").unwrap();
    let image = engine.build(&[&folder], &mut |_| {}).unwrap();
    engine.create(&image, "one", None).unwrap();
    let exec = |line: &str| {
        let request = ExecRequest::of(["sh", "-c", line]);
        engine.exec("one", &request, b"", &mut |_, _| {})
    };
    assert!(exec("true").unwrap().is_success());
    // What it is told of its end may find no room any more.
    let _ = exec("dd if=/dev/zero of=/big bs=64k; dd if=/dev/zero of=/rest bs=1");
    let made_room = exec("rm /big");
    assert!(made_room.as_ref().is_ok_and(|done| done.is_success()), "{made_room:?}");
    assert!(exec("cat /etc/hostname").is_ok());
    engine.discard("one").unwrap();
}

fn on_a_full_disk(test: &str, as_who: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new("unshare");
    let script = "mount -t tmpfs -o size=48m none \"$0\" && exec \"$@\"";
    child.args(as_who).args(["--mount", "sh", "-c", script]).arg(dir.path());
    child.arg(std::env::current_exe().unwrap()).args(["--exact", test]);
    let done = child.arg("--nocapture").env(DISK, dir.path()).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}\n{told}", String::from_utf8_lossy(&done.stdout));
}

#[test]
fn boxes_and_garbage_go_where_the_disk_is_full() {
    on_a_full_disk("garbage::on_a_small_disk", &["--user", "--map-root-user"]);
}

#[test]
fn a_command_makes_room_where_the_disk_is_full() {
    if !rustix::process::geteuid().is_root() {
        println!("only root can mount a disk that boxes can be on");
        return;
    }
    on_a_full_disk("garbage::a_box_on_a_small_disk", &[]);
}
