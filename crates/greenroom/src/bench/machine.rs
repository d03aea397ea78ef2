//! What the machine says of itself: time, CPU time, memory, fdatasync.

use serde_json::{Map, Value};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// A point in time.
#[derive(Clone, Copy)]
pub(super) struct Watch(std::time::Instant);

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "a bench measures the machine itself")]
    pub fn start() -> Watch {
        Watch(std::time::Instant::now())
    }

    #[expect(clippy::disallowed_methods, reason = "a bench measures the machine itself")]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    pub fn seconds(self) -> f64 {
        self.elapsed().as_secs_f64()
    }

    pub fn micros(self) -> f64 {
        self.seconds() * 1e6
    }
}

/// CPU time of this process so far, user and system, in microseconds.
pub(super) fn cpu_us() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Resident memory of this process, in bytes.
pub(super) fn rss_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok());
    let kib: u64 = kib.ok_or_else(|| anyhow::anyhow!("/proc/self/status has no VmRSS"))?;
    Ok(kib * 1024)
}

/// Times `count` rounds of writing 4 KiB and fdatasync, each over the same
/// place of a file that has its size already: the least a durable commit can
/// cost on this disk. In microseconds.
pub(super) fn fdatasyncs(directory: &Path, count: usize) -> anyhow::Result<Vec<f64>> {
    let path = directory.join("fdatasync.probe");
    let file = File::create(&path)?;
    let page = [7u8; 4096];
    file.write_all_at(&page, 0)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let watch = Watch::start();
        file.write_all_at(&page, 0)?;
        file.sync_data()?;
        times.push(watch.micros());
    }
    std::fs::remove_file(&path)?;
    Ok(times)
}

/// The value below which this part of the samples lies.
pub(super) fn percentile(samples: &mut [f64], part: f64) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1);
    let place = (last as f64 * part).round();
    samples.get(place as usize).copied().unwrap_or(0.0)
}

/// A number with few digits, for JSON that people read too.
pub(super) fn round(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { (value * 1000.0).round() / 1000.0 }
}

/// The object in a `json!({…})`.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
