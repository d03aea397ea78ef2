//! Only this user, and only at this place, finds boxes again.

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

fn root(dir: &Path) -> Root {
    Root { within: None, dir: dir.to_owned() }
}

#[test]
fn a_place_is_found_again_and_is_another_under_another_key_or_path() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let roots = [root(&at("state"))];
    let first = place_of(&at("a/boxes"), &roots).unwrap();
    assert!(first.dir.starts_with(at("a/boxes").canonicalize().unwrap()));
    assert!(first.shown.starts_with(at("state")));
    assert_eq!(place_of(&at("a/boxes"), &roots).unwrap().dir, first.dir);
    let name = |place: &Place| place.dir.file_name().unwrap().to_owned();
    assert_ne!(name(&place_of(&at("b/boxes"), &roots).unwrap()), name(&first));
    assert_ne!(first.shown.file_name().unwrap(), first.dir.file_name().unwrap());

    // A folder that was moved is told, with what takes its boxes over.
    std::fs::rename(at("a"), at("c")).unwrap();
    let told = place_of(&at("c/boxes"), &roots).unwrap_err().to_string();
    assert!(told.contains("not made by you in this place") && told.contains("remove"), "{told}");
    let (_, moves) = told.split_once("mv '").unwrap();
    let (from, to) = moves.trim_end_matches('\'').split_once("' '").unwrap();
    std::fs::rename(from, to).unwrap();
    assert_eq!(place_of(&at("c/boxes"), &roots).unwrap().dir, Path::new(to));

    // What it says is typed by people: no name of somebody else's is in it.
    std::fs::create_dir_all(at("d/boxes/x'; rm '")).unwrap();
    let told = place_of(&at("d/boxes"), &roots).unwrap_err().to_string();
    assert!(told.contains("move the one that is yours") && !told.contains("rm '"), "{told}");
    let told = place_of(&at("b/boxes"), &[root(&at("new"))]).unwrap_err().to_string();
    assert!(told.contains("not made by you"), "{told}");
}

#[test]
fn a_place_that_is_a_link_is_refused_and_what_is_brought_beside_it_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let roots = [root(&at("state"))];
    let own = place_of(&at("boxes"), &roots).unwrap().dir;
    std::fs::create_dir(at("boxes/lower")).unwrap();
    assert_eq!(place_of(&at("boxes"), &roots).unwrap().dir, own);
    std::fs::remove_dir(&own).unwrap();
    symlink(dir.path(), &own).unwrap();
    let told = place_of(&at("boxes"), &roots).unwrap_err().to_string();
    assert!(told.contains("a folder of your own is wanted"), "{told}");
}

#[test]
fn the_key_is_where_it_can_be_and_nobody_else_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("file"), "").unwrap();
    let lost = Root { within: Some(at("nowhere")), dir: at("nowhere/state") };
    let roots = [lost, root(&at("file/state")), root(&at("state"))];
    let (found, made) = key(&roots).unwrap();
    assert_eq!((found, key(&roots).unwrap().1), (at("state"), made));
    assert!(!at("nowhere").exists());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&at("state")), mode(&at("state").join(KEY))), (0o700, 0o600));

    let told = key(&[root(&at("file/state"))]).unwrap_err().to_string();
    assert!(told.contains("XDG_STATE_HOME") && told.contains("file/state"), "{told}");
    std::fs::set_permissions(at("state").join(KEY), PermissionsExt::from_mode(0o644)).unwrap();
    let told = key(&roots).unwrap_err().to_string();
    assert!(told.contains("no key that only you can read"), "{told}");
}

#[test]
fn the_folders_of_the_key_are_named_by_the_environment() {
    let none = roots(&|name| (name == "HOME").then(|| "/home/me".into()));
    assert_eq!(none[0].dir, Path::new("/home/me/.local/state/greenroom"));
    let named = roots(&|name| (name == "XDG_STATE_HOME").then(|| "/s".into()));
    assert_eq!(named[0].dir, Path::new("/s/greenroom"));
    let relative = roots(&|name| (name != "HOME").then(|| "s".into()));
    assert!(relative.iter().all(|root| root.dir.is_absolute()));
}
