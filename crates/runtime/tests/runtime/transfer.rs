//! Processes that wait for each other, moved from one store to another in any
//! order, go on to the right end.

use crate::world::{World, pause};
use greenroom_journal::testing::PrivatePostgres;
use greenroom_runtime::journal::{
    Journal, Memory, Postgres, PostgresOptions, Sqlite, SqliteOptions,
};
use greenroom_runtime::model::{Failure, Millis, Payload, ProcessId, Status};
use greenroom_runtime::{Ctx, Error, Export, Import, Node, NodeOptions, Registry};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

/// A lead joins a child, which asks; a caller waits for a callee, which waits
/// for a word first; a watcher monitors the caller.
fn registry() -> Registry {
    Registry::new()
        .kind("lead", |ctx: Ctx, _: ()| async move {
            ctx.spawn("child", &()).key("one").await?.join::<String>().await
        })
        .kind("child", |ctx: Ctx, _: ()| async move {
            ctx.set("mood", "curious")?;
            ctx.ask::<String>("word", "Which word?").await
        })
        .kind("caller", |ctx: Ctx, _: ()| async move {
            let callee: ProcessId = "callee/one".parse().expect("an id");
            let reply: u64 = ctx.call(&callee, "double", &21).await?;
            Ok::<_, Failure>(reply)
        })
        .kind("callee", |ctx: Ctx, _: ()| async move {
            let request = ctx.recv().topic("double").await?;
            ctx.recv().topic("go").await?;
            ctx.reply(&request, &(request.read::<u64>()? * 2))?;
            let mut rest = Vec::new();
            for _ in 0..3 {
                rest.push(ctx.recv().topic("late").await?.read::<u64>()?);
            }
            Ok::<_, Failure>(rest)
        })
        .kind("sleeper", |ctx: Ctx, ms: u64| async move {
            ctx.sleep(Duration::from_millis(ms)).await?;
            Ok::<_, Failure>("rested".to_owned())
        })
}

fn node(journal: Arc<dyn Journal>) -> World {
    World::with(Node::start(journal, registry(), NodeOptions::default()).expect("starts"))
}

/// Starts the family and gives back the store's export once all wait.
async fn family(journal: Arc<dyn Journal>) -> String {
    let world = node(journal.clone());
    let lead = world.start("lead/one", "null").await;
    world.until(&lead, Status::Joining).await;
    world.until(&id("child/one"), Status::Asking).await;
    let callee = world.start("callee/one", "null").await;
    world.until(&callee, Status::Receiving).await;
    let caller = world.start("caller/one", "null").await;
    world.until(&caller, Status::Joining).await;
    while !world.names(&callee).await.contains(&"MessageReceived") {
        pause(5).await;
    }
    // These wait in the mailbox, in order.
    for number in 1..=3 {
        world.send(&callee, "late", &number.to_string()).await;
    }
    let paused = world.start("callee/held", "null").await;
    world.node.pause(&paused, "test").await.expect("paused");
    world.until(&paused, Status::Paused).await;
    let sleeper = world.start("sleeper/one", "3600000").await;
    world.until(&sleeper, Status::Sleeping).await;
    world.node.stop(Duration::from_secs(5)).await;
    export(&*journal)
}

fn export(journal: &dyn Journal) -> String {
    let (mut export, mut text) = (Export::begin(Millis(1)), String::new());
    while let Some(page) = export.page(journal).expect("a page") {
        assert_eq!(page.missing, []);
        text.push_str(&page.text);
    }
    text
}

/// The lines of the processes alone, each as it may stand alone, in this order.
fn bare(text: &str, order: impl Fn(&mut Vec<String>)) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.pop();
    lines.remove(0);
    for line in &mut lines {
        *line = line.replacen("{\"format\":2", "{\"format\":1", 1);
    }
    order(&mut lines);
    lines.join("\n")
}

fn import(journal: &dyn Journal, text: &str) -> Result<(u64, u64), Error> {
    let lease = journal.acquire("test", Millis(1)).expect("acquired");
    let file = Cursor::new(text.as_bytes().to_vec());
    let done = Import::of(file).run(journal, lease.epoch, lease.seen, &mut |_, _| {})?;
    Ok((done.imported, done.present))
}

fn id(text: &str) -> ProcessId {
    text.parse().expect("an id")
}

async fn goes_on(journal: Arc<dyn Journal>) {
    let world = node(journal);
    let child = world.node.process(&id("child/one")).await.expect("found");
    assert_eq!((child.parent, child.hops), (Some(id("lead/one")), 1));
    let state = world.node.state(&id("child/one")).await.expect("read");
    assert_eq!(state[0].value.to_string(), "\"curious\"");
    let held = world.node.process(&id("callee/held")).await.expect("found");
    assert_eq!(held.status, Status::Paused);
    let sleeper = world.node.process(&id("sleeper/one")).await.expect("found");
    assert!(sleeper.wake_at.is_some() && sleeper.status == Status::Sleeping);
    let asks = world.node.asks(None).await.expect("read");
    assert_eq!(asks.len(), 1);
    let ask = greenroom_runtime::model::AskId { process: id("child/one"), op: asks[0].op };
    let word = Payload::parse("\"plum\"").expect("json");
    world.node.answer(&ask, word, "test").await.expect("answered");
    assert_eq!(world.result(&id("lead/one")).await, "\"plum\"");
    world.send(&id("callee/one"), "go", "null").await;
    assert_eq!(world.result(&id("caller/one")).await, "42");
    assert_eq!(world.result(&id("callee/one")).await, "[1,2,3]");
    assert_eq!(world.node.verify().await.expect("read"), Vec::<String>::new());
    world.node.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_moves_in_any_order() {
    let text = family(Arc::new(Memory::new())).await;
    let orders: [fn(&mut Vec<String>); 3] =
        [|_| {}, |lines| lines.reverse(), |lines| lines.rotate_left(2)];
    let directory = tempfile::tempdir().expect("a directory");
    for (place, order) in orders.into_iter().enumerate() {
        let lines = bare(&text, order);
        let memory = Arc::new(Memory::new());
        assert_eq!(import(&*memory, &lines).expect("imported"), (6, 0));
        goes_on(memory).await;
        let path = directory.path().join(format!("{place}.db"));
        let sqlite = Arc::new(Sqlite::open(path, SqliteOptions::default()).expect("opens"));
        assert_eq!(import(&*sqlite, &lines).expect("imported"), (6, 0));
        goes_on(sqlite).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sqlite_to_postgres_and_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let from = Arc::new(Sqlite::open(path, SqliteOptions::default()).expect("opens"));
    let text = family(from.clone()).await;
    // Into itself: all is there.
    assert_eq!(import(&*from, &text).expect("imported"), (0, 6));
    let server = PrivatePostgres::start(false).expect("a Postgres server; `./dev setup`");
    let options = PostgresOptions {
        blob_dir: Some(directory.path().join("blobs")),
        ..PostgresOptions::default()
    };
    let to: Arc<dyn Journal> =
        Arc::new(Postgres::connect(&server.url("moved"), options).expect("opens"));
    assert_eq!(import(&*to, &text).expect("imported"), (6, 0));
    assert_eq!(import(&*to, &text).expect("imported"), (0, 6));
    // What has come is what was sent, but for the first line's time.
    assert_eq!(bare(&export(&*to), |_| {}), bare(&text, |_| {}));
    goes_on(to.clone()).await;
    // What has gone on since goes on from what the file holds.
    assert_eq!(import(&*to, &text).expect("imported"), (0, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_under_the_same_id_is_named_and_nothing_is_let_loose() {
    let text = family(Arc::new(Memory::new())).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let stores: [Arc<dyn Journal>; 2] = [
        Arc::new(Memory::new()),
        Arc::new(Sqlite::open(path, SqliteOptions::default()).expect("opens")),
    ];
    for store in stores {
        let world = node(store.clone());
        world.start("sleeper/one", "5").await;
        world.node.stop(Duration::from_secs(5)).await;
        let error = import(&*store, &text).expect_err("it differs");
        assert_eq!(error.code(), "differs");
        assert!(error.to_string().contains("sleeper/one"), "{error}");
        let all = store.list(&Default::default()).expect("listed");
        assert!(all.len() <= 1, "nothing else came: {all:?}");
        assert!(store.find(&id("lead/one")).expect("read").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_whole_is_refused() {
    let text = family(Arc::new(Memory::new())).await;
    let store = Memory::new();
    let refuses = |bytes: &[u8]| {
        let lease = store.acquire("test", Millis(1)).expect("acquired");
        let import = Import::of(Cursor::new(bytes.to_vec()));
        let done = import.run(&store, lease.epoch, lease.seen, &mut |_, _| {});
        let words = done.expect_err("refused").to_string();
        assert!(words.contains("nothing was imported"), "{words}");
        assert!(store.find(&id("lead/one")).expect("read").is_none());
        words
    };
    for end in (0..text.len() - 1).step_by(97) {
        refuses(&text.as_bytes()[..end]);
    }
    for place in (0..text.len() - 1).step_by(41) {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            refuses(&bytes);
        }
    }
    let newer = text.replacen("\"greenroom_export\":2", "\"greenroom_export\":3", 1);
    assert!(refuses(newer.as_bytes()).contains("use a newer greenroom"));
    let twice = format!("{text}{text}");
    assert!(refuses(twice.as_bytes()).contains("more after its last line"));
    let lines: Vec<&str> = text.lines().collect();
    let without = [&lines[..2], &lines[3..]].concat().join("\n");
    assert!(refuses(without.as_bytes()).contains("damaged"));
    assert!(refuses(b"hello\n").contains("first line"));
}
