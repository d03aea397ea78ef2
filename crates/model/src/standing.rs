//! What a process is to others beside its messages: whom it is linked to, the
//! names it goes by, the groups it is in, the topics it hears. Kept over
//! `continue_as_new`; gone with its final end.

use crate::ProcessId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The longest name, group or pattern, in bytes.
const TEXT_MAX_BYTES: usize = 200;

/// Where others find a process. In the store it is a key such as
/// `name:pricing`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A registered name: one process has it.
    Name(String),
    /// A group: any number of processes are in it.
    Group(String),
    /// A subscription: a pattern of topics.
    Topic(String),
}

impl Place {
    /// What it is, in a word.
    pub fn sort(&self) -> &'static str {
        match self {
            Place::Name(_) => "name",
            Place::Group(_) => "group",
            Place::Topic(_) => "topic",
        }
    }

    /// The name, group or pattern itself.
    pub fn text(&self) -> &str {
        match self {
            Place::Name(text) | Place::Group(text) | Place::Topic(text) => text,
        }
    }

    /// Its key in the store.
    pub fn key(&self) -> String {
        format!("{}:{}", self.sort(), self.text())
    }

    /// Reads a key back.
    pub fn of_key(key: &str) -> Option<Place> {
        let (sort, text) = key.split_once(':')?;
        let text = text.to_owned();
        match sort {
            "name" => Some(Place::Name(text)),
            "group" => Some(Place::Group(text)),
            "topic" => Some(Place::Topic(text)),
            _ => None,
        }
    }

    /// Whether there can be such a place.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let text = self.text();
        if let Place::Topic(pattern) = self {
            return crate::pattern::check_pattern(pattern);
        }
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:@+~=/".contains(&c);
        if text.is_empty() || text.len() > TEXT_MAX_BYTES || !text.bytes().all(plain) {
            let sort = self.sort();
            return Err(format!(
                "a {sort} has 1 to {TEXT_MAX_BYTES} letters, digits and - _ . : @ + ~ = /"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sort(), self.text())
    }
}

/// A question about others that the store answers with the commit that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookup {
    /// Who has this name.
    Name(String),
    /// Who is in this group.
    Group(String),
    /// Which of the process's children have not ended.
    Children,
}

/// To whom something is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// To all whose subscriptions match the topic.
    Subscribers,
    /// To all in this group.
    Group(String),
}

/// What a process is to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// With whom it shares its end.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<ProcessId>,
    /// Where it is found.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub places: BTreeSet<Place>,
    /// Ends of those it is linked to come as messages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub traps_exit: bool,
}

impl Standing {
    /// Nothing to speak of.
    pub fn is_empty(&self) -> bool {
        *self == Standing::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back() {
        for place in
            [Place::Name("a".into()), Place::Group("b:c".into()), Place::Topic("o.*".into())]
        {
            assert_eq!(Place::of_key(&place.key()), Some(place));
        }
        assert_eq!(Place::of_key("other:x"), None);
    }

    #[test]
    fn odd_names_are_refused() {
        for text in ["", "a b", "ä", &"x".repeat(201)] {
            assert!(Place::Name(text.into()).check().is_err(), "{text}");
        }
        assert!(Place::Group("workers/eu-1".into()).check().is_ok());
    }
}
