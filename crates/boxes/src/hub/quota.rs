//! How much of the host a box may take by its socket. Pure: told the time.

/// How much a box may ask of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Connections at once. Each has one request under way.
    pub connections_max: usize,
    /// Bytes of a request's line.
    pub line_bytes_max: usize,
    /// Requests in a second, over a longer time.
    pub requests_per_s: u64,
    /// Requests at once, after a silence.
    pub requests_burst: u64,
    /// Bytes of requests in a second, over a longer time.
    pub bytes_per_s: u64,
    /// Bytes at once, after a silence.
    pub bytes_burst: u64,
    /// Events that a connection is given before it has acknowledged the first.
    pub events_max: usize,
    /// Topics of one request.
    pub topics_max: usize,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota {
            connections_max: 16,
            line_bytes_max: 64 << 10,
            requests_per_s: 50,
            requests_burst: 200,
            bytes_per_s: 1 << 20,
            bytes_burst: 4 << 20,
            events_max: 16,
            topics_max: 32,
        }
    }
}

/// What is left of a quota, for all connections of a box.
#[derive(Debug)]
pub(super) struct Meter {
    requests: Bucket,
    bytes: Bucket,
}

/// Which limit was reached, and when there is room again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over {
    pub what: String,
    pub retry_after_ms: u64,
}

impl Meter {
    pub fn new(quota: &Quota, now_ms: u64) -> Meter {
        Meter {
            requests: Bucket::new(quota.requests_per_s, quota.requests_burst, now_ms),
            bytes: Bucket::new(quota.bytes_per_s, quota.bytes_burst, now_ms),
        }
    }

    /// Takes a request of so many bytes, or says why not: then nothing is taken.
    pub fn take(&mut self, bytes: u64, now_ms: u64) -> Result<(), Over> {
        self.requests.fill(now_ms);
        self.bytes.fill(now_ms);
        let over = |bucket: &Bucket, count: u64, what: &str| {
            let retry_after_ms = bucket.wait_ms(count)?;
            let what = format!("more than {} {what} in a second", bucket.per_s);
            Some(Over { what, retry_after_ms })
        };
        let over = over(&self.requests, 1, "requests").or(over(&self.bytes, bytes, "bytes"));
        match over {
            Some(over) => Err(over),
            None => {
                self.requests.take(1);
                self.bytes.take(bytes);
                Ok(())
            }
        }
    }
}

/// A token bucket, in thousandths of a token.
#[derive(Debug)]
struct Bucket {
    per_s: u64,
    full: u64,
    level: u64,
    at_ms: u64,
}

impl Bucket {
    fn new(per_s: u64, burst: u64, now_ms: u64) -> Bucket {
        let (per_s, full) = (per_s.max(1), burst.max(1).saturating_mul(1000));
        Bucket { per_s, full, level: full, at_ms: now_ms }
    }

    fn fill(&mut self, now_ms: u64) {
        let since = now_ms.saturating_sub(self.at_ms);
        self.at_ms = self.at_ms.max(now_ms);
        self.level = self.level.saturating_add(since.saturating_mul(self.per_s)).min(self.full);
    }

    /// How long until there are so many; `None`: there are. More than ever are there, are there
    /// when it is full.
    fn wait_ms(&self, count: u64) -> Option<u64> {
        let wanted = count.saturating_mul(1000).min(self.full);
        let missing = wanted.saturating_sub(self.level);
        (missing > 0).then(|| missing.div_ceil(self.per_s))
    }

    fn take(&mut self, count: u64) {
        self.level = self.level.saturating_sub(count.saturating_mul(1000));
    }
}

#[cfg(test)]
mod tests;
