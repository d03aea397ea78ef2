//! Postgres nodes: one at a time, and what they do when connections go.

#![expect(clippy::expect_used, reason = "a test: its helpers fail like it does")]

use greenroom_journal::testing::{self, PrivatePostgres};
use greenroom_journal::{
    Error, Journal, Lease, Listing, Outcome, Postgres, PostgresOptions, Refusal,
};
use greenroom_model::{Kind, Millis, ProcessId};

fn connect(url: &str) -> Postgres {
    let blob_dir = Some(std::env::temp_dir().join("greenroom-no-blobs"));
    Postgres::connect(url, PostgresOptions { read_only: false, blob_dir }).expect("connects")
}

/// Ends every other connection, as a failing network would, and waits until
/// all have noticed.
fn cut_connections(url: &str) {
    let url = url.split('?').next().expect("has a head");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("connects");
        let cut = async {
            let all = "select pg_terminate_backend(pid) from pg_stat_activity \
                       where application_name = 'greenroom'; \
                       select pg_sleep(0.3)";
            let cut = client.batch_execute(all).await;
            drop(client);
            cut
        };
        let (cut, ended) = futures_util::future::join(cut, connection).await;
        cut.expect("runs");
        ended.expect("runs");
    });
}

fn start(journal: &Postgres, lease: &Lease, key: &str) -> Result<Outcome, Error> {
    let id = ProcessId::new("a", key).expect("valid");
    let commit = testing::start(id, Kind::new("a", 1).expect("valid"), lease.epoch);
    Ok(journal.commit(&[commit])?.remove(0))
}

/// Tries until the store is back.
fn start_at_last(journal: &Postgres, lease: &Lease, key: &str) -> Outcome {
    for _ in 0..20 {
        match start(journal, lease, key) {
            Ok(outcome) => return outcome,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    start(journal, lease, key).expect("is back")
}

/// The first try may only find out that a connection is gone.
fn patiently<T>(mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    match work() {
        Err(error) if error.is_transient() => work(),
        result => result,
    }
}

fn count(journal: &Postgres) -> usize {
    let listing = Listing { limit: 9, ..Listing::default() };
    patiently(|| journal.list(&listing)).expect("reads").len()
}

#[test]
fn one_node_at_a_time() {
    let server = PrivatePostgres::start(false).expect("a Postgres server; `./dev setup`");
    let url = server.url("faults");
    let first = connect(&url);
    let lease = first.acquire("the first node", Millis(1)).expect("acquires");
    start(&first, &lease, "1").expect("commits").expect("passes");
    // Another may look, and may not take over.
    let second = connect(&url);
    assert_eq!(count(&second), 1);
    let error = second.acquire("the second node", Millis(1)).expect_err("in use");
    assert!(matches!(&error, Error::InUse { holder, .. } if holder == "the first node"), "{error}");
    drop(first);
    second.acquire("the second node", Millis(1)).expect("acquires");
}

#[test]
fn a_node_goes_on_after_losing_its_connections() {
    let server = PrivatePostgres::start(false).expect("a Postgres server; `./dev setup`");
    let url = server.url("faults");
    let (first, second) = (connect(&url), connect(&url));
    let lease = first.acquire("the first node", Millis(1)).expect("acquires");
    cut_connections(&url);
    start_at_last(&first, &lease, "1").expect("passes");
    assert_eq!((count(&first), count(&second)), (1, 1));
    // It holds its claim again.
    let again = patiently(|| second.acquire("the second node", Millis(1)));
    assert!(matches!(again, Err(Error::InUse { .. })));
}

#[test]
fn a_node_that_was_slower_is_fenced_off() {
    let server = PrivatePostgres::start(false).expect("a Postgres server; `./dev setup`");
    let url = server.url("faults");
    let (first, second) = (connect(&url), connect(&url));
    let lease = first.acquire("the first node", Millis(1)).expect("acquires");
    cut_connections(&url);
    let taken = patiently(|| second.acquire("the second node", Millis(1))).expect("acquires");
    assert!(taken.epoch > lease.epoch);
    let refused = start_at_last(&first, &lease, "1");
    assert!(matches!(refused, Err(Refusal::Fenced { .. })));
    start_at_last(&second, &taken, "1").expect("passes");
    assert!(second.verify(&mut |_| ()).expect("reads").is_empty());
}
