//! A folder of secrets: what goes in comes out, and nobody else sees it.

use super::{Secret, SecretStore};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn own(folder: &Path) -> SecretStore {
    let home = OsString::from(folder);
    let store = SecretStore::with_env(&move |name| (name == "HOME").then(|| home.clone()));
    store.expect("a home")
}

#[test]
fn what_is_set_is_there_until_it_is_removed() {
    let home = tempfile::tempdir().unwrap();
    let store = own(home.path());
    assert!(store.get("ACME_KEY").unwrap().is_none());
    assert!(store.names().unwrap().is_empty());
    store.set("ACME_KEY", &Secret::new("sk-first-1")).unwrap();
    store.set("ACME_KEY", &Secret::new("sk-second-2")).unwrap();
    assert_eq!(store.get("ACME_KEY").unwrap().unwrap().reveal(), "sk-second-2");
    assert_eq!(store.names().unwrap(), ["ACME_KEY"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(store.folder()), mode(&store.folder().join("ACME_KEY"))), (0o700, 0o600));
    assert_eq!(fs::read_dir(store.folder()).unwrap().count(), 1, "nothing is left beside it");
    assert!(store.remove("ACME_KEY").unwrap());
    assert!(!store.remove("ACME_KEY").unwrap());
    assert!(store.get("ACME_KEY").unwrap().is_none());
}

#[test]
fn a_secret_that_others_can_read_is_refused_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let store = own(home.path());
    store.set("ACME_KEY", &Secret::new("sk-very-secret")).unwrap();
    let file = store.folder().join("ACME_KEY");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = store.get("ACME_KEY").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("chmod 600"), "{error}");
    assert!(!error.to_string().contains("very"), "{error}");
}

#[test]
fn a_mounted_folder_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ACME_KEY"), "sk-mounted\n").unwrap();
    fs::write(folder.path().join("not-a-name"), "x").unwrap();
    let mounted = OsString::from(folder.path());
    let env = move |name: &str| (name == super::FOLDER).then(|| mounted.clone());
    let store = SecretStore::with_env(&env).unwrap();
    assert_eq!(store.get("ACME_KEY").unwrap().unwrap().reveal(), "sk-mounted");
    assert_eq!(store.names().unwrap(), ["ACME_KEY"]);
}

#[test]
fn what_is_no_name_reaches_no_file() {
    let home = tempfile::tempdir().unwrap();
    let store = own(home.path());
    for name in ["", "..", "../x", "a/b", "a b", "1A", "sk-abc", &"A".repeat(129)] {
        assert_eq!(store.get(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        assert!(store.set(name, &Secret::new("secret-text")).is_err(), "{name}");
        assert!(store.remove(name).is_err(), "{name}");
    }
    assert!(!store.folder().exists());
}

#[test]
fn what_is_no_text_or_too_long_is_said_to_be() {
    let home = tempfile::tempdir().unwrap();
    let store = own(home.path());
    store.set("A", &Secret::new("x".repeat(70_000))).unwrap();
    assert!(store.get("A").unwrap_err().to_string().contains("65536"));
    fs::write(store.folder().join("A"), [0xff, 0xfe]).unwrap();
    assert!(store.get("A").unwrap_err().to_string().contains("UTF-8"));
}
