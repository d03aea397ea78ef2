//! Whether a box may. Pure.

use greenroom_boxes::hub::{Resident, Rights};
use greenroom_model::ProcessId;
use greenroom_model::pattern;

/// Whether both what it asks for and what its owner lets it do say so.
pub(super) fn granted(to: &Resident, may: impl Fn(&Rights) -> bool) -> bool {
    may(&to.rights) && to.within.as_ref().is_none_or(may)
}

/// Whether it may write to this process, which is not its owner.
pub(super) fn may_send(rights: &Rights, to: &ProcessId) -> bool {
    rights.send.iter().any(|one| match one.strip_suffix("/*") {
        Some(kind) => kind == to.kind(),
        None => one == to.as_str(),
    })
}

/// Whether it may write to the box of this name.
pub(super) fn may_send_to_box(rights: &Rights, name: &str, same_owner: bool) -> bool {
    rights.send.iter().any(|one| match one.strip_prefix("box:") {
        Some("*") => same_owner,
        Some(named) => named == name,
        None => false,
    })
}

/// Whether it may hear all that this pattern lets through.
pub(super) fn may_hear(rights: &Rights, asked: &str) -> bool {
    let last = |pattern: &str| pattern.ends_with('>');
    // A wildcard that is asked for is a segment like any other to one that is granted; but `*`
    // does not grant `>`, which is many.
    rights.hear.iter().any(|one| pattern::matches(one, asked) && (last(one) || !last(asked)))
}

#[cfg(test)]
mod tests;
