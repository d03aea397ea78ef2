//! The agents of the project's folder, as kinds beside those of the binary.

use crate::options::Options;
use crate::out;
use crate::problem::Problem;
use crate::view::{plain, plain_json};
use greenroom_agent::boxes::Boxes;
use greenroom_agent::hub;
use greenroom_agent::project::{BadProject, Project};
use greenroom_boxes::sandbox::Launch;
use greenroom_runtime::Registry;
use std::collections::{BTreeMap, BTreeSet};

/// What a binary runs.
pub struct Kinds {
    /// The kinds, those of the project's agents among them.
    pub registry: Registry,
    /// The names of these.
    pub agents: BTreeSet<String>,
    /// Why there is no agent of a name, by the names of files that are broken.
    pub broken: BTreeMap<String, String>,
    /// The boxes of the directory: nothing is made there before the first one is needed.
    pub boxes: Boxes,
}

/// What to do about a file that cannot be.
pub const MEND: &str = "mend the file, or name another folder with --project";

/// The kinds with those of the project, and that of boxes' mailboxes. `serves`: a node may
/// come of it; one that only looks does without agents that cannot be read.
///
/// # Errors
/// A file of the project that cannot be.
pub fn of_project(options: &Options, registry: Registry, serves: bool) -> Result<Kinds, Problem> {
    // A binary of one's own may have it already.
    let registry = match registry.newest(hub::KIND) {
        Some(_) => registry,
        None => hub::register(registry),
    };
    let boxes = Boxes::at(&options.dir.join("boxes"), Launch::Own);
    let (agents, broken) = (BTreeSet::new(), BTreeMap::new());
    let alone = Kinds { registry, agents, broken, boxes };
    match read(options, &alone, serves) {
        Ok(kinds) => Ok(kinds),
        Err(_) if !serves => Ok(alone),
        Err(bad) => Err(Problem::usage(bad.to_string()).next(MEND)),
    }
}

/// The kinds with those of the project's agents.
fn read(options: &Options, alone: &Kinds, serves: bool) -> Result<Kinds, BadProject> {
    let mut project = Project::read(&options.project)?;
    let Kinds { registry, boxes, .. } = alone;
    project.boxes = Some(boxes.clone());
    if serves {
        for warning in &project.warnings {
            warn(options, warning);
        }
    }
    let broken = project.broken.iter().flat_map(|one| {
        let message = one.problem.to_string();
        one.names.iter().map(move |name| (name.clone(), message.clone()))
    });
    let (broken, boxes) = (broken.collect(), boxes.clone());
    let agents = project.definitions.iter().map(|agent| agent.name.clone()).collect();
    let registry = match project.definitions.is_empty() {
        true => registry.clone(),
        false => project.register(registry.clone())?,
    };
    Ok(Kinds { registry, agents, broken, boxes })
}

/// Says what is odd about the project, as a node says its warnings.
fn warn(options: &Options, words: &str) {
    let line = match options.json {
        true => {
            let warning = serde_json::json!({ "code": "project", "message": words });
            plain_json(serde_json::json!({ "warning": warning }).to_string())
        }
        false => plain(words),
    };
    out::say(&format!("{line}\n"));
}
