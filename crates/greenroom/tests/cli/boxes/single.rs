//! `box cp` of a single file: whole or not at all, and through no link.

use super::Place;
use crate::house::Ran;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

/// As with a disk that is full: no file may be larger than some megabytes.
fn with_little_room(place: &Place, args: &[&str]) -> Ran {
    let known = place.house.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\""]);
    command.arg(known.get_program()).args(args).current_dir(place.house.path("."));
    for (name, value) in known.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ran::of(command.output().expect("sh"))
}

#[test]
fn a_copy_goes_through_no_link_that_a_box_has_made() {
    let place = Place::with_work();
    let at = |name: &str| place.house.path(name);
    fs::write(at("target"), "precious").expect("a file");
    place.sh("work", "mkdir /o; ln -s ../target /o/r; ln -s ../new /o/n; echo x > /o/f");
    place.run(&["cp", "work:/o", "out"]).ok();
    assert!(at("out/r").is_symlink());
    place.sh("work", "cd /o; rm r n; for name in r n; do echo pwn > $name; chmod 750 $name; done");
    for name in ["r", "n"] {
        place.run(&["cp", &format!("work:/o/{name}"), &format!("out/{name}")]).ok();
        let copied = at("out").join(name);
        assert!(!copied.is_symlink());
        assert_eq!(fs::read_to_string(&copied).expect("text"), "pwn\n");
        assert_eq!(copied.metadata().expect("there").permissions().mode() & 0o777, 0o750);
    }
    assert_eq!(fs::read_to_string(at("target")).expect("text"), "precious");
    assert!(!at("new").exists());
    // A device is written to, also by a link of the machine's own.
    symlink("/dev/null", at("null")).expect("a link");
    place.run(&["cp", "work:/o/f", "null"]).ok();
    assert!(at("null").is_symlink());
}

#[test]
fn a_copy_that_fails_leaves_what_was_there() {
    let place = Place::with_work();
    let at = |name: &str| place.house.path(name);
    fs::write(at("target"), "precious").expect("a file");
    place.sh("work", "head -c 8000000 /dev/zero > /big; echo x > /f");
    let told = with_little_room(&place, &["box", "cp", "work:/big", "target"]);
    told.fails(1, &["cannot copy target", "too large"]);
    assert_eq!(fs::read_to_string(at("target")).expect("text"), "precious");
    place.run(&["cp", "work:/f", "nowhere/"]).fails(2, &["no folder nowhere/"]);

    assert!(Command::new("mkfifo").arg(at("fifo")).status().expect("mkfifo").success());
    for what in ["fifo", "/dev/zero"] {
        place.run(&["cp", what, "work:/x"]).fails(2, &["neither a file nor a folder"]);
    }
    let large = fs::File::create(at("large")).expect("a file");
    large.set_len((4 << 30) + 1).expect("a hole");
    place.run(&["cp", "large", "work:/x"]).fails(1, &["larger than"]);
    let names = fs::read_dir(at(".")).expect("read").flatten().map(|entry| entry.file_name());
    let rests = names.filter(|name| name.to_string_lossy().starts_with(".greenroom-copy"));
    assert_eq!(rests.count(), 0);
}
