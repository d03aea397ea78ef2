//! What is done about a path, by what is found there and beside it. Pure.
//!
//! ```text
//! put a file: what is staged for it
//! at the path    the new file   what was there   nothing    anything else
//! nothing        move there     -                stop       stop, or given back before
//! what was       exchange       -                stop       stop
//! the new one    exchange       -                -          stop, or given back before
//! anything else  stop           -                -          stop
//! ```
//! What was there is only staged once the new file has been in its place: what is at the path
//! then, somebody has made of it since, and it is theirs.

use super::look::same;
use super::plan::Item;
use crate::tree::Entry;

/// What is found, as an item of a plan has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    Missing,
    /// What was there before the plan.
    Before,
    /// What is to be there.
    After,
    /// Somebody's own.
    Other,
}

impl Is {
    pub fn of(item: &Item, found: Option<&Entry>) -> Is {
        let Some(is) = found else { return Is::Missing };
        // A folder gets its mode last.
        let folder =
            |entry: &Option<Entry>| is.is_dir() && entry.as_ref().is_some_and(Entry::is_dir);
        match item {
            item if same(found, item.after.as_ref()) || folder(&item.after) => Is::After,
            item if same(found, item.before.as_ref()) || folder(&item.before) => Is::Before,
            _ => Is::Other,
        }
    }
}

/// Why nothing can be done about a path, until a person does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is somebody's own now.
    Changed,
    /// Somebody's own is among what is staged, and has no way back.
    Kept,
    /// What was staged is not there, or is something else.
    NotStaged,
    /// The folder that it is in is gone.
    NoParent,
    /// It is a folder, and gone.
    NoFolder,
    /// It is a folder to be removed, with something in it.
    NotEmpty,
}

/// How a new file, link or folder comes to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there, or was.
    Nothing,
    /// To a name that nobody has.
    Move,
    /// In exchange for what is there.
    Exchange,
    /// A folder is made.
    Make,
}

/// Whether what was there is still to be removed. `taken` is what was taken away from there.
pub fn removal(item: &Item, host: Is, taken: Is) -> Result<bool, Why> {
    match (host, taken) {
        (_, Is::Other) => Err(Why::Kept),
        (Is::Before, _) => Ok(true),
        (Is::Missing | Is::After, _) => Ok(false),
        // It was taken away, and somebody has made this since.
        (Is::Other, Is::Before) if item.after.is_none() => Ok(false),
        (Is::Other, _) => Err(Why::Changed),
    }
}

/// What comes to a path, from which what had to be removed is removed.
pub fn put(item: &Item, host: Is, staged: Is) -> Result<Put, Why> {
    let dir = |entry: &Option<Entry>| entry.as_ref().is_some_and(Entry::is_dir);
    if item.after.is_none() {
        return Ok(Put::Nothing);
    }
    if dir(&item.after) {
        return match host {
            Is::After => Ok(Put::Nothing),
            // Whatever was in it has gone along, and one without that is not the folder.
            Is::Missing if dir(&item.before) => Err(Why::NoFolder),
            Is::Missing => Ok(Put::Make),
            Is::Before | Is::Other => Err(Why::Changed),
        };
    }
    match (host, staged) {
        (_, Is::Other) if item.exchanges() => Err(Why::Kept),
        (Is::After, Is::Other) => Ok(Put::Nothing),
        (_, Is::Other) => Err(Why::NotStaged),
        // Somebody has done the same; attributes are not looked at.
        (Is::After, Is::After) => Ok(Put::Exchange),
        (Is::Missing, Is::After) => Ok(Put::Move),
        (Is::Before, Is::After) if item.exchanges() => Ok(Put::Exchange),
        (_, Is::After) => Err(Why::Changed),
        (_, Is::Before) | (Is::After | Is::Other, Is::Missing) => Ok(Put::Nothing),
        // Nobody has made anything of the new file here, and it is nowhere.
        (Is::Missing | Is::Before, Is::Missing) => Err(Why::NotStaged),
    }
}

/// How somebody's own goes back to its path, from where an attempt that was cut off has
/// brought it in exchange for the new file.
pub fn back(host: Is) -> Result<Put, Why> {
    match host {
        Is::Missing => Ok(Put::Move),
        Is::After => Ok(Put::Exchange),
        Is::Before | Is::Other => Err(Why::Kept),
    }
}
