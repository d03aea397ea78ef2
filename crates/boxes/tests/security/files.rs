//! Attacks by what a box leaves in its files, on whoever opens, takes in or takes over: races of
//! links, archives, what git would run. Each with its proof that the attack is one.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use greenroom_boxes::engine::{Engine, ExecRequest, Setup};
use greenroom_boxes::export::Exported;
use greenroom_boxes::layer::{Bounds, read_archive, scan_upper};
use greenroom_boxes::sandbox::{Level, Upper};
use greenroom_boxes::store::Store;
use greenroom_boxes::{BlobHash, Error};
use std::io::Read;
use tar::{EntryType, Header};

use crate::house::{House, command};
use crate::world::PYTHON;

const SECRET: &str = "TOP-SECRET";

/// Turns a folder into a link to the host's and back, as fast as it can.
const RACE: &str = "import ctypes, os, sys\n\
    libc = ctypes.CDLL(None)\n\
    os.mkdir('/race')\n\
    os.mkdir('/race/d')\n\
    open('/race/d/secret', 'w').write('inside')\n\
    os.symlink(sys.argv[1], '/race/l')\n\
    while True:\n\
    \x20   libc.syscall(316, -100, b'/race/d', -100, b'/race/l', 2)\n";

/// Attempts of each kind, at most: how soon the careless one falls for it is luck.
const ATTEMPTS: usize = 2_000_000;

/// A race goes on while the owner opens, makes and takes in files below what changes.
#[test]
fn a_race_of_links_leads_nobody_out() {
    let house = House::new();
    let host = house.dir.path().join("host");
    std::fs::create_dir(&host).expect("dir");
    std::fs::write(host.join("secret"), SECRET).expect("secret");
    let head = house.dir.path().join("head");
    let mut spec = house.spec("race");
    spec.upper = Upper::Directory(head.clone());
    let sandbox = house.level().create(&spec).expect("a box");
    let place = host.display().to_string();
    let running = sandbox.exec(&command(&[PYTHON, "-I", "-c", RACE, &place])).expect("it starts");
    let race = head.join("upper/race");
    // Without care: whoever goes by the path falls for it, for reading and for writing.
    let read = (0..ATTEMPTS)
        .any(|_| std::fs::read_to_string(race.join("d/secret")).is_ok_and(|text| text == SECRET));
    assert!(read, "the race is none");
    let planted = (0..ATTEMPTS).any(|_| {
        let _ = std::fs::write(race.join("d/planted"), "x");
        host.join("planted").exists()
    });
    assert!(planted, "the race is none");
    std::fs::remove_file(host.join("planted")).expect("removed");

    let store = Store::open(&house.dir.path().join("store")).expect("a store");
    let stolen = BlobHash::of(SECRET.as_bytes());
    let mut opened = 0;
    for attempt in 0..60 {
        if let Ok(mut file) = sandbox.open_file(Path::new("/race/d/secret")) {
            let mut text = String::new();
            file.read_to_string(&mut text).expect("read");
            assert_eq!(text, "inside");
            opened += 1;
        }
        let _ = sandbox.create_file(Path::new("/race/d/planted"), 0o600);
        assert!(!host.join("planted").exists(), "it was made on the host");
        if attempt % 10 == 0 {
            let mut writing = store.write().expect("writing");
            // What changes meanwhile may be an error.
            let _ = scan_upper(&head.join("upper"), &Bounds::default(), &mut writing);
            drop(writing);
            assert!(store.blob(stolen).is_err(), "it was taken in");
        }
    }
    assert!(opened > 0, "the box's own file was never there");
    drop(running);
}

/// An entry as somebody who means harm would write it.
fn entry(path: &str, kind: EntryType, mode: u32, link: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    let old = header.as_old_mut();
    old.name[..path.len()].copy_from_slice(path.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_device_major(0).expect("a number");
    header.set_device_minor(0).expect("a number");
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    let padding = vec![0; bytes.len().next_multiple_of(512) - bytes.len()];
    [&header.as_bytes()[..], bytes, &padding].concat()
}

/// A folder's name, an archive's entries, and whether a careless program's unpacking did it.
type Case = (&'static str, Vec<Vec<u8>>, Box<dyn Fn(&Path) -> bool>);

fn archives(dir: &Path) -> Vec<Case> {
    use EntryType::{Char, Directory, Fifo, Link, Regular, Symlink};
    let text = |path: PathBuf| path.display().to_string();
    let file = |path: &str, mode| entry(path, Regular, mode, "", b"x");
    let (away, absolute) = (dir.join("away"), dir.join("absolute-file"));
    let there = away.clone();
    let forged = b"38 SCHILY.xattr.user.overlay.opaque=y\n";
    let at = absolute.clone();
    vec![
        ("dotdot", vec![file("../out", 0o644)], Box::new(|at| at.join("../out").exists())),
        ("absolute", vec![file(&text(absolute), 0o644)], Box::new(move |_| at.exists())),
        (
            "through",
            vec![entry("link", Symlink, 0o777, &text(away), b""), file("link/x", 0o644)],
            Box::new(move |_| there.join("x").exists()),
        ),
        (
            "hard",
            vec![entry("hard", Link, 0o644, &text(dir.join("secret")), b"")],
            Box::new(|at| std::fs::read(at.join("hard")).is_ok_and(|read| read == b"TOP-SECRET")),
        ),
        ("pipe", vec![entry("pipe", Fifo, 0o644, "", b"")], Box::new(|at| kind(at, "pipe"))),
        ("whiteout", vec![entry("gone", Char, 0o644, "", b"")], Box::new(|at| kind(at, "gone"))),
        (
            "setuid",
            vec![file("su", 0o4755)],
            Box::new(|at| {
                let mode = std::fs::metadata(at.join("su")).map(|meta| meta.permissions().mode());
                mode.is_ok_and(|mode| mode & 0o4000 != 0)
            }),
        ),
        (
            "opaque",
            vec![
                entry("pax", EntryType::XHeader, 0o644, "", forged),
                entry("hides", Directory, 0o755, "", b""),
            ],
            Box::new(|at| {
                let mut value = [0_u8; 8];
                rustix::fs::getxattr(at.join("hides"), "user.overlay.opaque", &mut value[..])
                    .is_ok()
            }),
        ),
    ]
}

/// Neither a file nor a folder.
fn kind(at: &Path, name: &str) -> bool {
    let kind = std::fs::symlink_metadata(at.join(name)).map(|meta| meta.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device())
}

#[test]
fn a_malicious_archive_becomes_no_layer() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path();
    std::fs::create_dir(dir.join("away")).expect("dir");
    std::fs::write(dir.join("secret"), SECRET).expect("secret");
    let store = Store::open(&dir.join("store")).expect("a store");
    for (name, entries, did) in archives(dir) {
        let archive = [entries.concat(), vec![0; 1024]].concat();
        let at = dir.join(name).join("in");
        std::fs::create_dir_all(&at).expect("dir");
        let read = read_archive(&archive[..], &Bounds::default(), &mut store.write().expect("w"));
        assert!(matches!(read, Err(Error::Refused { .. })), "{name}: {read:?}");
        assert!(!did(&at), "{name} was done by reading it");
        let file = dir.join("careless.tar");
        std::fs::write(&file, &archive).expect("written");
        let mut careless = Command::new("tar");
        careless.args(["-xPp", "--xattrs", "--xattrs-include=*", "-f"]).arg(&file).arg("-C");
        let output = careless.arg(&at).output().expect("tar");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(did(&at), "{name} does no harm to who unpacks it: {said}");
    }
}

/// What git would run, links that lead out, programs that run as their owner: not unseen into a
/// folder of the machine.
#[test]
fn what_is_planted_is_not_taken_over() {
    let house = House::new();
    let setup = Setup { launch: house.launch(), ..Setup::default() };
    let engine = Engine::open(&house.dir.path().join("boxes"), setup).expect("an engine");
    let folder = house.dir.path().join("plain");
    std::fs::create_dir(&folder).expect("dir");
    std::fs::write(folder.join("box.toml"), "base = \"host\"\n").expect("written");
    let image = engine.build(&[&folder], &mut |_| {}).expect("an image");
    let done = house.dir.path().join("done");
    let run = done.display().to_string();
    let plants = [
        (
            "hook",
            format!(
                "mkdir -p AT/.git/hooks; printf '#!/bin/sh\\necho x > {run}\\n' \
                 > AT/.git/hooks/pre-commit; chmod +x AT/.git/hooks/pre-commit"
            ),
            "git commit -qm x --allow-empty",
        ),
        (
            "config",
            format!(
                "mkdir -p AT/.git; printf '[core]\\n\\trepositoryformatversion = 0\\n\\tfsmonitor = \
                 \"echo x > {run}; false\"\\n' > AT/.git/config"
            ),
            "git status",
        ),
        ("link", "mkdir -p AT; ln -s /etc/passwd AT/link".to_owned(), "cat link > $DONE"),
        (
            "setuid",
            "mkdir -p AT; cp /bin/true AT/su; chmod 4755 AT/su".to_owned(),
            "test -u su && echo x > $DONE",
        ),
    ];
    engine.create(&image, "plants", None).expect("a box");
    let out = house.dir.path().join("out");
    std::fs::create_dir(&out).expect("dir");
    let mut refused = String::new();
    for (name, plant, _) in &plants {
        let line = plant.replace("AT", &format!("/{name}"));
        let line = format!("rm -rf /hook /config /link; {line}");
        let request = ExecRequest::of(["sh", "-ec", &line]);
        let output = engine.exec("plants", &request, b"", &mut |_, _| {}).expect("it runs");
        assert!(output.is_success(), "{output:?}");
        let exported = engine.export("plants", &out, false);
        match *name {
            "setuid" => is_one_like_any_other(&exported.expect("exported"), &out.join("setuid")),
            _ => refused += &exported.expect_err("planted").to_string(),
        }
    }
    assert_eq!(std::fs::read_dir(&out).expect("dir").count(), 0, "nothing was taken over");
    engine.discard("plants").expect("discarded");
    for (name, plant, trigger) in plants {
        let is_told = name == "setuid" || refused.contains(&format!("{name}/"));
        assert!(is_told, "{name} is told: {refused}");
        // Without a box, the same line in a folder of this machine.
        let project = house.dir.path().join(format!("project-{name}"));
        std::fs::create_dir(&project).expect("dir");
        let line = format!("git init -q p; {}; cd p; {trigger} 2>&1", plant.replace("AT", "p"));
        let mut careless = Command::new("sh");
        careless.args(["-c", &line]).current_dir(&project).stdin(Stdio::null());
        careless.env("DONE", &done).env("HOME", &project);
        for role in ["AUTHOR", "COMMITTER"] {
            careless.env(format!("GIT_{role}_NAME"), "a").env(format!("GIT_{role}_EMAIL"), "a@b");
        }
        let said = careless.output().expect("sh");
        assert!(done.exists(), "{name} does nothing without a box: {said:?}");
        std::fs::remove_file(&done).expect("removed");
    }
}

/// The right to run as its owner is left behind with the box.
fn is_one_like_any_other(exported: &Exported, dir: &Path) {
    assert_eq!(exported.paths, 2);
    let file = std::fs::metadata(dir.join("su")).expect("there");
    assert_eq!(file.mode() & 0o7777, 0o755);
    std::fs::remove_dir_all(dir).expect("removed");
}

/// A careless owner follows a link that a layer has; a store's folder has none that leads out.
#[test]
fn a_link_in_a_layer_is_kept_as_a_link() {
    let house = House::new();
    let dir = house.dir.path();
    std::fs::write(dir.join("secret"), SECRET).expect("secret");
    let tree = dir.join("tree");
    std::fs::create_dir(&tree).expect("dir");
    symlink(dir.join("secret"), tree.join("link")).expect("link");
    let store = Store::open(&dir.join("store")).expect("a store");
    let mut writing = store.write().expect("writing");
    greenroom_boxes::layer::scan(&tree, &Bounds::default(), &mut writing).expect("scanned");
    assert!(store.blob(BlobHash::of(SECRET.as_bytes())).is_err(), "the link was followed");
    let read = std::fs::read_to_string(tree.join("link")).expect("without care it is");
    assert_eq!(read, SECRET);
}
