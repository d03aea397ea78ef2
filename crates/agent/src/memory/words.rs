//! Full-text ranking: BM25 over words. Pure.

use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// How soon a word that comes again counts no more.
const K1: f64 = 1.2;
/// How much a long text is held against it.
const B: f64 = 0.75;

/// The words of a text, in lower case. In scripts without spaces each sign is one.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for sign in text.chars().flat_map(char::to_lowercase) {
        let is_whole = matches!(sign, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}');
        if is_whole || !sign.is_alphanumeric() {
            words.push(String::new());
        }
        if sign.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(sign);
        }
        if is_whole {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The places of the texts that have a word of the query, the best first; of equals
/// the later one.
pub(super) fn ranked<'a>(texts: impl IntoIterator<Item = &'a str>, query: &str) -> Vec<usize> {
    let texts: Vec<Vec<String>> = texts.into_iter().map(words).collect();
    let mut wanted = words(query);
    wanted.sort_unstable();
    wanted.dedup();
    let all: usize = texts.iter().map(Vec::len).sum();
    let usual = all as f64 / texts.len().max(1) as f64;
    let counts: Vec<HashMap<&str, usize>> = texts.iter().map(|text| counted(text)).collect();
    let mut scores = vec![0.0; texts.len()];
    for word in &wanted {
        let with = counts.iter().filter(|count| count.contains_key(word.as_str())).count() as f64;
        let rare = ((texts.len() as f64 - with + 0.5) / (with + 0.5)).ln_1p();
        for (place, count) in counts.iter().enumerate() {
            let times = count.get(word.as_str()).copied().unwrap_or(0) as f64;
            let long = 1.0 - B + B * texts[place].len() as f64 / usual.max(1.0);
            scores[place] += rare * times * (K1 + 1.0) / (times + K1 * long);
        }
    }
    best(&scores, 0.0)
}

/// The places of the scores above `least`, the best first.
pub(super) fn best(scores: &[f64], least: f64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).filter(|at| scores[*at] > least).collect();
    places.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(b.cmp(a)));
    places
}

/// Several ranks as one (reciprocal rank fusion): the scales of their scores do not
/// matter.
pub(super) fn merged(ranks: &[Vec<usize>], count: usize) -> Vec<usize> {
    let mut scores = vec![0.0; count];
    for rank in ranks {
        for (place, one) in rank.iter().enumerate() {
            scores[*one] += 1.0 / (60.0 + place as f64);
        }
    }
    best(&scores, 0.0)
}

fn counted(text: &[String]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in text {
        *counts.entry(word.as_str()).or_insert(0) += 1;
    }
    counts
}
