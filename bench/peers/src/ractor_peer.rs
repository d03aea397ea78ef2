//! ractor: an actor per process, messages by `cast`, restarts by a supervisor
//! that hears `ActorFailed`.

use crate::measure::{BEGUN, Bench, Figures, MEMBERS, State, Watch, all_begun};
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Notify;

type Done<T = ()> = Result<T, ActorProcessingErr>;

pub async fn run(bench: Bench, count: u64) -> Figures {
    match bench {
        Bench::Spawn => spawn(count).await,
        Bench::Pingpong => pingpong(count).await,
        Bench::Fanin => fanin(count).await,
        Bench::Ring => ring(count).await,
        Bench::Restarts => restarts(count).await,
    }
}

async fn start<A: Actor>(actor: A, arguments: A::Arguments) -> ActorRef<A::Msg> {
    Actor::spawn(None, actor, arguments).await.expect("an actor starts").0
}

struct Idle;

impl Actor for Idle {
    type Msg = u64;
    type State = State;
    type Arguments = State;

    async fn pre_start(&self, _: ActorRef<u64>, state: State) -> Done<State> {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        Ok(state)
    }
}

async fn spawn(count: u64) -> Figures {
    let watch = Watch::start();
    let mut actors = Vec::new();
    for _ in 0..count {
        actors.push(start(Idle, [1; 8]).await);
    }
    all_begun(count).await;
    watch.stop(count)
}

/// Sends on what it gets, until it has counted down.
struct Counter {
    done: Arc<Notify>,
}

struct Ball {
    left: u64,
    from: Option<ActorRef<Ball>>,
}

impl Actor for Counter {
    type Msg = Ball;
    /// Whom it sends to; else back.
    type State = Option<ActorRef<Ball>>;
    type Arguments = Option<ActorRef<Ball>>;

    async fn pre_start(&self, _: ActorRef<Ball>, next: Self::State) -> Done<Self::State> {
        Ok(next)
    }

    async fn handle(&self, me: ActorRef<Ball>, ball: Ball, next: &mut Self::State) -> Done {
        let Some(left) = ball.left.checked_sub(1) else {
            self.done.notify_one();
            return Ok(());
        };
        match (&next, ball.from) {
            (Some(next), _) => next.cast(Ball { left, from: None })?,
            (None, Some(from)) => from.cast(Ball { left, from: Some(me) })?,
            (None, None) => {}
        }
        Ok(())
    }
}

async fn pingpong(count: u64) -> Figures {
    let done = Arc::new(Notify::new());
    let one = start(Counter { done: done.clone() }, None).await;
    let other = start(Counter { done: done.clone() }, None).await;
    let watch = Watch::start();
    // A round trip is two messages.
    one.cast(Ball { left: 2 * count, from: Some(other) }).expect("sent");
    done.notified().await;
    watch.stop(count)
}

async fn ring(count: u64) -> Figures {
    let done = Arc::new(Notify::new());
    let first = start(Relay { done: done.clone() }, ()).await;
    let mut next = first.clone();
    for _ in 1..MEMBERS {
        let member = start(Relay { done: done.clone() }, ()).await;
        member.cast(Hop::Next(next)).expect("sent");
        next = member;
    }
    first.cast(Hop::Next(next)).expect("sent");
    let watch = Watch::start();
    first.cast(Hop::Left(count)).expect("sent");
    done.notified().await;
    watch.stop(count)
}

struct Relay {
    done: Arc<Notify>,
}

enum Hop {
    Next(ActorRef<Hop>),
    Left(u64),
}

impl Actor for Relay {
    type Msg = Hop;
    type State = Option<ActorRef<Hop>>;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Hop>, (): ()) -> Done<Self::State> {
        Ok(None)
    }

    async fn handle(&self, _: ActorRef<Hop>, hop: Hop, next: &mut Self::State) -> Done {
        match (hop, &next) {
            (Hop::Next(to), _) => *next = Some(to),
            (Hop::Left(0), _) => self.done.notify_one(),
            (Hop::Left(left), Some(next)) => next.cast(Hop::Left(left - 1))?,
            (Hop::Left(_), None) => {}
        }
        Ok(())
    }
}

/// Counts what it gets.
struct Sink {
    expected: u64,
    done: Arc<Notify>,
}

impl Actor for Sink {
    type Msg = u64;
    type State = (u64, u64);
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<u64>, (): ()) -> Done<(u64, u64)> {
        Ok((0, 0))
    }

    async fn handle(&self, _: ActorRef<u64>, n: u64, (got, sum): &mut (u64, u64)) -> Done {
        (*got, *sum) = (*got + 1, *sum + n);
        if *got == self.expected {
            self.done.notify_one();
        }
        Ok(())
    }
}

struct Source {
    to: ActorRef<u64>,
}

impl Actor for Source {
    type Msg = u64;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<u64>, (): ()) -> Done {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<u64>, count: u64, (): &mut ()) -> Done {
        for n in 0..count {
            self.to.cast(n)?;
        }
        Ok(())
    }
}

async fn fanin(count: u64) -> Figures {
    let (done, each) = (Arc::new(Notify::new()), count / MEMBERS);
    let sink = start(Sink { expected: each * MEMBERS, done: done.clone() }, ()).await;
    let mut sources = Vec::new();
    for _ in 0..MEMBERS {
        sources.push(start(Source { to: sink.clone() }, ()).await);
    }
    let watch = Watch::start();
    for source in &sources {
        source.cast(each).expect("sent");
    }
    done.notified().await;
    watch.stop(each * MEMBERS)
}

/// Fails at every message.
struct Fragile;

impl Actor for Fragile {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Done {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn handle(&self, _: ActorRef<()>, (): (), (): &mut ()) -> Done {
        Err("on purpose".into())
    }
}

/// One for one.
struct Supervisor;

impl Actor for Supervisor {
    /// All children are to fail.
    type Msg = ();
    type State = HashMap<ractor::ActorId, ActorRef<()>>;
    type Arguments = u64;

    async fn pre_start(&self, me: ActorRef<()>, count: u64) -> Done<Self::State> {
        let mut children = HashMap::new();
        for _ in 0..count {
            let (child, _) = Actor::spawn_linked(None, Fragile, (), me.get_cell()).await?;
            children.insert(child.get_id(), child);
        }
        Ok(children)
    }

    async fn handle(&self, _: ActorRef<()>, (): (), children: &mut Self::State) -> Done {
        for child in children.values() {
            child.cast(())?;
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<()>,
        event: SupervisionEvent,
        children: &mut Self::State,
    ) -> Done {
        if let SupervisionEvent::ActorFailed(failed, _) = event {
            children.remove(&failed.get_id());
            let (child, _) = Actor::spawn_linked(None, Fragile, (), me.get_cell()).await?;
            children.insert(child.get_id(), child);
        }
        Ok(())
    }
}

async fn restarts(count: u64) -> Figures {
    let supervisor = start(Supervisor, count).await;
    all_begun(count).await;
    let watch = Watch::start();
    supervisor.cast(()).expect("sent");
    all_begun(2 * count).await;
    watch.stop(count)
}
