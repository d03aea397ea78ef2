//! A name that somebody has is never taken.

use super::*;
use std::fs::{self, File};
use std::os::unix::fs::symlink;

#[test]
fn what_is_moved_without_help_of_the_file_system_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let open = OwnedFd::from(File::open(dir.path()).unwrap());
    fs::write(at("file"), "1").unwrap();
    symlink("nowhere", at("link")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("mine"), "mine").unwrap();
    for name in ["file", "link", "folder"] {
        assert_eq!(link_to_free(&open, name, &open, "mine"), Err(Errno::EXIST), "{name}");
        assert_eq!(fs::read_to_string(at("mine")).unwrap(), "mine");
        let kind = at(name).symlink_metadata().unwrap().file_type();
        link_to_free(&open, name, &open, "free").unwrap();
        assert!(at(name).symlink_metadata().is_err(), "{name} has one name");
        assert_eq!(at("free").symlink_metadata().unwrap().file_type(), kind, "{name}");
        fs::rename(at("free"), at(&format!("{name} moved"))).unwrap();
    }
}
