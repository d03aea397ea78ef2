//! Amounts of money, exact to the cent. Knows no currency.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An amount in cents. Written `1250.00`, in files, in JSON (as a string, since
/// numbers of JSON are not exact) and on the command line; for people `1,250.00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Money {
    cents: u64,
}

impl Money {
    /// Whole units: euros, not cents.
    pub const fn units(units: u64) -> Money {
        Money { cents: units * 100 }
    }

    /// With the thousands set apart, for people.
    pub fn grouped(self) -> String {
        let plain = self.to_string();
        let whole = plain.len() - 3;
        let mut text = String::new();
        for (place, digit) in plain.chars().enumerate() {
            if place > 0 && place < whole && (whole - place).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.cents / 100, self.cents % 100)
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Money, NotMoney> {
        let refused = || NotMoney(text.chars().take(40).collect());
        let (units, cents) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(units) || !digits(cents) || cents.len() > 2 {
            return Err(refused());
        }
        let units: u64 = units.parse().map_err(|_| refused())?;
        let tens = if cents.len() == 1 { 10 } else { 1 };
        let cents: u64 = cents.parse().map_err(|_| refused())?;
        let total = units.checked_mul(100).and_then(|sum| sum.checked_add(cents * tens));
        total.map(|cents| Money { cents }).ok_or_else(refused)
    }
}

impl From<Money> for String {
    fn from(money: Money) -> String {
        money.to_string()
    }
}

impl TryFrom<String> for Money {
    type Error = NotMoney;

    fn try_from(text: String) -> Result<Money, NotMoney> {
        text.parse()
    }
}

/// Text that is no amount.
#[derive(Debug, PartialEq, Eq)]
pub struct NotMoney(String);

impl fmt::Display for NotMoney {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an amount: write it like 1250 or 1250.50", self.0)
    }
}

impl std::error::Error for NotMoney {}
