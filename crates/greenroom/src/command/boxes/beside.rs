//! Threads beside a command that has no async runtime.

/// Nobody waits for it: it may stand in a read of a terminal when the program ends.
#[expect(clippy::disallowed_methods, reason = "an engine has no runtime, and this one blocks")]
pub fn beside(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}
