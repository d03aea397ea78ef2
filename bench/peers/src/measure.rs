//! Time, CPU time and memory of this process, and what a bench found of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Members of a ring, and senders of a fan-in.
pub const MEMBERS: u64 = 1_000;

/// What an idle process holds: 64 bytes.
pub type State = [u64; 8];

/// How many processes have begun.
pub static BEGUN: AtomicU64 = AtomicU64::new(0);

/// Waits until so many have.
pub async fn all_begun(count: u64) {
    while BEGUN.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bench {
    Spawn,
    Pingpong,
    Fanin,
    Ring,
    Restarts,
}

impl Bench {
    const ALL: [(Bench, &str); 5] = [
        (Bench::Spawn, "spawn"),
        (Bench::Pingpong, "pingpong"),
        (Bench::Fanin, "fanin"),
        (Bench::Ring, "ring"),
        (Bench::Restarts, "restarts"),
    ];

    pub fn parse(word: &str) -> Result<Bench, String> {
        let found = Bench::ALL.iter().find(|(_, name)| *name == word);
        found.map(|(bench, _)| *bench).ok_or_else(|| format!("no bench `{word}`"))
    }
}

/// The beginning of what is measured.
pub struct Watch {
    begun: Instant,
    cpu_s: f64,
    rss: u64,
}

pub struct Figures {
    count: u64,
    seconds: f64,
    cpu_s: f64,
    rss: u64,
}

impl Watch {
    pub fn start() -> Watch {
        let (cpu_s, rss) = (cpu_s(), rss_bytes());
        Watch { begun: Instant::now(), cpu_s, rss }
    }

    pub fn stop(self, count: u64) -> Figures {
        let seconds = self.begun.elapsed().as_secs_f64();
        let cpu_s = cpu_s() - self.cpu_s;
        Figures { count, seconds, cpu_s, rss: rss_bytes().saturating_sub(self.rss) }
    }
}

impl Figures {
    pub fn json(&self, peer: &str, bench: Bench) -> String {
        let name = Bench::ALL.iter().find(|(one, _)| *one == bench).map_or("", |(_, name)| name);
        let count = self.count as f64;
        let bytes = match bench {
            Bench::Spawn => format!(",\"bytes_per_process\":{:.0}", self.rss as f64 / count),
            _ => String::new(),
        };
        format!(
            "{{\"peer\":\"{peer}\",\"bench\":\"{name}\",\"operations\":{count},\"seconds\":{:.4},\
             \"per_s\":{:.0},\"cpu_ns_per_op\":{:.1}{bytes}}}",
            self.seconds,
            count / self.seconds,
            self.cpu_s * 1e9 / count,
        )
    }
}

fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}
