//! One damaged row holds up nobody else: lists, timers and recovery go on, and
//! a message to it is kept.

use crate::kept::{fill, letter, name};
use greenroom_journal::{Journal, Listing, Scope, Sqlite, SqliteOptions};
use greenroom_model::{Millis, ProcessNo, Status};

#[test]
fn holds_up_nobody_else() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    let journal = Sqlite::open(&path, SqliteOptions::default()).expect("opens");
    fill(&journal);
    let all = journal.list(&Listing { limit: 1_000, ..Listing::default() }).expect("lists");
    let due = journal.due((Millis(0), ProcessNo(0)), 1_000).expect("reads");
    let hurt = all.iter().find(|row| row.wake_at.is_some()).expect("one sleeps").clone();
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute("update process set mark = mark + 1 where no = ?1", [hurt.no.0]).expect("runs");
    drop(other);
    let found = journal.list(&Listing { limit: 1_000, ..Listing::default() }).expect("lists");
    assert_eq!(found.len(), all.len());
    for (before, now) in all.iter().zip(&found) {
        let damaged = before.no == hurt.no;
        let status = if damaged { Status::Damaged } else { before.status };
        assert_eq!((&now.id, now.status), (&before.id, status));
    }
    assert_eq!(journal.due((Millis(0), ProcessNo(0)), 1_000).expect("reads"), due);
    assert!(journal.find(&hurt.id).expect_err("is damaged").is_damage());
    let lease = journal.acquire("test", Millis(1)).expect("acquires");
    let mut commit = letter(&lease, &hurt.id);
    commit.sends.extend(letter(&lease, &name(1)).sends);
    let receipt = journal.commit(&[commit]).expect("commits").remove(0).expect("passes");
    assert_eq!(receipt.delivered.len(), 2, "kept, as the other's is");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute("update process set mark = mark - 1 where no = ?1", [hurt.no.0]).expect("runs");
    drop(other);
    let loaded = journal.load(hurt.no, Scope::Whole).expect("reads").expect("is there");
    assert!(loaded.mailbox.iter().any(|message| message.root == "late"), "and there to be read");
}
