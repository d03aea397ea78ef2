//! The table that comes along, and sums.

use super::{KNOWN, Prices, undated};
use crate::provider::Usage;

fn usage(input: u64, output: u64, cache_read: u64, cache_write: u64) -> Usage {
    Usage { input, output, cache_read, cache_write, guessed: false }
}

fn cost(prices: &Prices, name: &str, usage: &Usage) -> Option<u64> {
    Some(prices.of(name)?.cost_micro(usage))
}

#[test]
fn the_table_that_comes_along() {
    let prices = Prices::parse(KNOWN).unwrap();
    assert_eq!(prices, Prices::known());
    assert!(prices.models.len() > 40);
    assert!(prices.as_of.starts_with("20") && !prices.source.is_empty());
    for (name, price) in &prices.models {
        assert!(name.contains('/'), "{name}");
        assert!(price.input <= price.output, "{name}: writing costs less than reading?");
        let cache_read = price.cache_read.unwrap_or(price.input);
        assert!(cache_read <= price.input, "{name}: the cache costs more?");
    }
}

#[test]
fn sums() {
    let prices = Prices::parse(
        r#"{"models": {
            "acme/m": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75,
                "above": {"tokens": 1000, "input": 6, "output": 30}},
            "acme/n": {"input": 0.1, "output": 0.4},
            "home/*": {"input": 0, "output": 0}
        }}"#,
    )
    .unwrap();
    // 100 x 3 + 10 x 15 + 200 x 0.3 + 4 x 3.75 = 525 millionths.
    assert_eq!(cost(&prices, "acme/m", &usage(100, 10, 200, 4)), Some(525));
    // A long prompt makes all of the call dearer, what is cached too.
    assert_eq!(cost(&prices, "acme/m", &usage(1000, 10, 1, 0)), Some(6306));
    assert_eq!(cost(&prices, "acme/m", &usage(999, 0, 1, 0)), Some(2998));
    // Without prices for the cache it is read anew; less than a millionth is one.
    assert_eq!(cost(&prices, "acme/n", &usage(0, 0, 30, 0)), Some(3));
    assert_eq!(cost(&prices, "acme/n", &usage(1, 0, 0, 0)), Some(1));
    assert_eq!(cost(&prices, "acme/n", &usage(0, 0, 0, 0)), Some(0));
    assert_eq!(cost(&prices, "home/llama", &usage(5, 5, 5, 5)), Some(0));
    // However much it is said to be.
    let most = usage(u64::MAX, u64::MAX, u64::MAX, u64::MAX);
    assert_eq!(cost(&prices, "acme/m", &most), Some(u64::MAX));
    // No price is not the price nothing.
    assert_eq!(cost(&prices, "acme/unknown", &usage(1, 1, 0, 0)), None);
}

#[test]
fn dated_names_and_overrides() {
    let known = Prices::known();
    let price = known.of("anthropic/claude-opus-4-5").unwrap();
    assert_eq!(known.of("anthropic/claude-opus-4-5-20251101"), Some(price));
    assert!(known.of("openai/gpt-4o-2099-01-01").is_some());
    assert_eq!(undated("a/claude-4-5"), None);
    assert_eq!(undated("a/é"), None);
    let mine =
        Prices::parse(r#"{"models": {"anthropic/claude-opus-4-5": {"input": 1, "output": 2}}}"#);
    let both = mine.unwrap().over(known.clone());
    assert_eq!(both.of("anthropic/claude-opus-4-5").unwrap().output, 2.0);
    assert_eq!(both.models.len(), known.models.len());
}

#[test]
fn wrong_tables() {
    for (text, word) in [
        ("{", "none"),
        (r#"{"models": {"a/b": {"input": 1}}}"#, "output"),
        (r#"{"models": {"a/b": {"input": -1, "output": 1}}}"#, "a/b"),
        (r#"{"models": {"a/b": {"input": 1, "output": 1, "ouput": 2}}}"#, "ouput"),
    ] {
        let error = Prices::parse(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
}
