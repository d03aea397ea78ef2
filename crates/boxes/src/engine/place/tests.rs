//! Only this user, and only at this place, finds boxes again.

use super::*;
use std::os::unix::fs::symlink;

fn root(dir: &Path) -> Root {
    Root { within: None, named: false, dir: dir.to_owned() }
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
    std::fs::remove_dir_all(&own).unwrap();
    symlink(dir.path(), &own).unwrap();
    let told = place_of(&at("boxes"), &roots).unwrap_err().to_string();
    assert!(told.contains("a folder of your own is wanted"), "{told}");
}

#[test]
fn a_place_that_is_a_link_to_another_is_refused_and_what_is_shown_of_none_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let roots = [root(&at("state"))];
    let own = place_of(&at("boxes"), &roots).unwrap();
    symlink(at("boxes"), at("link")).unwrap();
    let told = place_of(&at("link"), &roots).unwrap_err().to_string();
    assert!(told.contains("no link to one"), "{told}");

    let gone = place_of(&at("gone"), &roots).unwrap();
    std::fs::create_dir(own.shown.with_file_name("bin")).unwrap();
    std::fs::rename(&gone.dir, at("moved")).unwrap();
    // It may come back.
    sweep_shown(&own.shown, SystemTime::UNIX_EPOCH);
    let missed = gone.shown.join(MISSED);
    assert!(missed.exists() && !own.shown.join(MISSED).exists());
    place_of(&at("gone"), &roots).unwrap();
    assert!(!missed.exists());
    std::fs::rename(&gone.dir, at("again")).unwrap();
    sweep_shown(&own.shown, SystemTime::UNIX_EPOCH);
    let missed = std::fs::metadata(missed).unwrap().modified().unwrap();
    sweep_shown(&own.shown, missed + FORGOTTEN);
    assert!(gone.shown.exists());
    sweep_shown(&own.shown, missed + FORGOTTEN + Duration::from_secs(1));
    assert!(own.shown.exists() && own.shown.with_file_name("bin").exists());
    assert!(!gone.shown.exists());
}
