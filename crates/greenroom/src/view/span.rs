//! Spans of time in few letters: `12ms`, `3.4s`, `5m`, `2h05m`, `3d4h`.

use greenroom_model::Millis;
use std::time::Duration;

/// A span.
pub fn span(span: Duration) -> String {
    const ROUNDED_FROM_MS: u128 = 10_000;
    let ms = span.as_millis();
    // A timer of a day, set a millisecond ago, is a day.
    let seconds = if ms >= ROUNDED_FROM_MS { (ms + 500) / 1000 } else { ms / 1000 };
    match seconds {
        0 => format!("{ms}ms"),
        1..=9 => format!("{seconds}.{}s", ms % 1000 / 100),
        10..=59 => format!("{seconds}s"),
        60..=3599 if seconds.is_multiple_of(60) || seconds >= 600 => format!("{}m", seconds / 60),
        60..=3599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..=86_399 if seconds % 3600 < 60 => format!("{}h", seconds / 3600),
        3600..=86_399 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ if seconds % 86_400 < 3600 => format!("{}d", seconds / 86_400),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// How long ago.
pub fn ago(now: Millis, at: Millis) -> String {
    format!("{} ago", span(now.since(at)))
}

/// How long until.
pub fn until(now: Millis, at: Millis) -> String {
    if at <= now { "now".to_owned() } else { format!("in {}", span(at.since(now))) }
}
