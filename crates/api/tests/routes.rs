//! The routes over a real socket, with a real node on the memory store.

#![expect(clippy::expect_used, reason = "what a test expects and does not find fails it")]

use greenroom_api::wire::{
    CancelRequest, DropRequest, ForkRequest, Given, ListQuery, MessageRequest, RequeueRequest,
    RestartFrom, ScheduleRequest, StartRequest,
};
use greenroom_api::{Client, Seen, ServeError, bind};
use greenroom_model::schedule::ScheduleSpec;
use greenroom_model::{AskId, Event, Exit, Failure, ProcessId, Seq, Status};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::{Ctx, Env, KindOptions, Mailbox, Node, NodeOptions, RealEnv, Registry};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;

async fn add(ctx: Ctx, (a, b): (i64, i64)) -> Result<i64, Failure> {
    ctx.step("add", move |_| async move { Ok::<_, Failure>(a + b) }).await
}

async fn asker(ctx: Ctx, _: ()) -> Result<String, Failure> {
    ctx.set("mood", "curious")?;
    ctx.ask("color", "Which color?").choices(["red", "green"]).await
}

async fn echo(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    let mut count = 0;
    loop {
        let message = ctx.recv().await?;
        if message.topic == "stop" {
            return Ok(count);
        }
        count += 1;
        ctx.emit(&format!("heard {}", message.body))?;
    }
}

struct House {
    dir: TempDir,
    client: Client,
    node: Node,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<Result<(), ServeError>>,
}

impl House {
    async fn new() -> House {
        let dir = TempDir::new().expect("a directory");
        let registry = Registry::new().kind("add", add).kind("asker", asker).kind("echo", echo);
        let mailbox = Mailbox { messages_max: 2, ..Mailbox::default() };
        let options = KindOptions { mailbox, ..KindOptions::default() };
        let registry = registry.with_options("asker", options);
        let journal = Arc::new(Memory::new());
        let node = Node::start(journal, registry, NodeOptions::default()).expect("a node");
        let socket = dir.path().join("node.sock");
        let server = bind(&socket).await.expect("a socket");
        let (stop, stopped) = oneshot::channel();
        let env: Arc<dyn Env> = Arc::new(RealEnv::new(tokio::runtime::Handle::current()));
        let running = server.run(node.clone(), env, async move {
            let _ = stopped.await;
        });
        #[expect(clippy::disallowed_methods, reason = "a test serves beside itself")]
        let served = tokio::spawn(running);
        let client = Client::new(&socket).expect("a client");
        House { dir, client, node, stop, served }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("node.sock")
    }

    async fn start(&self, kind: &str, key: &str, input: &str) -> ProcessId {
        let request = StartRequest {
            budget: None,
            kind: kind.to_owned(),
            key: Some(key.to_owned()),
            input: given(input),
        };
        let started = self.client.start(&request).await.expect("started");
        assert!(started.created);
        started.id
    }

    async fn end(&self, id: &ProcessId) -> Exit {
        let exit = self.client.result(id, Duration::from_secs(20)).await.expect("a result");
        exit.expect("it ends")
    }

    /// One request in bytes; the answer's status and body.
    async fn raw(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = UnixStream::connect(self.socket()).await.expect("connected");
        let head = format!(
            "{head}\r\nhost: greenroom\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("written");
        // A server that refuses a body early may close before it is all sent.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }
}

fn given(text: &str) -> Given {
    Given::parse(text.to_owned()).expect("valid JSON")
}

fn id(text: &str) -> ProcessId {
    text.parse().expect("a valid id")
}

const JSON: &str = "content-type: application/json";

#[tokio::test(flavor = "multi_thread")]
async fn a_process_from_start_to_result() {
    let house = House::new().await;
    let id = house.start("add", "1", "[1, 2]").await;
    let Exit::Normal(result) = house.end(&id).await else { panic!("it completes") };
    assert_eq!(result.to_string(), "3");
    let process = house.client.process(&id).await.expect("a process");
    assert_eq!((process.status, process.version), (Status::Completed, 1));
    let turns = house.client.history(&id, Seq(0)).await.expect("a history");
    let names: Vec<_> = turns.iter().flat_map(|turn| &turn.events).map(Event::name).collect();
    assert_eq!(names, ["WorkflowStarted", "StepStarted", "StepCompleted", "WorkflowCompleted"]);
    let later = house.client.history(&id, Seq(3)).await.expect("a history");
    assert_eq!(later[0].seq, Seq(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_twice_is_one_start() {
    let house = House::new().await;
    let first = house.start("add", "1", "[1, 2]").await;
    let request = StartRequest {
        budget: None,
        kind: "add".into(),
        key: Some("1".into()),
        input: given("[5, 5]"),
    };
    let second = house.client.start(&request).await.expect("found");
    assert_eq!((second.id, second.created), (first, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_a_code_and_a_way_on() {
    let house = House::new().await;
    let request =
        StartRequest { budget: None, kind: "nobody".into(), key: None, input: Given::default() };
    let error = house.client.start(&request).await.expect_err("no such kind");
    assert_eq!(error.code, "unknown_kind");
    assert!(error.message.contains("add, asker, echo"), "{}", error.message);
    let error = house.client.process(&id("add/none")).await.expect_err("no such process");
    assert_eq!(error.code, "no_process");
    assert!(error.next.is_some());
    let request = StartRequest {
        budget: None,
        kind: "add".into(),
        key: Some("a b".into()),
        input: Given::default(),
    };
    assert_eq!(house.client.start(&request).await.expect_err("odd").code, "bad_request");
    let ended = house.start("add", "1", "[1, 2]").await;
    house.end(&ended).await;
    let message = MessageRequest { topic: "hi".into(), body: Given::default() };
    let error = house.client.send(&ended, &message, None).await.expect_err("it has ended");
    assert_eq!(error.code, "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_answered_in_json() {
    let house = House::new().await;
    let post = format!("POST /v1/processes HTTP/1.1\r\n{JSON}");
    let (status, body) = house.raw(&post, b"{\"kind\": }").await;
    assert_eq!(status, 400);
    assert!(body.contains("\"bad_request\"") && body.contains("line 1 column 10"), "{body}");
    let (status, _) = house.raw("POST /v1/processes HTTP/1.1", b"kind=add").await;
    assert_eq!(status, 415);
    let pause = "POST /v1/processes/add/1/pause HTTP/1.1";
    assert_eq!(house.raw(pause, b"").await.0, 415, "a page could send this");
    let (status, body) = house.raw("GET /v1/nothing HTTP/1.1", b"").await;
    assert!(status == 404 && body.contains("no_route"), "{status} {body}");
    let (status, body) = house.raw(&format!("DELETE /v1/processes HTTP/1.1\r\n{JSON}"), b"").await;
    assert!(status == 405 && body.contains("wrong_method"), "{status} {body}");
    let (status, body) = house.raw("GET /v1/processes?status=odd HTTP/1.1", b"").await;
    assert!(status == 400 && body.contains("running, receiving"), "{status} {body}");
    let long = format!("{{\"kind\":\"add\",\"key\":\"{}\"}}", "x".repeat(10 << 20));
    let (status, body) = house.raw(&post, long.as_bytes()).await;
    assert!(status == 400 && body.len() < 500, "{status} {} bytes", body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused() {
    let house = House::new().await;
    let large = "x".repeat(34 << 20);
    let body = format!("{{\"kind\":\"echo\",\"input\":\"{large}\"}}");
    let request =
        StartRequest { budget: None, kind: "echo".into(), key: None, input: Given::string(&large) };
    assert!(serde_json::to_string(&request).expect("plain").len() > body.len() - 100);
    // The server may close before all is sent; what counts is that it stands.
    if let Err(error) = house.client.start(&request).await {
        assert!(["too_large", "broken"].contains(&error.code.as_str()), "{error:?}");
    } else {
        panic!("taken");
    }
    house.start("add", "1", "[1, 2]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_are_listed_and_answered_once() {
    let house = House::new().await;
    let id = house.start("asker", "1", "null").await;
    let ask = loop {
        if let Some(ask) = house.client.asks(Some(&id)).await.expect("asks").pop() {
            break ask;
        }
    };
    assert_eq!((ask.name.as_str(), ask.choices.len()), ("color", 2));
    let ask: AskId = ask.id.parse().expect("an ask's id");
    let error = house.client.answer(&ask, Given::string("blue")).await.expect_err("no choice");
    assert_eq!(error.code, "bad_answer");
    let state = house.client.state(&id).await.expect("a state");
    assert_eq!(
        (state[0].key.as_str(), state[0].value.to_string().as_str()),
        ("mood", "\"curious\"")
    );
    house.client.answer(&ask, Given::string("red")).await.expect("taken");
    let Exit::Normal(result) = house.end(&id).await else { panic!("it completes") };
    assert_eq!(result.to_string(), "\"red\"");
    let error = house.client.answer(&ask, Given::string("red")).await.expect_err("too late");
    assert_eq!(error.code, "not_open");
}

#[tokio::test(flavor = "multi_thread")]
async fn following_sees_history_live_values_and_the_end() {
    let house = House::new().await;
    let id = house.start("echo", "1", "null").await;
    let mut events = house.client.events(&id, Seq(0)).await.expect("events");
    let Some(Seen::Turn(first)) = events.next().await.expect("a turn") else { panic!("a turn") };
    assert_eq!(first.seq, Seq(1));
    // White space of any sort in a payload must not break the stream's lines.
    let message = MessageRequest { topic: "say".into(), body: given("{\"a\":\r\n [1]}") };
    house.client.send(&id, &message, Some("once")).await.expect("sent");
    let again = house.client.send(&id, &message, Some("once")).await.expect("sent");
    assert!(again.repeated);
    let stop = MessageRequest { topic: "stop".into(), body: Given::default() };
    house.client.send(&id, &stop, None).await.expect("sent");
    let (mut emitted, mut ended) = (0, None);
    while let Some(seen) = events.next().await.expect("a stream") {
        match seen {
            Seen::Turn(turn) => assert!(turn.seq > Seq(1)),
            Seen::Emitted(value) => {
                emitted += 1;
                assert!(value.to_string().contains("[1]"), "{value}");
            }
            Seen::Ended(exit) => ended = Some(exit),
        }
    }
    assert_eq!(emitted, 1);
    assert!(matches!(ended, Some(Exit::Normal(count)) if count.to_string() == "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_changed_from_outside() {
    let house = House::new().await;
    let id = house.start("echo", "1", "null").await;
    house.client.pause(&id).await.expect("paused");
    house.client.resume(&id).await.expect("resumed");
    let request = CancelRequest { reason: "enough".into(), kill: true, tree: false };
    house.client.cancel(&id, &request).await.expect("killed");
    assert!(matches!(house.end(&id).await, Exit::Killed(reason) if reason == "enough"));
    let added = house.start("add", "1", "[1, 2]").await;
    house.end(&added).await;
    let fork = ForkRequest { at: Some(Seq(2)), key: Some("fork".into()) };
    let forked = house.client.fork(&added, &fork).await.expect("forked");
    assert_eq!(forked.id.as_str(), "add/fork");
    house.end(&forked.id).await;
    house.client.restart(&added, RestartFrom::Start).await.expect("restarted");
    let query = ListQuery { kind: Some("add".into()), newest: true, ..ListQuery::default() };
    let found = house.client.list(&query).await.expect("a list");
    assert_eq!(found.first().map(|process| process.id.as_str()), Some("add/fork"));
}

/// In one piece.
fn file(
    lines: &[u8],
) -> impl futures_util::Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    futures_util::stream::iter([Ok(lines.to_vec())])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_can_be_imported() {
    use futures_util::TryStreamExt;
    let from = House::new().await;
    for key in 0..40 {
        let id = from.start("add", &key.to_string(), "[1,\n 2]").await;
        from.end(&id).await;
    }
    let chunks: Vec<Vec<u8>> =
        from.client.export().await.expect("an export").try_collect().await.expect("whole");
    let lines = chunks.concat();
    // With a first and a last line.
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 42);
    let to = House::new().await;
    let first = to.client.import(file(&lines)).await.expect("imported");
    assert_eq!((first.imported, first.present), (40, 0));
    let second = to.client.import(file(&lines)).await.expect("imported");
    assert_eq!((second.imported, second.present), (0, 40));
    assert!(matches!(to.end(&id("add/7")).await, Exit::Normal(_)));
    let error = to.client.import(file(b"{\"format\":1}\n")).await.expect_err("not a process");
    assert_eq!(error.code, "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_the_owners_and_is_taken_over_only_when_dead() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new().await;
    let mode = std::fs::metadata(house.socket()).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(bind(&house.socket()).await, Err(ServeError::InUse(_))));
    let stale = house.dir.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale).expect("bound"));
    assert!(stale.exists());
    bind(&stale).await.expect("what a dead node left is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_streams_and_removes_the_socket() {
    let house = House::new().await;
    let status = house.client.node().await.expect("a node");
    assert_eq!(status.kinds, ["add@1", "asker@1", "echo@1", "schedule@1", "supervisor@1"]);
    assert_eq!(house.client.verify().await.expect("verified"), Vec::<String>::new());
    let id = house.start("asker", "1", "null").await;
    let mut events = house.client.events(&id, Seq(u64::MAX - 1)).await.expect("events");
    let socket = house.socket();
    let House { stop, served, client, node, dir: _dir } = house;
    stop.send(()).expect("it listens");
    assert!(events.next().await.expect("it ends well").is_none());
    served.await.expect("no panic").expect("no error");
    assert!(!socket.exists());
    assert!(client.node().await.expect_err("nobody is there").is_no_node());
    node.stop(Duration::from_secs(1)).await;
}

/// A request with a key, in bytes.
async fn keyed(house: &House, path: &str, key: &str, body: &str) -> (u16, String) {
    let head = format!("POST /v1/{path} HTTP/1.1\r\n{JSON}\r\nidempotency-key: {key}");
    house.raw(&head, body.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_done_once_under_its_key() {
    let house = House::new().await;
    let echo = house.start("echo", "1", "null").await;
    house.start("asker", "1", "null").await;
    while house.client.asks(None).await.expect("asks").is_empty() {}
    let added = house.start("add", "1", "[1, 2]").await;
    house.end(&added).await;
    // Each is asked for twice, as by somebody who did not hear the answer; the
    // second time it would be refused, or do something else, without the key.
    let changes = [
        ("processes", "{\"kind\":\"add\",\"input\":[1,1]}"),
        ("asks/asker/1/1", "{\"value\":\"red\"}"),
        ("processes/add/1/fork", "{\"at\":2}"),
        ("processes/echo/1/pause", "{}"),
        ("processes/echo/1/resume", "{}"),
        ("processes/add/1/restart", "{\"from\":\"start\"}"),
        ("processes/echo/1/cancel", "{\"reason\":\"enough\",\"kill\":true}"),
    ];
    for (place, (path, body)) in changes.into_iter().enumerate() {
        let key = format!("key-{place}");
        if path.ends_with("resume") {
            while house.client.process(&echo).await.expect("is there").status != Status::Paused {}
        }
        let first = keyed(&house, path, &key, body).await;
        assert!((200..300).contains(&first.0), "{path}: {first:?}");
        if path.ends_with("resume") {
            while house.client.process(&echo).await.expect("is there").status == Status::Paused {}
        }
        assert_eq!(keyed(&house, path, &key, body).await, first, "{path}");
        let (status, words) = keyed(&house, "processes/echo/1/messages", &key, "{}").await;
        assert!(status == 422 && words.contains("key_reused"), "{path}: {status} {words}");
    }
    assert!(matches!(house.end(&echo).await, Exit::Killed(_)));
    let query = ListQuery { kind: Some("add".into()), ..ListQuery::default() };
    let found = house.client.list(&query).await.expect("a list");
    assert_eq!(found.len(), 3, "the first, the one without a key, the fork: {found:?}");
    let turns = house.client.history(&added, Seq(0)).await.expect("a history");
    let events = turns.iter().flat_map(|turn| &turn.events);
    assert_eq!(events.filter(|event| event.segment().is_some()).count(), 2, "restarted once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_not_remembered() {
    let house = House::new().await;
    let message = "{\"topic\":\"stop\"}";
    let (status, _) = keyed(&house, "processes/echo/1/messages", "key", message).await;
    assert_eq!(status, 404);
    let id = house.start("echo", "1", "null").await;
    let (status, _) = keyed(&house, "processes/echo/1/messages", "key", message).await;
    assert_eq!(status, 202);
    house.end(&id).await;
    let again = keyed(&house, "processes/echo/1/messages", "key", message).await;
    assert_eq!(again, (202, "{\"repeated\":true}".to_owned()), "though it has ended since");
    let (status, words) = keyed(&house, "processes/echo/1/messages", "", message).await;
    assert!(status == 400 && words.contains("1 to 200"), "{status} {words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_insists_asks_again_where_the_answer_was_lost() {
    let house = House::new().await;
    let id = house.start("echo", "1", "null").await;
    let (place, socket) = (house.dir.path().join("leaky.sock"), house.socket());
    let listener = tokio::net::UnixListener::bind(&place).expect("bound");
    // A wire that breaks once, when the request has been carried out.
    #[expect(clippy::disallowed_methods, reason = "a test serves beside itself")]
    let wire = tokio::spawn(async move {
        for breaks in [true, false] {
            let (mut client, _) = listener.accept().await.expect("a client");
            let mut node = UnixStream::connect(&socket).await.expect("connected");
            if breaks {
                let mut request = vec![0; 64 << 10];
                let length = client.read(&mut request).await.expect("a request");
                node.write_all(&request[..length]).await.expect("written");
                let mut answer = [0; 12];
                node.read_exact(&mut answer).await.expect("an answer");
                assert_eq!(&answer, b"HTTP/1.1 202");
            } else {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            }
        }
    });
    let env: Arc<dyn Env> = Arc::new(RealEnv::new(tokio::runtime::Handle::current()));
    let client = Client::new(&place).expect("a client").insisting(env);
    let message = MessageRequest { topic: "stop".into(), body: Given::default() };
    let taken = client.send(&id, &message, None).await.expect("taken");
    assert!(taken.repeated, "the first one was done");
    drop(client);
    wire.await.expect("no panic");
    assert!(matches!(house.end(&id).await, Exit::Normal(_)));
    assert!(house.client.dead(10).await.expect("dead letters").is_empty(), "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_made_seen_and_refused() {
    let house = House::new().await;
    let request = |spec| ScheduleRequest { name: "s".into(), spec, replace: false };
    let spec = ScheduleSpec {
        input: Some(given("[1, 2]").payload().expect("json")),
        ..ScheduleSpec::new("add").cron("0 9 * * MON", "Europe/Berlin")
    };
    let never = ScheduleSpec::new("add").cron("0 0 31 2 *", "UTC");
    let error = house.client.schedule(&request(never)).await.expect_err("no such day");
    assert_eq!(error.code, "bad_request");
    assert!(error.message.contains("never fires"), "{}", error.message);
    assert!(house.client.schedules().await.expect("read").is_empty());
    let made = house.client.schedule(&request(spec.clone())).await.expect("made");
    assert_eq!((made.id.as_str(), made.created), ("schedule/s", true));
    assert!(!house.client.schedule(&request(spec.clone())).await.expect("there").created);
    house.client.run_schedule("s", Given::default()).await.expect("told");
    let known = loop {
        let seen = house.client.scheduled("s", 3).await.expect("read");
        match seen.schedule.filter(|known| known.started == 1) {
            Some(known) => break (known, seen.upcoming),
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!((known.0.spec, known.1.len()), (spec, 3));
    let error = house.client.trigger_schedule("s", Given::default()).await;
    assert_eq!(error.expect_err("it has its times").code, "bad_request");
    house.client.delete_schedule("s").await.expect("told");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_found_and_refused() {
    let house = House::new().await;
    assert_eq!(house.client.letter(1).await.expect_err("there is none").code, "no_letter");
    let requeue = |letters: &[i64]| RequeueRequest { letters: letters.to_vec(), to: None };
    let error = house.client.requeue(&requeue(&[1])).await.expect_err("there is none");
    assert_eq!(error.code, "no_letter");
    let error = house.client.requeue(&requeue(&[])).await.expect_err("none named");
    assert_eq!(error.code, "bad_request");
    let error = house.client.drop_letters(&DropRequest::default()).await.expect_err("what?");
    assert_eq!(error.code, "bad_request");
    let all = DropRequest { all: true, ..DropRequest::default() };
    assert_eq!(house.client.drop_letters(&all).await.expect("done").dropped, 0);
    let kinds = house.client.kinds().await.expect("read");
    assert!(kinds.iter().any(|kind| kind.kind == "echo@1" && kind.code && kind.alive == 0));
    assert!(house.client.queues().await.expect("read").is_empty());
    let error = house.client.reopen_queue("door").await.expect_err("there is none");
    assert_eq!(error.code, "no_queue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_answers_429() {
    let house = House::new().await;
    let asker = house.start("asker", "1", "null").await;
    let send = MessageRequest { topic: "noise".to_owned(), body: given("1") };
    let mut refused = None;
    for _ in 0..200 {
        match house.client.send(&asker, &send, None).await {
            Ok(_) => {}
            Err(error) => {
                refused = Some(error.to_string());
                break;
            }
        }
    }
    let words = refused.expect("it has room for two");
    assert!(words.contains("the mailbox of asker/1 is full"), "{words}");
    let body = br#"{"topic":"noise","body":1}"#;
    let json = "content-type: application/json";
    let head = format!("POST /v1/processes/asker/1/messages HTTP/1.1\r\n{json}");
    let (status, body) = house.raw(&head, body).await;
    assert_eq!(status, 429, "{body}");
    assert!(body.contains("mailbox_full") && body.contains("greenroom doctor"), "{body}");
    let health = house.client.node().await.expect("answers").health;
    assert_eq!(health["full_mailboxes"][0]["id"], "asker/1", "{health}");
}

#[tokio::test]
async fn a_trace_comes_in_pages() {
    let house = House::new().await;
    let id = house.start("add", "traced", "[1, 2]").await;
    house.client.result(&id, Duration::from_secs(10)).await.expect("ends");
    let all = house.client.trace(&id, None, 100).await.expect("read");
    assert!(all.next.is_none() && all.turns.len() >= 2, "{all:?}");
    let first = house.client.trace(&id, None, 1).await.expect("read");
    let second = house.client.trace(&id, first.next.as_deref(), 1).await.expect("read");
    let places = [&first, &second].map(|page| page.turns[0].seq);
    assert_eq!(places, [all.turns[0].seq, all.turns[1].seq]);
    let error = house.client.trace(&id, Some("yesterday"), 1).await.expect_err("no place");
    assert!(error.to_string().contains("yesterday"), "{error}");
    house.stop.send(()).expect("runs");
}
