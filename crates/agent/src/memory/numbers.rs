//! Meanings as numbers: only where they point is compared. Pure.

/// Where numbers point, whatever their length, in 127ths: exact enough to compare.
pub(super) fn direction(vector: &[f32]) -> Vec<i8> {
    let most = vector.iter().fold(0.0_f32, |most, one| most.max(one.abs()));
    if most == 0.0 || !most.is_finite() {
        return Vec::new();
    }
    vector.iter().map(|one| (one / most * 127.0) as i8).collect()
}

/// The cosine between two directions; 0 of two models' numbers.
pub(super) fn likeness(one: &[i8], other: &[i8]) -> f64 {
    if one.len() != other.len() {
        return 0.0;
    }
    let dot = |a: &[i8], b: &[i8]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    if lengths == 0.0 { 0.0 } else { dot(one, other) / lengths }
}

/// Two letters for each, where a list in JSON has up to five.
pub(super) mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(vector: &[i8], to: S) -> Result<S::Ok, S::Error> {
        let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
        let both = |one: &i8| {
            let byte = one.cast_unsigned();
            [digit(byte >> 4), digit(byte & 15)]
        };
        to.serialize_str(&vector.iter().flat_map(both).collect::<String>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i8>, D::Error> {
        let text = String::deserialize(from)?;
        let byte = |two: &[u8]| {
            let two = std::str::from_utf8(two).ok()?;
            Some(u8::from_str_radix(two, 16).ok()?.cast_signed())
        };
        let all = text.as_bytes().chunks(2).map(byte).collect::<Option<Vec<i8>>>();
        all.ok_or_else(|| D::Error::custom("a meaning's numbers are not what they were"))
    }
}
