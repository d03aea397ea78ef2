//! Making a node's pool, and starting its loops when the first process comes:
//! on threads of their own, or as one task where the node has no threads.

use super::mail::Code;
use super::pool::Pool;
use super::root::Post;
use super::run::Loop;
use super::table::Table;
use super::turns::Turns;
use crate::env::Env;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

/// How often a loop polls before it lets its thread see to other things.
const POLLS_AT_ONCE: usize = 512;
const LOOPS_MAX: usize = 64;

/// A pool with no process and no loop yet.
pub(crate) fn open(env: Arc<dyn Env>, codes: HashMap<String, Arc<Code>>, post: Post) -> Arc<Pool> {
    let loops = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let seed = env.seed();
    Arc::new(Pool {
        table: Table::new(u32::try_from(seed >> 32).unwrap_or(0)),
        turns: Turns::new(loops.min(LOOPS_MAX)),
        env,
        codes,
        post,
        begin,
        begun: AtomicBool::new(false),
        threads: AtomicUsize::new(0),
        alive: Arc::default(),
        count: AtomicUsize::new(0),
    })
}

impl Pool {
    /// Has the loops run on so many threads, which `alive` counts.
    pub fn on_threads(&self, threads: usize) {
        self.threads.store(threads.clamp(1, self.turns.loops()), Ordering::Release);
    }

    /// Ends all processes and the loops.
    pub fn close(&self) {
        self.turns.close();
    }
}

fn begin(pool: &Arc<Pool>) {
    let threads = pool.threads.load(Ordering::Acquire);
    if threads == 0 {
        pool.env.spawn(Box::pin(run_as_task(pool.clone())));
    }
    for queue in 0..threads {
        let on_thread = pool.clone();
        pool.alive.fetch_add(1, Ordering::AcqRel);
        let run = move || {
            let env = on_thread.env.clone();
            let alive = on_thread.alive.clone();
            env.enter(&mut || run_on_thread(&on_thread, queue));
            drop(on_thread);
            alive.fetch_sub(1, Ordering::AcqRel);
        };
        pool.env.thread(&format!("ephemeral-{queue}"), Box::new(run));
    }
}

fn run_on_thread(pool: &Arc<Pool>, queue: usize) {
    let mut each = Loop::new(pool.clone(), queue);
    while !pool.turns.is_closed() {
        if !each.run(POLLS_AT_ONCE) && !pool.turns.sleep() {
            return;
        }
    }
}

async fn run_as_task(pool: Arc<Pool>) {
    let mut each = Loop::new(pool.clone(), 0);
    std::future::poll_fn(|context| {
        if pool.turns.is_closed() {
            return Poll::Ready(());
        }
        if each.run(POLLS_AT_ONCE) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match pool.turns.sleep_as_task(context.waker()) {
            Some(true) => Poll::Pending,
            Some(false) => Poll::Ready(()),
            None => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await;
}
