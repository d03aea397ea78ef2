//! `box rm`, `stop`, `freeze`, `thaw`, `gc`; boxes that pass with their command.

use super::desk::Desk;
use super::words::bytes;
use crate::exit::Code;
use crate::problem::Problem;
use greenroom_boxes::Error;
use greenroom_boxes::engine::{Engine, Known};
use serde_json::json;
use std::collections::BTreeSet;

/// Boxes by name.
#[derive(clap::Args)]
pub struct Names {
    /// The boxes
    #[arg(required = true, value_name = "BOX")]
    names: Vec<String>,
}

pub fn each(
    desk: &Desk,
    args: &Names,
    what: &str,
    work: impl Fn(&str) -> Result<(), Error>,
) -> anyhow::Result<Code> {
    for name in &args.names {
        work(name)?;
    }
    let lines: String = args.names.iter().map(|name| format!("{name} {what}\n")).collect();
    desk.tell(&json!({ "boxes": args.names, "done": what }), &lines)
}

/// End boxes and forget what they have changed.
#[derive(clap::Args)]
#[command(after_help = "A box with branches is removed only with -f, and they go with it.")]
pub struct RemoveArgs {
    /// The boxes
    #[arg(required = true, value_name = "BOX")]
    names: Vec<String>,
    /// With their branches; a box that is not there is no error
    #[arg(short, long)]
    force: bool,
}

pub fn remove(desk: &Desk, args: &RemoveArgs) -> anyhow::Result<Code> {
    let known = desk.engine.list()?;
    let is_there = |name: &String| known.iter().any(|one| one.row.name == *name);
    if let Some(missing) = args.names.iter().find(|name| !args.force && !is_there(name)) {
        return Err(Error::Missing(format!("box `{missing}`; nothing was removed")).into());
    }
    let count = with_branches(&known, &args.names);
    for name in &args.names {
        let branches: Vec<&str> = known
            .iter()
            .filter(|one| one.parent.as_ref() == Some(name))
            .map(|one| one.row.name.as_str())
            .filter(|one| !args.names.iter().any(|other| other == one))
            .collect();
        if !branches.is_empty() && !args.force {
            let words =
                format!("`{name}` has branches that would go with it: {}", branches.join(", "));
            let next = "commit them or remove them first, or say -f";
            return Err(Problem::new("has_branches", words).next(next).into());
        }
    }
    for name in &args.names {
        match desk.engine.discard(name) {
            Ok(_) => {}
            // It went with the box it was a branch of.
            Err(Error::Missing(_)) if args.force || is_there(name) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let boxes = if count == 1 { "box" } else { "boxes" };
    desk.tell(&json!({ "removed": count }), &format!("{count} {boxes} removed\n"))
}

/// How many boxes go with these.
fn with_branches(known: &[Known], names: &[String]) -> usize {
    let mut gone: BTreeSet<&str> = BTreeSet::new();
    loop {
        let goes = |one: &&Known| {
            let parent = one.parent.as_deref();
            names.contains(&one.row.name) || parent.is_some_and(|parent| gone.contains(parent))
        };
        let more: BTreeSet<&str> =
            known.iter().filter(goes).map(|one| one.row.name.as_str()).collect();
        if more.len() == gone.len() {
            return gone.len();
        }
        gone = more;
    }
}

/// Remove an image.
#[derive(clap::Args)]
pub struct ImageArgs {
    /// Its name or id
    image: String,
}

pub fn remove_image(desk: &Desk, args: &ImageArgs) -> anyhow::Result<Code> {
    desk.engine.remove_image(&args.image)?;
    let words = format!("{} removed; `greenroom box gc` frees its files\n", args.image);
    desk.tell(&json!({ "removed": args.image }), &crate::program::in_its_name(&words))
}

pub fn collect(desk: &Desk) -> anyhow::Result<Code> {
    let passed = reap(desk);
    let removed = desk.engine.collect_garbage()?;
    let mut value = serde_json::to_value(removed)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("boxes".to_owned(), json!(removed.boxes + passed));
    }
    let mut words = format!(
        "removed: {} boxes, {} steps of builds, {} layers, {} blobs ({})\n",
        removed.boxes + passed,
        removed.steps,
        removed.swept.layers,
        removed.swept.blobs,
        bytes(removed.swept.bytes),
    );
    if removed.swept.missing > 0 {
        let missing = removed.swept.missing;
        words.push_str(&format!("{missing} layers that are needed are not there any more\n"));
    }
    desk.tell(&value, &words)
}

/// A box that passes with the command that made it.
pub struct Passing<'a> {
    pub engine: &'a Engine,
    /// `None`: it stays.
    pub name: Option<String>,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // What stays is told by `ls`, and removed when the next one begins.
            let _ = self.engine.discard(name);
        }
    }
}

/// What owners that are commands begin with.
const COMMAND: &str = "command ";

/// This command, told from others that had or will have its number.
pub fn owner() -> String {
    let id = std::process::id();
    format!("{COMMAND}{id} {}", began(id).unwrap_or_default())
}

/// When a process began, by the kernel's clock.
fn began(id: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in brackets and may hold anything; the 20th field after it.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

/// Disposes of boxes whose command was killed. How many.
pub fn reap(desk: &Desk) -> u64 {
    let owners = desk.engine.list().unwrap_or_default().into_iter().filter_map(|one| one.row.owner);
    let mut count = 0;
    for owner in owners {
        let Some((id, begin)) = owner.strip_prefix(COMMAND).and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let lives = id.parse().ok().and_then(began).is_some_and(|began| began == begin);
        if !lives {
            count += desk.engine.dispose_of(&owner).unwrap_or(0);
        }
    }
    count
}
