//! `bench`: measure this machine. Run by `entry.rs`, before any async runtime
//! is there.

/// Which benchmark.
pub type Args = crate::bench::Args;
