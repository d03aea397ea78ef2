//! The machine's time: real processes take it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time.
#[derive(Clone, Copy)]
pub struct Moment(Instant);

#[expect(clippy::disallowed_methods, reason = "xtask is no part of the runtime")]
pub fn now() -> Moment {
    Moment(Instant::now())
}

impl Moment {
    #[expect(clippy::disallowed_methods, reason = "xtask is no part of the runtime")]
    pub fn elapsed_s(self) -> u64 {
        self.0.elapsed().as_secs()
    }

    #[expect(clippy::disallowed_methods, reason = "xtask is no part of the runtime")]
    pub fn elapsed_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Another number each time.
#[expect(clippy::disallowed_methods, reason = "xtask is no part of the runtime")]
pub fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos())
}

#[expect(clippy::disallowed_methods, reason = "xtask is no part of the runtime")]
pub fn pause_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
