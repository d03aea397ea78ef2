//! The only door to the machine: clock, randomness, tasks, threads. The
//! simulator has one of its own.

use futures_util::future::BoxFuture;
use greenroom_model::Millis;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the runtime takes from the machine.
pub trait Env: Send + Sync {
    /// The node's time. Never goes back.
    fn now(&self) -> Millis;

    /// How long it has been running, whatever the clock is set to.
    fn uptime(&self) -> Duration;

    /// Sees to it that [`now`](Env::now) is never before `at` (what the store
    /// has seen before this node began).
    fn not_before(&self, at: Millis);

    /// A fresh random number.
    fn seed(&self) -> u64;

    /// Runs a future to its end, beside everything else.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Waits.
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()>;

    /// Lets futures polled by this thread find the async runtime.
    fn enter(&self, work: &mut dyn FnMut());

    /// Runs a short piece of work that blocks, beside the async threads.
    fn block(&self, work: Box<dyn FnOnce() + Send>);

    /// Runs long work that blocks, on a thread of its own.
    fn thread(&self, name: &str, work: Box<dyn FnOnce() + Send>);
}

/// The machine itself: its clock, its randomness, a tokio runtime.
pub struct RealEnv {
    tokio: tokio::runtime::Handle,
    clock: Mutex<Clock>,
    begun: std::time::Instant,
}

/// A clock that follows the wall, except that it does not go back: after a
/// jump back it goes on at the wall's pace from where it was, until the wall
/// has caught up.
#[derive(Default)]
struct Clock {
    ahead_ms: u64,
    last_ms: u64,
}

impl Clock {
    fn read(&mut self, wall_ms: u64) -> u64 {
        let now = wall_ms + self.ahead_ms;
        if wall_ms >= self.last_ms {
            self.ahead_ms = 0;
            self.last_ms = wall_ms;
        } else if now >= self.last_ms {
            self.last_ms = now;
        } else {
            self.ahead_ms = self.last_ms - wall_ms;
        }
        self.last_ms
    }
}

impl RealEnv {
    /// The machine, with tasks on `tokio`.
    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    pub fn new(tokio: tokio::runtime::Handle) -> RealEnv {
        RealEnv { tokio, clock: Mutex::default(), begun: std::time::Instant::now() }
    }
}

impl Env for RealEnv {
    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    fn now(&self) -> Millis {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX / 2);
        Millis(self.clock.lock().unwrap_or_else(PoisonError::into_inner).read(wall_ms))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    fn not_before(&self, at: Millis) {
        self.now();
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if at.0 > clock.last_ms {
            clock.ahead_ms += at.0 - clock.last_ms;
            clock.last_ms = at.0;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    fn seed(&self) -> u64 {
        use std::hash::{BuildHasher, Hasher, RandomState};
        // The standard library keys its hashers from the system's randomness,
        // per thread; the clock sets apart calls of one thread.
        let mut hasher = RandomState::new().build_hasher();
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        hasher.write_u128(nanos);
        hasher.finish()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tokio.spawn(task);
    }

    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move { tokio::time::sleep(span).await })
    }

    fn enter(&self, work: &mut dyn FnMut()) {
        let _guard = self.tokio.enter();
        work();
    }

    fn block(&self, work: Box<dyn FnOnce() + Send>) {
        self.tokio.spawn_blocking(work);
    }

    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    fn thread(&self, name: &str, work: Box<dyn FnOnce() + Send>) {
        // A node that cannot start its threads cannot do anything at all.
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        assert!(spawned.is_ok(), "the system refuses a new thread: {spawned:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_back_goes_on_from_where_it_was() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(1_000_000), 1_000_000);
        assert_eq!(clock.read(400_000), 1_000_000);
        assert_eq!(clock.read(400_500), 1_000_500);
        assert_eq!(clock.read(300_000), 1_000_500);
        assert_eq!(clock.read(300_100), 1_000_600);
        assert_eq!(clock.read(2_000_000), 2_000_000);
        assert_eq!(clock.read(2_000_001), 2_000_001);
    }
}
