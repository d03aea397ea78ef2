//! What `doctor` asks the disk: how much is free, how long a sync takes.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Free bytes for this user.
pub fn free_bytes(dir: &Path) -> std::io::Result<u64> {
    let facts = rustix::fs::statvfs(dir)?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// How long it takes until a few bytes are safe: the middle of some tries.
#[expect(clippy::disallowed_methods, reason = "measures the disk; no process hears of it")]
pub fn sync_time(dir: &Path) -> std::io::Result<Duration> {
    const TRIES: usize = 9;
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::with_capacity(TRIES);
    let mut measure = || {
        let begin = std::time::Instant::now();
        file.write_all(&[0; 512])?;
        file.sync_data()?;
        times.push(begin.elapsed());
        std::io::Result::Ok(())
    };
    let measured = (0..TRIES).try_for_each(|_| measure());
    let _ = std::fs::remove_file(&path);
    measured?;
    times.sort();
    Ok(times[TRIES / 2])
}
