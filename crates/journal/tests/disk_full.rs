//! A full disk: the commit that finds no room is refused whole, what was
//! committed can be read, and with room again it goes on.

#![expect(clippy::expect_used, clippy::panic, reason = "a test: its helpers fail like it does")]

use greenroom_journal::{
    Commit, Error, Journal, Lease, Listing, Scope, Sqlite, SqliteOptions, testing,
};
use greenroom_model::{Kind, Millis, ProcessId, ProcessNo, Seq};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::process::Command;

const CHILD: &str = "GREENROOM_TEST_DISK_FULL";
const LIMIT_KIB: u32 = 1_000;

/// The limit is on the size of files, so the test runs in a process of its
/// own, in which a write beyond it fails instead of ending the process.
#[test]
fn nothing_is_lost() {
    if std::env::var_os(CHILD).is_some() {
        return in_the_child();
    }
    let script = format!("trap '' XFSZ; ulimit -S -f {LIMIT_KIB}; exec \"$0\" nothing_is_lost");
    let program = std::env::current_exe().expect("has a path");
    let mut shell = Command::new("bash");
    let status = shell.arg("-c").arg(script).arg(program).env(CHILD, "1").status();
    assert!(status.expect("bash runs").success());
}

fn in_the_child() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("store.db");
    let journal = Sqlite::open(path, SqliteOptions::default()).expect("opens");
    let lease = journal.acquire("test", Millis(1)).expect("acquires");
    let (mut done, error) = fill(&journal, &lease);
    assert!(error.is_transient(), "{error}");
    // Still full, and still nothing is lost.
    assert!(journal.commit(&[start(&lease, done)]).is_err());
    check(&journal, done);
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, ..limit }).expect("sets");
    for _ in 0..20 {
        journal.commit(&[start(&lease, done)]).expect("commits").remove(0).expect("passes");
        done += 1;
    }
    check(&journal, done);
    assert!(journal.verify(&mut |_| ()).expect("reads").is_empty());
}

fn fill(journal: &Sqlite, lease: &Lease) -> (usize, Error) {
    for done in 0..100_000 {
        match journal.commit(&[start(lease, done)]) {
            Ok(mut outcomes) => drop(outcomes.remove(0).expect("passes")),
            Err(error) => return (done, error),
        }
    }
    panic!("the disk did not fill");
}

fn check(journal: &Sqlite, done: usize) {
    let rows = journal.list(&Listing { limit: 200_000, ..Listing::default() }).expect("reads");
    assert_eq!(rows.len(), done);
    for no in [1, done as i64] {
        let loaded = journal.load(ProcessNo(no), Scope::Whole).expect("reads");
        assert_eq!(loaded.expect("is there").row.seq, Seq(0));
    }
}

fn start(lease: &Lease, key: usize) -> Commit {
    let id = ProcessId::new("a", &key.to_string()).expect("valid");
    testing::start(id, Kind::new("a", 1).expect("valid"), lease.epoch)
}
