//! Sizes and times as people write them. Pure.

#[cfg(test)]
mod tests;

const SIZES: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// `512MiB` in bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    measure(text, &SIZES, "a size such as \"512MiB\"; units are B, KiB, MiB, GiB, TiB, kB, MB, GB")
}

/// `30s` in milliseconds.
pub fn millis(text: &str) -> Result<u64, String> {
    measure(text, &TIMES, "a time such as \"30s\"; units are ms, s, m, h")
}

fn measure(text: &str, units: &[(&str, u64)], wanted: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not {wanted}");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
    let total = number.checked_mul(*factor).ok_or_else(wrong)?;
    if total == 0 {
        return Err(format!("`{text}` would let it do nothing; leave it out for no limit"));
    }
    Ok(total)
}
