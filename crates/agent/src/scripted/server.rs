//! The scripted server: HTTP on loopback, on a thread and a tokio runtime of its own,
//! so that it can be started from anywhere and takes nothing of a node's.

use super::journal::{Journal, Outcome, Recorded};
use super::piece::{Call, Piece};
use super::prompt::Prompt;
use super::script::{Fault, MODEL, Rate, Script, ScriptedCall, Turn};
use super::{anthropic, chat};
use crate::provider::Usage;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The largest request, in bytes.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// A server that answers by a script. Dropping it ends it, with all its connections.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedServer {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// No port, no thread.
    pub fn start(script: Script) -> io::Result<ScriptedServer> {
        ScriptedServer::start_at(script, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts it at this address.
    ///
    /// # Errors
    /// It cannot be listened at.
    pub fn start_at(script: Script, address: SocketAddr) -> io::Result<ScriptedServer> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(script));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&state);
        let thread = on_thread(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                let mut stopped = stopped;
                loop {
                    let accepted = tokio::select! {
                        _ = &mut stopped => return,
                        accepted = listener.accept() => accepted,
                    };
                    match accepted {
                        Ok((stream, _)) => serve(stream, Arc::clone(&served)),
                        // Too many open files, say: others will close.
                        Err(_) => sleep(Duration::from_millis(10)).await,
                    }
                }
            });
        })?;
        Ok(ScriptedServer { address, state, stop: Some(stop), thread: Some(thread) })
    }

    /// Its address, where Anthropic's protocol begins: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where Chat Completions begin: `http://127.0.0.1:PORT/v1`.
    pub fn chat_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// The last 20,000 requests, in the order they came.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.journal().records()
    }

    /// How many requests there were in all.
    pub fn count(&self) -> u64 {
        self.state.journal().count()
    }

    /// How many whole answers each idempotency key has got. More than one means that
    /// a finished call was made again.
    pub fn served_by_key(&self) -> BTreeMap<String, u64> {
        self.state.journal().served_by_key()
    }

    /// The most requests that were open at once.
    pub fn open_peak(&self) -> usize {
        self.state.journal().open_peak
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a server of its own, outside any process")]
fn on_thread(work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("scripted-server".to_owned()).spawn(work)
}

#[expect(clippy::disallowed_methods, reason = "a server of its own, outside any process")]
async fn sleep(span: Duration) {
    if !span.is_zero() {
        tokio::time::sleep(span).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a server of its own, outside any process")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a server of its own, outside any process")]
fn serve(stream: tokio::net::TcpStream, state: Arc<State>) {
    // Small pieces are what is tested: they must not wait for one another.
    let _ = stream.set_nodelay(true);
    tokio::spawn(async move {
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(answer(request, state).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new();
        // That a client goes away is its business.
        let _ = connection.serve_connection(TokioIo::new(stream), service).await;
    });
}

#[derive(Debug)]
struct State {
    began: Instant,
    script: Script,
    journal: Mutex<Journal>,
    bucket: Mutex<Bucket>,
}

/// A token bucket: how many requests may come now, and since when that is so.
#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Option<Instant>,
}

impl State {
    fn new(script: Script) -> State {
        let journal = Mutex::new(Journal::new(script.turns.len()));
        State { began: now(), script, journal, bucket: Mutex::new(Bucket { level: 0.0, at: None }) }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long a request must stay away, if it must.
    fn admit(&self, rate: Rate) -> Option<Duration> {
        let most = rate.burst.unwrap_or(rate.per_second.max(1.0));
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        let passed = bucket.at.map(|at| now.duration_since(at).as_secs_f64());
        let level = passed.map_or(most, |passed| bucket.level + passed * rate.per_second);
        *bucket = Bucket { level: level.min(most), at: Some(now) };
        if bucket.level >= 1.0 {
            bucket.level -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - bucket.level) / rate.per_second))
    }
}

/// Which protocol a path belongs to.
#[derive(Clone, Copy)]
enum Speech {
    Chat,
    Anthropic,
}

impl Speech {
    fn of(path: &str) -> Option<Speech> {
        match path {
            _ if path.ends_with("/chat/completions") => Some(Speech::Chat),
            _ if path.ends_with("/messages") => Some(Speech::Anthropic),
            _ => None,
        }
    }

    fn error(self, status: u16, message: &str) -> Value {
        match self {
            Speech::Chat => chat::error(status, message),
            Speech::Anthropic => anthropic::error(status, message),
        }
    }
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

fn document(status: u16, body: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    if let Ok(status) = status.try_into() {
        *response.status_mut() = status;
    }
    let kind = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    response
}

/// An error with its `Retry-After`: in whole seconds, as HTTP has it, and exactly.
fn refusal(speech: Speech, status: u16, message: &str, wait: Option<f64>) -> Response<Body> {
    let mut response = document(status, &speech.error(status, message));
    let mut put = |name: &'static str, number: f64| {
        if let Ok(value) = hyper::header::HeaderValue::from_str(&format!("{number:.0}")) {
            response.headers_mut().insert(name, value);
        }
    };
    if let Some(seconds) = wait {
        put("retry-after", seconds.ceil());
        put("retry-after-ms", (seconds * 1_000.0).ceil());
    }
    response
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET {
        return look(&path, &state);
    }
    let Some(speech) = Speech::of(&path) else {
        let text = format!("no such path: {path}; there are /v1/chat/completions and /v1/messages");
        return document(404, &chat::error(404, &text));
    };
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
    let key = key.map(str::to_owned);
    let body = match Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refusal(speech, 400, &format!("unreadable: {error}"), None),
    };
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return refusal(speech, 400, &format!("no JSON: {error}"), None),
    };
    let prompt = Prompt::of(&body);
    let model = prompt.model.clone();
    let at_ms = u64::try_from(now().duration_since(state.began).as_millis()).unwrap_or(u64::MAX);
    let record =
        Recorded { number: 0, at_ms, path, key, model, turn: None, outcome: Outcome::Open, body };
    scripted(speech, &prompt, record, state).await
}

/// What is there to be looked at.
fn look(path: &str, state: &State) -> Response<Body> {
    match path {
        "/v1/models" => {
            let model = json!({"id": MODEL, "object": "model", "owned_by": "greenroom"});
            document(200, &json!({"object": "list", "data": [model]}))
        }
        "/greenroom/requests" => document(200, &json!(state.journal().records())),
        _ => document(404, &chat::error(404, &format!("no such path: {path}"))),
    }
}

async fn scripted(
    speech: Speech,
    prompt: &Prompt,
    record: Recorded,
    state: Arc<State>,
) -> Response<Body> {
    let key = record.key.clone();
    let limited = state.script.rate.and_then(|rate| state.admit(rate));
    let (number, chosen) = {
        let mut journal = state.journal();
        let again = key.as_ref().and_then(|key| journal.turns_by_key.get(key).copied());
        let chosen = match limited {
            Some(_) => None,
            None => again.or_else(|| state.script.choose(prompt, &journal.served)),
        };
        if let (Some(turn), None) = (chosen, again) {
            journal.served[turn] += 1;
            if let (Some(key), false) = (&key, state.script.turns[turn].is_faulty()) {
                journal.turns_by_key.insert(key.clone(), turn);
            }
        }
        (journal.begin(Recorded { turn: chosen, ..record }), chosen)
    };
    // From here on, however this ends, the journal hears of it.
    let mut open = Open { state: Arc::clone(&state), number, outcome: Outcome::Abandoned };
    if let Some(wait) = limited {
        open.outcome = Outcome::Limited;
        return refusal(speech, 429, "the script's rate is used up", Some(wait.as_secs_f64()));
    }
    let Some(turn) = chosen.and_then(|turn| state.script.turns.get(turn)) else {
        open.outcome = Outcome::Unscripted;
        let Prompt { model, asked, results, replies, .. } = prompt;
        let text = format!(
            "the script has no turn for this, or none left: model {model:?}, asked {asked:?}, \
             results {results:?}, {replies} replies so far; add one"
        );
        return refusal(speech, 400, &text, None);
    };
    sleep(Duration::from_millis(state.script.delay_ms + turn.delay_ms)).await;
    if let Some(status) = turn.status {
        open.outcome = Outcome::Failed;
        return refusal(speech, status, &message_of(turn), turn.retry_after);
    }
    let calls: Vec<Call> = calls_of(&turn.calls(prompt), number);
    let usage = turn.usage.unwrap_or_else(|| usage_of(turn, prompt));
    if prompt.is_stream {
        return streamed(speech, turn, &calls, usage, open);
    }
    open.outcome = Outcome::Served;
    document(
        200,
        &match speech {
            Speech::Chat => chat::whole(turn, &calls, usage),
            Speech::Anthropic => anthropic::whole(turn, &calls, usage),
        },
    )
}

fn message_of(turn: &Turn) -> String {
    let message = turn.message.as_str();
    if message.is_empty() { "the script wants it so" } else { message }.to_owned()
}

fn calls_of(calls: &[ScriptedCall], number: u64) -> Vec<Call> {
    let calls = calls.iter().enumerate();
    calls
        .map(|(place, call)| Call {
            id: call.id.clone().unwrap_or_else(|| format!("call_{number}_{place}")),
            name: call.name.clone(),
            arguments: match &call.arguments {
                Value::String(text) => text.clone(),
                Value::Null => "{}".to_owned(),
                value => value.to_string(),
            },
        })
        .collect()
}

fn usage_of(turn: &Turn, prompt: &Prompt) -> Usage {
    let calls = turn.tool_calls.iter().map(|call| call.arguments.to_string().len());
    let said = turn.say.len() + turn.thinking.len() + calls.sum::<usize>();
    let tokens = |chars: usize| (chars as u64).div_ceil(4);
    Usage { input: tokens(prompt.chars), output: tokens(said), ..Usage::default() }
}

/// A request that is being answered.
struct Open {
    state: Arc<State>,
    number: u64,
    outcome: Outcome,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.state.journal().end(self.number, self.outcome);
    }
}

/// A stream that is being sent.
struct Sending {
    pieces: std::vec::IntoIter<Piece>,
    token_delay: Duration,
    /// What goes wrong after the pieces.
    fault: Option<Fault>,
    open: Open,
}

impl Sending {
    /// All pieces are out.
    async fn end(mut self) -> Option<(io::Result<Frame<Bytes>>, Sending)> {
        let fault = self.fault.take()?;
        self.open.outcome = Outcome::Failed;
        match fault {
            Fault::Cut => {
                // What was said must be on its way before the connection breaks.
                sleep(Duration::from_millis(5)).await;
                Some((Err(io::ErrorKind::ConnectionAborted.into()), self))
            }
            Fault::Silent => std::future::pending().await,
            Fault::Malformed | Fault::Overloaded => None,
        }
    }
}

fn streamed(
    speech: Speech,
    turn: &Turn,
    calls: &[Call],
    usage: Usage,
    open: Open,
) -> Response<Body> {
    let mut pieces = match speech {
        Speech::Chat => chat::stream(turn, calls, usage),
        Speech::Anthropic => anthropic::stream(turn, calls, usage),
    };
    let fault = turn.stream_fault();
    if let Some(fault) = fault {
        let most = turn.cut_after_tokens.unwrap_or(1);
        let mut count = 0;
        let end = pieces.iter().position(|piece| {
            count += usize::from(piece.is_token);
            count > most
        });
        // The end itself is never sent.
        pieces.truncate(end.unwrap_or(pieces.len() - 1));
        let said = match speech {
            Speech::Chat => chat::fault(fault, &message_of(turn)),
            Speech::Anthropic => anthropic::fault(fault, &message_of(turn)),
        };
        pieces.extend(said.map(Piece::still));
    }
    let token_delay = Duration::from_millis(turn.token_delay_ms);
    let sending = Sending { pieces: pieces.into_iter(), token_delay, fault, open };
    let frames = stream::unfold(sending, |mut sending| async move {
        let Some(piece) = sending.pieces.next() else { return sending.end().await };
        if sending.pieces.len() == 0 && sending.fault.is_none() {
            sending.open.outcome = Outcome::Served;
        }
        if piece.is_token {
            sleep(sending.token_delay).await;
        }
        Some((Ok(Frame::data(piece.bytes)), sending))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let kind = hyper::header::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert("content-type", kind);
    response
}
