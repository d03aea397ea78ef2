//! Lets running components yield, so that time, freezing and kills reach an endless loop.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use wasmtime::Engine;

/// How long a component runs before it yields.
pub const TICK: Duration = Duration::from_millis(10);

/// A thread that advances the engine's epoch while components run, and sleeps while none does.
pub struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running: u32,
    over: bool,
}

/// A running component.
pub struct Ticking(Weak<Shared>);

impl Ticker {
    /// Starts the thread; it ends with the ticker.
    #[expect(clippy::disallowed_methods, reason = "boxes know no runtime; the thread only ticks")]
    pub fn start(engine: Engine) -> std::io::Result<Self> {
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        let its = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("wasm-ticker".to_owned())
            .spawn(move || tick(&its, &engine))?;
        Ok(Self { shared })
    }

    /// Ticks as long as what is returned lives.
    pub fn hold(&self) -> Ticking {
        self.shared.change(|state| state.running += 1);
        Ticking(Arc::downgrade(&self.shared))
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.change(|state| state.over = true);
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.change(|state| state.running -= 1);
        }
    }
}

fn tick(shared: &Shared, engine: &Engine) {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    while !state.over {
        if state.running == 0 {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let waited = shared.changed.wait_timeout(state, TICK);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        engine.increment_epoch();
    }
}
