//! The agents of the project's folder, as kinds beside those of the binary.

use crate::options::Options;
use crate::out;
use crate::problem::Problem;
use crate::view::plain;
use greenroom_agent::boxes::Boxes;
use greenroom_agent::hub;
use greenroom_agent::project::{BadProject, Project};
use greenroom_boxes::sandbox::Launch;
use greenroom_runtime::Registry;
use std::collections::BTreeSet;

/// What a binary runs.
pub struct Kinds {
    /// The kinds, those of the project's agents among them.
    pub registry: Registry,
    /// The names of these.
    pub agents: BTreeSet<String>,
    /// The boxes of the directory: nothing is made there before the first one is needed.
    pub boxes: Boxes,
}

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
    let alone = |registry| Kinds { registry, agents: BTreeSet::new(), boxes: boxes.clone() };
    match read(options, &boxes, registry.clone(), serves) {
        Ok(Some((registry, agents))) => Ok(Kinds { registry, agents, boxes }),
        Ok(None) => Ok(alone(registry)),
        Err(_) if !serves => Ok(alone(registry)),
        Err(bad) => {
            let next = "mend the file, or name another folder with --project";
            Err(Problem::usage(bad.to_string()).next(next))
        }
    }
}

/// The kinds with those of the project's agents, if it has any, and their names.
fn read(
    options: &Options,
    boxes: &Boxes,
    registry: Registry,
    serves: bool,
) -> Result<Option<(Registry, BTreeSet<String>)>, BadProject> {
    let mut project = Project::read(&options.project)?;
    project.boxes = Some(boxes.clone());
    if project.definitions.is_empty() {
        return Ok(None);
    }
    if serves && !options.json {
        for warning in &project.warnings {
            out::say(&format!("{}\n", plain(warning)));
        }
    }
    let agents = project.definitions.iter().map(|agent| agent.name.clone()).collect();
    Ok(Some((project.register(registry)?, agents)))
}
