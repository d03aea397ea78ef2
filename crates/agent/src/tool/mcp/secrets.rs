//! Keeps values out of words: an error is journaled and shown to a model.

/// What must not be said, and what is said in its place.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<(String, String)>,
}

/// Shorter values are words of every day; hiding them would only hide the error.
const LENGTH_MIN: usize = 6;

impl Secrets {
    /// Says `instead` where `value` would be said.
    pub fn add(&mut self, value: &str, instead: &str) {
        if value.len() >= LENGTH_MIN {
            self.values.push((value.to_owned(), instead.to_owned()));
            // A secret may hold another: the longer ones go first.
            self.values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        }
    }

    /// Hides the value and each word of it: `Bearer hush`.
    pub fn hide_words(&mut self, value: &str) {
        self.add(value, "[hidden]");
        value.split_whitespace().skip(1).for_each(|word| self.add(word, "[hidden]"));
    }

    /// The text without them.
    pub fn hide(&self, text: &str) -> String {
        let hide = |text: String, (value, instead): &(String, String)| {
            if text.contains(value.as_str()) { text.replace(value.as_str(), instead) } else { text }
        };
        self.values.iter().fold(text.to_owned(), hide)
    }
}
