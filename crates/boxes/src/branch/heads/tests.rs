//! Rows change only if they are as they were read.

use super::*;

#[test]
fn a_head_that_moved_is_neither_advanced_nor_closed() {
    let dir = tempfile::tempdir().unwrap();
    let heads = Heads::open(&dir.path().join("heads"), Steps::default()).unwrap();
    let ids = [LayerId::of(b"1"), LayerId::of(b"2")];
    let root = heads.write(Safe::Disk, |table| table.insert("main", &ids[..1], None)).unwrap();
    assert!(heads.write(Safe::Disk, |table| table.advance(&root, &ids)).unwrap());
    let stale = heads.write(Safe::Disk, |table| {
        Ok((table.advance(&root, &[])?, table.close(&root, State::Discarded)?))
    });
    assert_eq!(stale.unwrap(), (false, false));
    let again = Heads::open(&dir.path().join("heads"), Steps::default()).unwrap();
    let now = again.read(|table| table.named("main")).unwrap();
    assert_eq!((now.moves, now.state, &now.stack[..]), (1, State::Open, &ids[..]));
}

#[test]
fn what_fails_within_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let heads = Heads::open(&dir.path().join("heads"), Steps::default()).unwrap();
    let failed = heads.write(Safe::Disk, |table| {
        table.insert("main", &[], None)?;
        table.insert("main", &[], None)
    });
    assert!(failed.unwrap_err().to_string().contains("`main` is the name of an open branch"));
    assert!(heads.read(|table| table.open()).unwrap().is_empty());
}

#[test]
fn heads_of_a_newer_format_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("heads");
    drop(Heads::open(&file, Steps::default()).unwrap());
    Connection::open(&file).unwrap().pragma_update(None, "user_version", FORMAT + 1).unwrap();
    let error = Heads::open(&file, Steps::default()).unwrap_err().to_string();
    assert!(error.contains("newer format"), "{error}");
}

#[test]
fn many_may_open_a_new_file_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("heads");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let file = &file;
            scope.spawn(move || {
                let heads = Heads::open(file, Steps::default()).unwrap();
                let name = number.to_string();
                heads.write(Safe::Disk, |table| table.insert(&name, &[], None)).unwrap();
            });
        }
    });
    let heads = Heads::open(&file, Steps::default()).unwrap();
    assert_eq!(heads.read(|table| table.open()).unwrap().len(), 8);
}
