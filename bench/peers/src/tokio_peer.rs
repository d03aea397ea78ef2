//! A tokio task with a channel is what many use for an actor.

use crate::measure::{BEGUN, Bench, Figures, MEMBERS, State, Watch, all_begun};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub async fn run(bench: Bench, count: u64) -> Figures {
    match bench {
        Bench::Spawn => spawn(count).await,
        Bench::Pingpong => pingpong(count).await,
        Bench::Fanin => fanin(count).await,
        Bench::Ring => ring(count).await,
        Bench::Restarts => restarts(count).await,
    }
}

/// As many messages wait as in Greenroom's mailboxes.
const MAILBOX: usize = 1_024;

async fn idle(state: State, mut mailbox: mpsc::Receiver<u64>) {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    mailbox.recv().await;
    black_box(state);
}

async fn spawn(count: u64) -> Figures {
    let watch = Watch::start();
    let mut senders = Vec::new();
    for _ in 0..count {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        tokio::spawn(idle([1; 8], mailbox));
        // Without a sender it would end.
        senders.push(sender);
    }
    all_begun(count).await;
    watch.stop(count)
}

async fn pingpong(count: u64) -> Figures {
    let (to_pong, mut pong) = mpsc::channel(MAILBOX);
    let (to_ping, mut ping) = mpsc::channel(MAILBOX);
    tokio::spawn(async move {
        while let Some(n) = pong.recv().await {
            let _ = to_ping.send(n).await;
        }
    });
    let watch = Watch::start();
    for n in 0..count {
        let _ = to_pong.send(n).await;
        black_box(ping.recv().await);
    }
    watch.stop(count)
}

async fn fanin(count: u64) -> Figures {
    let (sender, mut mailbox) = mpsc::channel(MAILBOX);
    let watch = Watch::start();
    for _ in 0..MEMBERS {
        let sender = sender.clone();
        tokio::spawn(async move {
            for n in 0..count / MEMBERS {
                let _ = sender.send(n).await;
            }
        });
    }
    for _ in 0..count / MEMBERS * MEMBERS {
        black_box(mailbox.recv().await);
    }
    watch.stop(count / MEMBERS * MEMBERS)
}

async fn ring(count: u64) -> Figures {
    let (first, mut mailbox) = mpsc::channel::<u64>(MAILBOX);
    let (done, mut ended) = mpsc::channel(1);
    let mut next = first.clone();
    for _ in 1..MEMBERS {
        let (sender, mut mailbox) = mpsc::channel::<u64>(MAILBOX);
        let (to, done) = (next, done.clone());
        tokio::spawn(async move {
            while let Some(left) = mailbox.recv().await {
                match left.checked_sub(1) {
                    Some(left) => drop(to.send(left).await),
                    None => drop(done.send(()).await),
                }
            }
        });
        next = sender;
    }
    let watch = Watch::start();
    tokio::spawn(async move {
        let _ = next.send(count).await;
        while let Some(left) = mailbox.recv().await {
            match left.checked_sub(1) {
                Some(left) => drop(next.send(left).await),
                None => drop(done.send(()).await),
            }
        }
    });
    ended.recv().await;
    watch.stop(count)
}

/// A supervisor that spawns again what fails, as one writes it with `JoinSet`.
async fn restarts(count: u64) -> Figures {
    type Mailbox = Arc<tokio::sync::Mutex<mpsc::Receiver<()>>>;
    async fn fragile(child: usize, mailbox: Mailbox) -> Result<(), usize> {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        mailbox.lock().await.recv().await;
        Err(child)
    }
    let mut supervised = JoinSet::new();
    let (mut senders, mut mailboxes) = (Vec::new(), Vec::<Mailbox>::new());
    for child in 0..usize::try_from(count).unwrap_or(0) {
        let (sender, mailbox) = mpsc::channel(1);
        mailboxes.push(Arc::new(tokio::sync::Mutex::new(mailbox)));
        senders.push(sender);
        supervised.spawn(fragile(child, mailboxes[child].clone()));
    }
    all_begun(count).await;
    let watch = Watch::start();
    tokio::spawn(async move {
        for sender in &senders {
            let _ = sender.send(()).await;
        }
        std::future::pending::<()>().await;
    });
    for _ in 0..count {
        if let Some(Ok(Err(child))) = supervised.join_next().await {
            supervised.spawn(fragile(child, mailboxes[child].clone()));
        }
    }
    all_begun(2 * count).await;
    watch.stop(count)
}
