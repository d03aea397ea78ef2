//! Random commits have the same outcome on every store as on the one in
//! memory, which shares no rule with them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test: its helpers fail like it does")]

mod plan;
mod twin;

use greenroom_journal::testing::PrivatePostgres;
use greenroom_journal::{Journal, Postgres, PostgresOptions, Sqlite, SqliteOptions};
use plan::{Plan, groups};
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use twin::Twin;

fn run(cases: u32, open: impl Fn() -> Box<dyn Journal>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&groups(), |groups: Vec<Vec<Plan>>| {
        let mut twin = Twin::new(open());
        for group in &groups {
            twin.commit(group);
        }
        twin.compare();
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn sqlite() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let turn = Cell::new(0);
    run(300, || {
        turn.set(turn.get() + 1);
        let path = directory.path().join(format!("{}.db", turn.get()));
        Box::new(Sqlite::open(path, SqliteOptions::default()).expect("opens"))
    });
}

#[test]
fn postgres() {
    let server = PrivatePostgres::start(false).expect("a Postgres server; `./dev setup`");
    let blobs = tempfile::tempdir().expect("a temporary directory");
    let turn = Cell::new(0);
    run(40, || {
        turn.set(turn.get() + 1);
        let url = server.url(&format!("model_{}", turn.get()));
        let blob_dir = Some(blobs.path().to_path_buf());
        let options = PostgresOptions { read_only: false, blob_dir };
        Box::new(Postgres::connect(&url, options).expect("connects"))
    });
}
