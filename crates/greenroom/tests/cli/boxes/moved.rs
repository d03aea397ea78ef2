//! Folders of boxes that are moved, also while boxes run, and whose name nobody else hears.

use super::Place;
use crate::house::Ran;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Does as the error says.
pub fn take_over(told: &Ran) {
    let (_, moves) = told.err.split_once("mv '").expect("a command");
    let (from, rest) = moves.split_once("' '").expect("two paths");
    let (to, _) = rest.split_once('\'').expect("two paths");
    fs::rename(from, to).expect("moved");
}

/// The processes that make boxes there; one that has ended may be listed yet.
fn spawners(own: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(own.join("spawner")).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let pids = names.filter_map(|name| Some(name.strip_prefix("spawner-")?.to_owned()));
    let processes = pids.map(|pid| Path::new("/proc").join(pid).join("cmdline"));
    processes.filter(|process| lives(process)).collect()
}

fn lives(process: &Path) -> bool {
    fs::read(process).is_ok_and(|words| !words.is_empty())
}

#[test]
fn a_box_that_ran_while_its_project_was_moved_keeps_what_it_wrote() {
    let old = Place::with_work();
    old.run(&["exec", "work", "-d", "--", "sleep", "1000"]).ok();
    old.sh("work", "echo new > /srv/new; rm /srv/a");
    let before = spawners(&old.house.in_boxes(""));
    assert_eq!(before.len(), 1);

    let new = Place::new();
    fs::create_dir(new.house.path(".greenroom")).expect("a folder");
    fs::rename(old.house.path(".greenroom/boxes"), new.house.path(".greenroom/boxes"))
        .expect("moved");
    take_over(&new.run(&["diff", "work"]).fails(1, &["not made by you", "mv '"]));
    let changed = new.run(&["diff", "work"]).ok().out;
    assert!(changed.contains("srv/new") && changed.contains("srv/a"), "{changed}");
    assert!(!lives(&before[0]), "what runs there sees the old place");
    new.run(&["branch", "work", "also"]).ok();
    assert_eq!(new.sh("also", "cat /srv/new; ls /srv"), "new\nhello.sh\nnew\n");

    // It is here now: what runs goes on.
    let before = spawners(&new.house.in_boxes(""));
    assert_eq!(new.sh("work", "ls /srv"), "hello.sh\nnew\n");
    assert_eq!(spawners(&new.house.in_boxes("")), before);
}

#[test]
fn a_link_that_a_project_brings_leads_to_no_other_boxes() {
    let other = Place::with_work();
    let place = Place::new();
    symlink(other.house.path(".greenroom"), place.house.path(".greenroom")).expect("a link");
    place.run(&["exec", "work", "--", "true"]).fails(125, &["is a link", "--dir", "GREENROOM_DIR"]);
    place.house.run(&["up"]).fails(1, &["is a link"]);
    for dir in [".greenroom/", ".greenroom/."] {
        place.house.run(&["--dir", dir, "box", "ls"]).fails(1, &["is a link"]);
    }
    // Somebody's own: it is named by a path that no project brings.
    let named = place.house.path(".greenroom");
    let named = named.to_str().expect("a path");
    other.house.run(&["--dir", named, "box", "exec", "work", "--", "true"]).ok();

    fs::remove_file(place.house.path(".greenroom")).expect("removed");
    fs::create_dir(place.house.path(".greenroom")).expect("a folder");
    symlink(other.house.path(".greenroom/boxes"), place.house.path(".greenroom/boxes"))
        .expect("a link");
    place.run(&["exec", "work", "--", "true"]).fails(125, &["no link to one"]);
    fs::remove_file(place.house.path(".greenroom/boxes")).expect("removed");
}

#[test]
fn git_hears_of_no_boxes() {
    let place = Place::new();
    let git = |args: &[&str]| {
        let told = Command::new("git").args(args).current_dir(place.house.path(".")).output();
        String::from_utf8(told.expect("git").stdout).expect("text")
    };
    // Whoever brings this wants to hear all that is made there.
    fs::create_dir_all(place.house.path(".greenroom/boxes")).expect("a folder");
    fs::write(place.house.path(".greenroom/boxes/.gitignore"), "!*\n").expect("a file");
    fs::write(place.house.path(".greenroom/.gitignore"), "!*\n").expect("a file");
    git(&["init", "-q"]);
    place.run(&["run", "./plain", "--name", "work"]).ok();
    git(&["add", "-A"]);
    let own = place.house.in_boxes("");
    let name = own.file_name().and_then(|name| name.to_str()).expect("a name");
    let tracked = git(&["ls-files"]);
    assert!(tracked.contains("plain/box.toml") && !tracked.contains(name), "{tracked}");

    // Without it, git hears of nothing at all.
    git(&["rm", "-rqf", "--cached", "."]);
    place.run(&["rm", "-f", "work"]).ok();
    fs::remove_dir_all(place.house.path(".greenroom")).expect("removed");
    place.run(&["run", "./plain", "--name", "work"]).ok();
    git(&["add", "-A"]);
    assert_eq!(git(&["ls-files"]), "plain/box.toml\n");
}
