//! What a spec's limits are for a sandbox.

use crate::{sandbox, spec};

/// The walls of a box with these limits; what they do not say is as a sandbox's own.
pub fn walls(limits: &spec::Limits) -> sandbox::Limits {
    let ours = sandbox::Limits::default();
    sandbox::Limits {
        memory_bytes: limits.memory_bytes.or(ours.memory_bytes),
        pids: limits.pids.or(ours.pids),
        cpu_milli: limits.cpu_millis,
        // No box writes a file that it could not keep.
        file_bytes: limits.disk_bytes,
        disk_bytes: limits.disk_bytes,
        ..ours
    }
}
