//! To whom a box may write and what it may hear, beside its owner: as `box.toml` grants it.

use greenroom_model::{Kind, ProcessId, pattern};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What a box may do beside writing to its owner, and publishing under its own name. Granted by
/// `box.toml`, and no more than the owner lets it; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rights {
    /// To whom it may send: `KIND/KEY`, `KIND/*`, `box:NAME`, or `box:*` for all boxes of its
    /// owner.
    pub send: Vec<String>,
    /// What it may hear of what is published: topics and patterns of topics.
    pub hear: Vec<String>,
}

impl Rights {
    /// Whether nothing is granted.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.send.is_empty() && self.hear.is_empty()
    }

    /// Whether something can be an entry of `send`.
    ///
    /// # Errors
    /// Why not.
    pub fn check_send(to: &str) -> Result<(), String> {
        if let Some(name) = to.strip_prefix("box:") {
            return match name == "*" || is_box_name(name) {
                true => Ok(()),
                false => {
                    Err(format!("`{to}`: {NAME}; write box:NAME, or box:* for all of its owner"))
                }
            };
        }
        if to == "owner" {
            return Err("`owner`: a box may always write to its owner; leave it out".to_owned());
        }
        let checked = match to.strip_suffix("/*") {
            Some(kind) => Kind::new(kind, 1).map(drop),
            None if to.contains('*') => {
                return Err(format!("`{to}`: `*` stands for all keys of a kind: write KIND/*"));
            }
            None => to.parse::<ProcessId>().map(drop),
        };
        checked.map_err(|error| format!("{error}; write KIND/KEY, KIND/*, box:NAME or box:*"))
    }

    /// Whether something can be an entry of `hear`.
    ///
    /// # Errors
    /// Why not.
    pub fn check_hear(topic: &str) -> Result<(), String> {
        pattern::check_pattern(topic)
    }
}

/// What makes a box's name.
pub const NAME: &str = "1 to 63 of a-z, 0-9 and `-` make a box's name, not beginning with `-`";

/// Whether a box can have this name. Names are host names, so that all of a box goes by one.
#[must_use]
pub fn is_box_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-')
}
