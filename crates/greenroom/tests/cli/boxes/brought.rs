//! Boxes that a cloned repository brings, or a pull, are nobody's.

use super::Place;
use super::moved::take_over;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

fn dirs(all: &[&Path]) {
    all.iter().for_each(|dir| fs::create_dir_all(dir).expect("a folder"));
}

/// As `cp -r` of its layers, each of which leads into this folder where it is written out.
fn bring(from: &Path, to: &Path, leads: &Path) {
    dirs(&[&to.join("layers"), &to.join("lower")]);
    for layer in fs::read_dir(from.join("layers")).expect("layers").flatten() {
        let name = layer.file_name();
        fs::copy(layer.path(), to.join("layers").join(&name)).expect("copied");
        symlink(leads, to.join("lower").join(&name)).expect("a link");
    }
}

/// A plan of an export that is to be finished, as somebody else would have it.
fn plan(exports: &Path, to: &Path) {
    dirs(&[&to.join("srv"), &to.join(".git/hooks"), &to.join(".greenroom-export-00ff")]);
    symlink("x", to.join(".greenroom-export-00ff/0")).expect("a link");
    let inode = fs::metadata(to).expect("there").ino();
    let item =
        r#"{"path":".git/hooks/pre-commit","after":{"symlink":{"target":"x"}},"before":null}"#;
    let stage = format!(r#"{{"planned":{{"planted":true,"plan":{{"items":[{item}]}}}}}}"#);
    let record = format!(r#"{{"format":1,"dir":"x","inode":{inode},"stage":{stage}}}"#);
    fs::write(exports.join("00ff"), record).expect("a file");
}

#[test]
fn a_store_that_a_folder_brings_is_not_used() {
    let theirs = Place::with_work();
    let place = Place::new();
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("key"), "a private key").expect("a file");
    dirs(&[&home.path().join("1/photos")]);
    let brought = place.house.path(".greenroom/boxes");
    let look = [
        "run",
        "./plain",
        "--name",
        "look",
        "--",
        "sh",
        "-c",
        "cat /key; echo 1 > /srv/new; ls /srv",
    ];
    // A clone: nothing of it was there before.
    bring(&theirs.house.in_boxes(""), &brought, home.path());
    dirs(&[&brought.join("boxes")]);
    symlink(home.path(), brought.join("boxes/look")).expect("a link");
    let told = place.run(&look).fails(125, &["not made by you", ".greenroom/boxes", "remove"]);
    assert!(!told.out.contains("private"), "{}", told.out);
    assert_eq!(fs::read_dir(&brought).expect("read").count(), 3, "nothing was made beside it");

    // A pull into a folder that has boxes.
    fs::remove_dir_all(&brought).expect("removed");
    place.run(&["run", "./plain", "--", "true"]).ok();
    bring(&theirs.house.in_boxes(""), &brought, home.path());
    dirs(&[&brought.join("boxes"), &brought.join("exports")]);
    symlink(home.path(), brought.join("boxes/look")).expect("a link");
    let to = place.house.path("to");
    plan(&brought.join("exports"), &to);
    let ran = place.run(&look);
    assert!(!ran.out.contains("private") && ran.out.contains("hello.sh"), "{}", ran.out);
    assert!(home.path().join("1/photos").exists(), "nothing is removed through a link");
    place.run(&["export", "look", "to"]).ok();
    assert!(!to.join(".git/hooks/pre-commit").is_symlink() && to.join("srv/new").exists());

    // A whole folder of boxes, made by somebody else or elsewhere.
    theirs.run(&["stop", "work"]).ok();
    place.run(&["rm", "look"]).ok();
    fs::remove_dir_all(&brought).expect("removed");
    fs::rename(theirs.house.path(".greenroom/boxes"), &brought).expect("moved");
    let told = place.run(&["ls"]).fails(1, &["not made by you", "mv '"]);
    take_over(&told);
    assert_eq!(place.names(), ["work"], "whoever trusts it takes it over");
}

#[test]
fn a_box_does_not_see_where_boxes_stand() {
    let place = Place::with_work();
    let mounts = place.sh(
        "work",
        "cat /proc/self/mountinfo /proc/*/cmdline /proc/*/environ /proc/*/maps; \
         ls -l /proc/*/fd /proc/*/cwd /proc/*/root /proc/*/exe; true",
    );
    let own = place.house.in_boxes("");
    let name = own.file_name().and_then(|name| name.to_str()).expect("a name");
    assert!(mounts.contains("greenroom-hub") && !mounts.contains(name), "{mounts}");
}
