//! The agents of the project's folder, as kinds beside those of the binary.

use crate::options::Options;
use crate::out;
use crate::problem::Problem;
use greenroom_agent::boxes::Boxes;
use greenroom_agent::project::{BadProject, Project};
use greenroom_boxes::sandbox::Launch;
use greenroom_runtime::Registry;
use std::collections::BTreeSet;

/// What a binary runs.
#[derive(Default)]
pub struct Kinds {
    /// The kinds, those of the project's agents among them.
    pub registry: Registry,
    /// The names of these.
    pub agents: BTreeSet<String>,
}

/// The kinds with those of the project. `serves`: a node may come of it; one that
/// only looks does without agents that cannot be read.
///
/// # Errors
/// A file of the project that cannot be.
pub fn of_project(options: &Options, registry: Registry, serves: bool) -> Result<Kinds, Problem> {
    let known = registry.clone();
    match read(options, registry, serves) {
        Ok(kinds) => Ok(kinds),
        Err(_) if !serves => Ok(Kinds { registry: known, ..Kinds::default() }),
        Err(bad) => {
            let next = "mend the file, or name another folder with --project";
            Err(Problem::usage(bad.to_string()).next(next))
        }
    }
}

/// The boxes of this directory: nothing is made there before the first one is needed.
pub fn boxes(options: &Options) -> Boxes {
    Boxes::at(&options.dir.join("boxes"), Launch::Own)
}

fn read(options: &Options, registry: Registry, serves: bool) -> Result<Kinds, BadProject> {
    let mut project = Project::read(&options.project)?;
    project.boxes = Some(boxes(options));
    if project.definitions.is_empty() {
        return Ok(Kinds { registry, ..Kinds::default() });
    }
    if serves && !options.json {
        for warning in &project.warnings {
            out::say(&format!("{warning}\n"));
        }
    }
    let agents = project.definitions.iter().map(|agent| agent.name.clone()).collect();
    Ok(Kinds { registry: project.register(registry)?, agents })
}
