//! kameo: an actor per process, messages by `tell`, restarts by its own
//! supervision.

use crate::measure::{BEGUN, Bench, Figures, MEMBERS, State, Watch, all_begun};
use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::error::{Infallible, PanicError};
use kameo::message::{Context, Message};
use kameo::supervision::RestartPolicy;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;

pub async fn run(bench: Bench, count: u64) -> Figures {
    match bench {
        Bench::Spawn => spawn(count).await,
        Bench::Pingpong => pingpong(count).await,
        Bench::Fanin => fanin(count).await,
        Bench::Ring => ring(count).await,
        Bench::Restarts => restarts(count).await,
    }
}

struct Idle(State);

impl Actor for Idle {
    type Args = State;
    type Error = Infallible;

    async fn on_start(state: State, _: ActorRef<Self>) -> Result<Self, Infallible> {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        Ok(Idle(state))
    }
}

impl Message<u64> for Idle {
    type Reply = u64;

    async fn handle(&mut self, n: u64, _: &mut Context<Self, u64>) -> u64 {
        self.0[0] + n
    }
}

async fn spawn(count: u64) -> Figures {
    let watch = Watch::start();
    let mut actors = Vec::new();
    for _ in 0..count {
        actors.push(Idle::spawn([1; 8]));
    }
    all_begun(count).await;
    watch.stop(count)
}

/// Sends on what it gets, until it has counted down.
struct Relay {
    next: Option<ActorRef<Relay>>,
    done: Arc<Notify>,
}

struct Next(ActorRef<Relay>);
struct Left(u64);

impl Actor for Relay {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(relay: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(relay)
    }
}

impl Message<Next> for Relay {
    type Reply = ();

    async fn handle(&mut self, Next(next): Next, _: &mut Context<Self, ()>) {
        self.next = Some(next);
    }
}

impl Message<Left> for Relay {
    type Reply = ();

    async fn handle(&mut self, Left(left): Left, _: &mut Context<Self, ()>) {
        match (left.checked_sub(1), &self.next) {
            (Some(left), Some(next)) => drop(next.tell(Left(left)).await),
            _ => self.done.notify_one(),
        }
    }
}

/// A ring of so many members; the first is given back.
async fn circle(members: u64, done: &Arc<Notify>) -> ActorRef<Relay> {
    let first = Relay::spawn(Relay { next: None, done: done.clone() });
    let mut next = first.clone();
    for _ in 1..members {
        next = Relay::spawn(Relay { next: Some(next), done: done.clone() });
    }
    first.tell(Next(next)).await.expect("sent");
    first
}

async fn pingpong(count: u64) -> Figures {
    let done = Arc::new(Notify::new());
    let first = circle(2, &done).await;
    let watch = Watch::start();
    // A round trip is two messages.
    first.tell(Left(2 * count)).await.expect("sent");
    done.notified().await;
    watch.stop(count)
}

async fn ring(count: u64) -> Figures {
    let done = Arc::new(Notify::new());
    let first = circle(MEMBERS, &done).await;
    let watch = Watch::start();
    first.tell(Left(count)).await.expect("sent");
    done.notified().await;
    watch.stop(count)
}

/// Counts what it gets.
struct Sink {
    left: u64,
    sum: u64,
    done: Arc<Notify>,
}

impl Actor for Sink {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(sink: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(sink)
    }
}

impl Message<u64> for Sink {
    type Reply = ();

    async fn handle(&mut self, n: u64, _: &mut Context<Self, ()>) {
        (self.left, self.sum) = (self.left - 1, self.sum + n);
        if self.left == 0 {
            self.done.notify_one();
        }
    }
}

struct Source(ActorRef<Sink>);

impl Actor for Source {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(source: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(source)
    }
}

impl Message<u64> for Source {
    type Reply = ();

    async fn handle(&mut self, count: u64, _: &mut Context<Self, ()>) {
        for n in 0..count {
            let _ = self.0.tell(n).await;
        }
    }
}

async fn fanin(count: u64) -> Figures {
    let (done, each) = (Arc::new(Notify::new()), count / MEMBERS);
    let sink = Sink::spawn(Sink { left: each * MEMBERS, sum: 0, done: done.clone() });
    let sources: Vec<_> = (0..MEMBERS).map(|_| Source::spawn(Source(sink.clone()))).collect();
    let watch = Watch::start();
    for source in &sources {
        source.tell(each).await.expect("sent");
    }
    done.notified().await;
    watch.stop(each * MEMBERS)
}

struct Supervisor;

impl Actor for Supervisor {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Supervisor)
    }
}

/// Fails at every message.
#[derive(Clone)]
struct Fragile;

impl Actor for Fragile {
    type Args = Fragile;
    type Error = PanicError;

    async fn on_start(fragile: Fragile, _: ActorRef<Self>) -> Result<Self, PanicError> {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        Ok(fragile)
    }
}

impl Message<()> for Fragile {
    type Reply = Result<(), &'static str>;

    async fn handle(&mut self, (): (), _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        Err("on purpose")
    }
}

async fn restarts(count: u64) -> Figures {
    let supervisor = Supervisor::spawn(());
    let mut children = Vec::new();
    for _ in 0..count {
        let child = Fragile::supervise(&supervisor, Fragile)
            .restart_policy(RestartPolicy::Transient)
            .restart_limit(10, Duration::from_secs(3600));
        children.push(child.spawn().await);
    }
    all_begun(count).await;
    let watch = Watch::start();
    for child in &children {
        let _ = child.tell(()).await;
    }
    all_begun(2 * count).await;
    watch.stop(count)
}
