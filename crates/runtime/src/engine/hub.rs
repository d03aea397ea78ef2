//! Tells listeners what has become durable, and the live values that never
//! do. Knows no store: a listener that falls behind is told so and reads on
//! there.

use greenroom_journal::TurnRow;
use greenroom_model::{Payload, ProcessNo};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// How many pieces of news a slow listener may be behind.
const BEHIND_MAX: usize = 256;

/// Something about one process.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// A turn is durable.
    Turn(Arc<TurnRow>),
    /// A live value.
    Emitted(Payload),
    /// The store holds more than was told.
    Missed,
    /// It cannot be read.
    Damaged,
}

#[derive(Default)]
pub(crate) struct Hub {
    listened: AtomicUsize,
    channels: Mutex<HashMap<ProcessNo, broadcast::Sender<News>>>,
}

impl Hub {
    pub fn listen(&self, no: ProcessNo) -> broadcast::Receiver<News> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody listens to any more go when others come.
        channels.retain(|_, channel| channel.receiver_count() > 0);
        let channel = channels.entry(no).or_insert_with(|| broadcast::channel(BEHIND_MAX).0);
        let receiver = channel.subscribe();
        self.listened.store(channels.len(), Ordering::Release);
        receiver
    }

    /// Whether anybody listens to anything: asked before news is made.
    pub fn is_listened(&self) -> bool {
        self.listened.load(Ordering::Acquire) > 0
    }

    pub fn tell(&self, no: ProcessNo, news: impl FnOnce() -> News) {
        if !self.is_listened() {
            return;
        }
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&no) {
            // An error says that the last listener has just gone.
            let _ = channel.send(news());
        }
    }
}
