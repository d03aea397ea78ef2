//! A process's box, as its state has it. Plain data.

use crate::definition::Snapshots;
use greenroom_boxes::BlobHash;
use greenroom_boxes::engine::Snapshot;
use serde::{Deserialize, Serialize};

/// A failure's kind: something in or with a box could not be done, in words for a model.
pub(crate) const BOX_FAILED: &str = "box_failed";

/// What the box of a run of an agent is started from, as it was when the run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InBox {
    /// What no other run of the same process has.
    pub seed: String,
    /// The files it begins with.
    pub files: Snapshot,
    /// Where its commands begin.
    pub dir: String,
    /// When its files are kept.
    pub snapshots: Snapshots,
}

/// A process's box, as its history has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The box's name.
    pub name: String,
    /// The process in whose history this stands. Another one that finds it, a fork, has a box
    /// of its own.
    pub user: String,
    /// Whose end disposes of it.
    pub owner: String,
    /// Whether it has been made: then it was lost if it is not there.
    #[serde(default)]
    pub made: bool,
    /// Where its commands begin.
    pub dir: String,
    /// When its files are kept.
    pub snapshots: Snapshots,
    /// Its files as they were last kept.
    pub files: Snapshot,
}

impl Place {
    /// Where a process begins: the box is made when it is first needed.
    pub fn first(id: &str, in_box: &InBox) -> Place {
        let InBox { seed, files, dir, snapshots } = in_box.clone();
        let (user, owner) = (id.to_owned(), id.to_owned());
        Place { name: name_of(id, &seed), user, owner, made: false, dir, snapshots, files }
    }
}

/// What a step in a box comes to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// What the model is told.
    pub text: String,
    /// Whether it went wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// The box, if it or its files are others now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// So much of the owner's key is part of a box's name.
const KEY_MAX: usize = 30;

/// The name of a box of this owner, the same for the same two.
pub(super) fn name_of(owner: &str, seed: &str) -> String {
    let key = owner.split_once('/').map_or(owner, |(_, key)| key);
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '-',
    };
    let key: String = key.chars().take(KEY_MAX).map(plain).collect();
    let hash = BlobHash::of(format!("{owner} {seed}").as_bytes()).to_string();
    let hash: String = hash.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    match key.trim_matches('-') {
        "" => format!("agent-{hash}"),
        key => format!("{key}-{hash}"),
    }
}
