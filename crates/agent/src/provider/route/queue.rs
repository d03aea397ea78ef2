//! The queues that a configuration declares, and those of providers by default. Pure.

use greenroom_model::queue::{Breaker, QueueSpec};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A queue, as a configuration declares it. In TOML:
///
/// ```toml
/// [queues.acme]
/// rate = "50/s"
/// burst = 10
/// adaptive = [16, 512]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueConfig {
    /// How many at once.
    pub concurrency: Option<u32>,
    /// How many may begin: `50/s`, `500/m`, `1000/h`.
    pub rate: Option<String>,
    /// How many of them at the same moment, after a quiet time; 1 by default.
    pub burst: Option<u32>,
    /// How many at once is found between these two.
    pub adaptive: Option<(u32, u32)>,
}

impl QueueConfig {
    /// The queue of this name.
    ///
    /// # Errors
    /// What cannot be, and what to say instead.
    pub fn spec(&self, name: &str) -> Result<QueueSpec, String> {
        let mut spec = QueueSpec::new(name);
        (spec.concurrency, spec.adaptive) = (self.concurrency, self.adaptive);
        if let Some(rate) = &self.rate {
            let (count, period) = read_rate(rate).ok_or_else(|| {
                format!("the queue {name}: `{rate}` is no rate: say how many in how long, as in `50/s`, `500/m` or `1000/h`")
            })?;
            spec = spec.rate(count, period);
        }
        match (self.burst, &self.rate) {
            (Some(_), None) => {
                return Err(format!("the queue {name}: `burst` is within a `rate`; give it one"));
            }
            (Some(burst), Some(_)) => spec = spec.burst(burst),
            (None, _) => {}
        }
        spec.check()?;
        Ok(spec)
    }
}

fn read_rate(text: &str) -> Option<(u32, Duration)> {
    let (count, unit) = text.split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    Some((count.trim().parse().ok()?, Duration::from_secs(seconds)))
}

/// The name of a provider's queue that nobody has declared.
pub(super) fn default_name(provider: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    format!("model.{}", provider.chars().take(80).map(fits).collect::<String>())
}

/// A provider's queue that nobody has declared: as many at once as it bears, and
/// none while it is down.
pub(super) fn default_spec(provider: &str) -> QueueSpec {
    let open_for = Duration::from_secs(10);
    let breaker = Breaker { failures: 30, window: 40, open_for, probes: 2, fails_fast: false };
    QueueSpec::new(&default_name(provider)).adaptive(16, 512).breaker(breaker)
}
