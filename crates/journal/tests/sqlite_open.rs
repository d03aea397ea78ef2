//! Opening SQLite files: what is made, what is refused, and how that is said.

#![expect(clippy::expect_used, clippy::panic, reason = "a test: its helpers fail like it does")]

use greenroom_journal::{Error, Journal, Listing, OpenOptions, Sqlite, SqliteOptions, open};
use greenroom_model::Millis;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn try_open(path: &Path) -> Result<Sqlite, Error> {
    Sqlite::open(path, SqliteOptions { holder: "greenroom up".into(), ..SqliteOptions::default() })
}

fn why(path: &Path) -> String {
    match try_open(path) {
        Err(error @ Error::Open { .. }) => error.to_string(),
        Err(error) => panic!("not an open error: {error}"),
        Ok(_) => panic!("it opened"),
    }
}

#[test]
fn the_directory_is_made_for_its_owner_alone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(".greenroom/store.db");
    let journal = try_open(&path).expect("opens");
    journal.acquire("x", Millis(1)).expect("acquires");
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().expect("has one")), 0o700);
    for file in ["store.db", "store.db-wal", "store.db.lock"] {
        assert_eq!(mode(&path.with_file_name(file)), 0o600, "{file}");
    }
    assert_eq!(journal.describe(), format!("sqlite:{}", path.display()));
}

#[test]
fn a_path_that_cannot_be_one_is_explained() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name);
    assert!(why(directory.path()).contains("it is a directory"));
    assert!(why(&at("no/such/store.db")).contains("cannot make the directory"));
    std::fs::write(at("text"), "a text, long enough to be no database ".repeat(200))
        .expect("writes");
    assert!(why(&at("text")).contains("not a SQLite database"), "{}", why(&at("text")));
    assert!(why(&at("text/store.db")).contains("Not a directory"), "{}", why(&at("text/store.db")));
    let others = rusqlite_file(&at("others.db"));
    assert!(why(&others).contains("another program"), "{}", why(&others));
    let mut permissions = at("text").metadata().expect("is there").permissions();
    permissions.set_mode(0o400);
    std::fs::set_permissions(at("text"), permissions).expect("sets");
    assert!(why(&at("text")).contains("read-only"));
}

/// A database of someone else.
fn rusqlite_file(path: &Path) -> std::path::PathBuf {
    let connection = rusqlite::Connection::open(path).expect("opens");
    connection.execute_batch("create table theirs (x)").expect("creates");
    path.to_path_buf()
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    drop(try_open(&path).expect("opens"));
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection.pragma_update(None, "user_version", 99).expect("sets");
    drop(connection);
    assert!(matches!(try_open(&path), Err(Error::Format { found: 99, .. })));
}

#[test]
fn one_node_at_a_time() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    let first = try_open(&path).expect("opens");
    let error = try_open(&path).err().expect("in use");
    let holder = format!("greenroom up (process {})", std::process::id());
    assert!(matches!(&error, Error::InUse { holder: named, .. } if *named == holder), "{error}");
    // A look is allowed beside it, and cannot write.
    let options = SqliteOptions { read_only: true, ..SqliteOptions::default() };
    let look = Sqlite::open(&path, options.clone()).expect("opens");
    assert!(look.list(&Listing::default()).expect("reads").is_empty());
    assert!(matches!(look.commit(&[]), Err(Error::Unavailable { .. })));
    drop(first);
    try_open(&path).expect("opens");
    drop(look);
    let missing = Sqlite::open(directory.path().join("none.db"), options);
    assert!(matches!(missing, Err(Error::Open { .. })));
    assert!(!directory.path().join("none.db").exists());
}

#[test]
fn a_store_is_named_by_a_text() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    let journal = open(&format!("sqlite:{}", path.display()), &OpenOptions::default());
    assert!(journal.expect("opens").describe().starts_with("sqlite:"));
    assert_eq!(open("memory:", &OpenOptions::default()).expect("opens").describe(), "memory:");
    for text in ["mysql://u:s3cret@host/x", "store.db", "", "sqlite:", "memory:x"] {
        let error = open(text, &OpenOptions::default()).err().expect("refused").to_string();
        assert!(error.contains("sqlite:FILE") && error.contains("memory:"), "{error}");
        assert!(!error.contains("s3cret"));
    }
    let nobody = "postgres://u:s3cret@127.0.0.1:1/x";
    let error = open(nobody, &OpenOptions::default()).err().expect("refused").to_string();
    assert!(error.contains("127.0.0.1:1") && !error.contains("s3cret"), "{error}");
}

#[test]
fn a_store_that_was_cut_off_to_nothing_is_not_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(Sqlite::open(&path, SqliteOptions::default()).unwrap());
    std::fs::write(&path, "").unwrap();
    let error = Sqlite::open(&path, SqliteOptions::default()).err().unwrap().to_string();
    assert!(error.contains("the file is empty, but there was a store in it"), "{error}");
    // Who deletes it means it.
    std::fs::remove_file(&path).unwrap();
    Sqlite::open(&path, SqliteOptions::default()).unwrap();
}
