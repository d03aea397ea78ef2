//! What a message is about: a short word, kept in place so that most messages
//! need no allocation for it.

use std::fmt;

/// A message's topic. Reads as a `&str`.
#[derive(Clone)]
pub struct Topic(Text);

#[derive(Clone)]
enum Text {
    Short { length: u8, bytes: [u8; Topic::SHORT_MAX] },
    Long(Box<str>),
}

impl Topic {
    /// As many bytes as fit into the size of a `String`.
    const SHORT_MAX: usize = 22;

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // It was made from a `str`, whole.
            Text::Short { length, bytes } => {
                std::str::from_utf8(&bytes[..usize::from(*length)]).unwrap_or_default()
            }
            Text::Long(text) => text,
        }
    }
}

impl From<&str> for Topic {
    fn from(text: &str) -> Topic {
        let mut bytes = [0; Topic::SHORT_MAX];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(text.as_bytes());
                Topic(Text::Short { length, bytes })
            }
            _ => Topic(Text::Long(text.into())),
        }
    }
}

impl From<String> for Topic {
    fn from(text: String) -> Topic {
        Topic::from(text.as_str())
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> String {
        topic.as_str().to_owned()
    }
}

impl std::ops::Deref for Topic {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Topic) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Topic {}

impl PartialEq<str> for Topic {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Topic {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl serde::Serialize for Topic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Topic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Topic, D::Error> {
        String::deserialize(deserializer).map(Topic::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_whole() {
        assert_eq!(size_of::<Topic>(), size_of::<String>());
        for length in 0..100 {
            let text = "ä".repeat(length);
            let topic = Topic::from(text.as_str());
            assert_eq!((topic.as_str(), String::from(topic.clone())), (&*text, text.clone()));
            assert!(topic == *text && topic == text.as_str());
        }
    }
}
