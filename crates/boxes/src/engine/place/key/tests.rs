//! Where the key is, and that nobody else has it.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn root(dir: &Path) -> Root {
    Root { within: None, named: false, dir: dir.to_owned() }
}

#[test]
fn the_key_is_where_it_can_be_and_nobody_else_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("file"), "").unwrap();
    let lost = Root { within: Some(at("nowhere")), named: false, dir: at("nowhere/state") };
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
fn a_key_that_is_there_goes_before_a_better_folder_that_nobody_named() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| root(&dir.path().join(name));
    let last = key(&[at("last")]).unwrap();
    assert_eq!(key(&[at("home"), at("last")]).unwrap(), last);
    let named = Root { named: true, ..at("home") };
    assert_eq!(key(&[named, at("last")]).unwrap().0, at("home").dir);
    assert_eq!(key(&[at("home"), at("last")]).unwrap().0, at("home").dir);
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
