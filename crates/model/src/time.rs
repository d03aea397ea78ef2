//! Points in time and spans as data. Nobody here reads a clock.

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, as the node's own clock saw them.
///
/// Within one journal it never decreases, even when the wall clock jumps back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// This point plus `span`; stays at the largest value instead of wrapping.
    pub fn after(self, span: std::time::Duration) -> Millis {
        let span_ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        // The store keeps points in time as signed 64-bit integers.
        Millis(self.0.saturating_add(span_ms).min(i64::MAX as u64))
    }

    /// How long from `earlier` to this point; zero if `earlier` is later.
    pub fn since(self, earlier: Millis) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::fmt::Display for Millis {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T09:30:00.125Z`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, ms_of_day) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil_from_days(days);
        let (seconds, ms) = (ms_of_day / 1000, ms_of_day % 1000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01, after
/// Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_people_write_them() {
        assert_eq!(Millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(951_782_400_000).to_string(), "2000-02-29T00:00:00.000Z");
        assert_eq!(Millis(1_795_254_600_125).to_string(), "2026-11-21T09:50:00.125Z");
    }

    #[test]
    fn adding_for_ever_stays_storable() {
        assert_eq!(Millis(5).after(std::time::Duration::MAX), Millis(i64::MAX as u64));
    }
}
