//! What tokens cost: a table that comes along, dated, and what a user puts over it.
//! A model that is in neither has no price, never the price nothing.

#[cfg(test)]
mod tests;

use super::reply::Usage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The table that comes along.
const KNOWN: &str = include_str!("prices.json");

/// What models cost, by `PROVIDER/MODEL`; `PROVIDER/*` is all others of one provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Of which day they are.
    #[serde(default)]
    pub as_of: String,
    /// Where they are from.
    #[serde(default)]
    pub source: String,
    /// In what they are counted.
    #[serde(default)]
    pub unit: String,
    /// The prices.
    pub models: BTreeMap<String, Price>,
}

/// What a million tokens of a model cost. In the table that comes along, in dollars;
/// what a [`Spend`](greenroom_model::budget::Spend) counts are millionths of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Read anew.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the cache; `None`: as if read anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// Put into the cache; `None`: as if read anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// What a call with a longer prompt costs, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Above>,
}

/// The prices of a call whose prompt has more than so many tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Above {
    /// More than so many.
    pub tokens: u64,
    /// Read anew.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// Put into the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
}

impl Prices {
    /// The table that comes along.
    pub fn known() -> Prices {
        // A test reads it; without it no model would have a price.
        Prices::parse(KNOWN).unwrap_or_default()
    }

    /// A table from JSON of the same form as the one that comes along.
    ///
    /// # Errors
    /// It is none, or a price is no amount.
    pub fn parse(text: &str) -> Result<Prices, String> {
        let prices: Prices =
            serde_json::from_str(text).map_err(|error| format!("the prices are none: {error}"))?;
        prices.checked()
    }

    /// The same, if each price is an amount.
    ///
    /// # Errors
    /// One is none.
    pub fn checked(self) -> Result<Prices, String> {
        for (name, price) in &self.models {
            let above = price.above.iter();
            let above =
                above.flat_map(|a| [Some(a.input), Some(a.output), a.cache_read, a.cache_write]);
            let mut all =
                [Some(price.input), Some(price.output), price.cache_read, price.cache_write]
                    .into_iter()
                    .chain(above)
                    .flatten();
            if let Some(wrong) = all.find(|amount| !amount.is_finite() || *amount < 0.0) {
                return Err(format!("the price {wrong} of `{name}` is no amount: write 0 or more"));
            }
        }
        Ok(self)
    }

    /// These prices over the others.
    #[must_use]
    pub fn over(self, mut others: Prices) -> Prices {
        others.models.extend(self.models);
        others
    }

    /// The price of a model, `PROVIDER/MODEL`. One whose name ends with a date costs
    /// what the model does, unless it is listed itself.
    pub fn of(&self, name: &str) -> Option<&Price> {
        let provider = name.split('/').next().unwrap_or_default();
        self.models
            .get(name)
            .or_else(|| self.models.get(undated(name)?))
            .or_else(|| self.models.get(&format!("{provider}/*")))
    }
}

impl Price {
    /// What costs nothing.
    pub fn free() -> Price {
        Price { input: 0.0, output: 0.0, cache_read: None, cache_write: None, above: None }
    }

    /// What a call has cost, in millionths, rounded up.
    pub fn cost_micro(&self, usage: &Usage) -> u64 {
        let read = usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write);
        let (input, output, cache_read, cache_write) = match &self.above {
            Some(above) if read > above.tokens => {
                (above.input, above.output, above.cache_read, above.cache_write)
            }
            _ => (self.input, self.output, self.cache_read, self.cache_write),
        };
        // So many tokens at so much for a million are so many millionths.
        let amounts = [
            (usage.input, input),
            (usage.output, output),
            (usage.cache_read, cache_read.unwrap_or(input)),
            (usage.cache_write, cache_write.unwrap_or(input)),
        ];
        let sum: f64 = amounts.iter().map(|(tokens, price)| *tokens as f64 * price).sum();
        // Sums of decimals are off by a little: that is not to cost a millionth.
        (sum - 1e-6).ceil().max(0.0) as u64
    }
}

/// A model's name without `-20251101`, `-2025-11-01` or `-latest` at its end.
pub(super) fn undated(name: &str) -> Option<&str> {
    if let Some(name) = name.strip_suffix("-latest") {
        return Some(name);
    }
    let is_date = |text: &str, length: usize| {
        text.len() == length && text.chars().all(|c| c.is_ascii_digit() || c == '-')
    };
    [8, 10].into_iter().find_map(|length| {
        let (begin, date) = name.split_at_checked(name.len().checked_sub(length)?)?;
        begin.strip_suffix('-').filter(|_| is_date(date, length))
    })
}
