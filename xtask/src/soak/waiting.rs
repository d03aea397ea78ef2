//! What campaigns of several threads have in common.

use anyhow::bail;

/// Whether it failed since the node was not there, or went away meanwhile.
pub fn is_absence(error: &anyhow::Error) -> bool {
    const ABSENT: [&str; 4] = ["\"no_node\"", "\"broken\"", "\"stopped\"", "\"unavailable\""];
    let text = error.to_string();
    ABSENT.iter().any(|code| text.contains(code))
}

pub fn joined<T>(
    thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<T>>,
) -> anyhow::Result<T> {
    thread.join().unwrap_or_else(|_| bail!("a thread of the campaign panicked"))
}
