//! A project: agents, skills, MCP servers and models, as the files of its folder say.
//! Knows no process.

use crate::agent::Agent;
use crate::boxes::Boxes;
use crate::context;
use crate::definition::{Breach, Definition, file};
use crate::memory;
use crate::models::Models;
use crate::own_files::{AGENTS, BOXES, CONFIG, MCP, SKILLS};
use crate::plain_file::read_text;
use crate::provider::{Catalog, ModelsConfig, Protocol};
use crate::skill::Skills;
use crate::tool::mcp::{McpConfig, McpServers};
use crate::tool::workspace::Workspace;
use crate::tool::{Pattern, Tool};
use crate::workspace::Site;
use greenroom_runtime::Registry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Kinds that are there without an agent's file, and must not be replaced by one.
const READY: [&str; 5] = ["supervisor", "schedule", context::KIND, memory::KIND, crate::hub::KIND];

/// What a project's folder holds.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The folder.
    pub dir: PathBuf,
    /// Its models (`greenroom.toml`).
    pub models: ModelsConfig,
    /// Its skills (`skills/NAME/SKILL.md`).
    pub skills: Skills,
    /// Its MCP servers (`.mcp.json`).
    pub mcp: McpConfig,
    /// Its agents, by name.
    pub definitions: Vec<Definition>,
    /// The boxes they may work in.
    pub boxes: Option<Boxes>,
    /// The files of agents that cannot be: they are left out, the others run.
    pub broken: Vec<Broken>,
    /// What is odd about them, and does not keep them from running; and what is left out.
    pub warnings: Vec<String>,
}

/// A file that is no agent's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What its agent may have been called: as its file, and as its head says.
    pub names: Vec<String>,
    /// Why it is none.
    pub problem: BadProject,
}

/// A project that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", file.display())]
pub struct BadProject {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, with its line if there is one.
    pub message: String,
}

impl Project {
    /// Reads `agents/*.md` of a folder; without that there are none. A file that cannot be
    /// read, that is no definition, or whose agent's name another has or no kind can have, is
    /// [broken](Project::broken), and keeps no other agent from running.
    ///
    /// # Errors
    /// A file beside them that all agents need and that cannot be.
    pub fn read(dir: &Path) -> Result<Project, BadProject> {
        let folder = dir.join(AGENTS);
        let bad = |file: &Path, message: String| BadProject { file: file.to_owned(), message };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Project::default());
            }
            Err(error) => return Err(bad(&folder, error.to_string())),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| bad(&folder, error.to_string()))?.path();
            if path.extension().is_some_and(|ending| ending == "md") {
                files.push(path);
            }
        }
        files.sort();
        let mut project = Project { dir: dir.to_owned(), ..Project::default() };
        for file in files {
            if let Err(NoAgent { name, message }) = project.add(&file) {
                let problem = bad(&file, message);
                project.warnings.push(format!("{problem}; it is left out"));
                let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                project
                    .broken
                    .push(Broken { names: [stem].into_iter().chain(name).collect(), problem });
            }
        }
        project.configure()?;
        Ok(project)
    }

    /// Reads what is beside the agents.
    fn configure(&mut self) -> Result<(), BadProject> {
        if let Some((file, text)) = self.text(CONFIG)? {
            let config = ModelsConfig::from_toml(&text);
            self.models = config.map_err(|message| BadProject { file, message })?;
            for provider in self.models.providers.values_mut() {
                if provider.protocol == Protocol::Recorded {
                    provider.url = self.dir.join(&provider.url).display().to_string();
                }
            }
        }
        self.warn_of_prices();
        for name in MCP {
            if let Some((file, text)) = self.text(name)? {
                let config = McpConfig::parse(&text);
                self.mcp =
                    config.map_err(|error| BadProject { file, message: error.to_string() })?;
                break;
            }
        }
        self.skills = Skills::find(&self.dir).map_err(|error| BadProject {
            file: self.dir.join(SKILLS),
            message: error.to_string(),
        })?;
        Ok(())
    }

    /// Names prices that no model has.
    fn warn_of_prices(&mut self) {
        let named = self.definitions.iter().flat_map(|definition| {
            let fallback = match &definition.limits.then {
                Breach::Fallback(model) => Some(model),
                Breach::Stop | Breach::Ask => None,
            };
            definition.model.iter().chain(fallback).map(String::as_str)
        });
        let unused = self.models.unused_prices(named);
        let told = unused.into_iter().map(|price| {
            format!(
                "{}: `[prices.\"{price}\"]` is the price of no model that `[models]` or an agent \
                 names",
                self.dir.join(CONFIG).display()
            )
        });
        let told: Vec<String> = told.collect();
        self.warnings.extend(told);
    }

    fn text(&self, name: &str) -> Result<Option<(PathBuf, String)>, BadProject> {
        let file = self.dir.join(name);
        match read_text(&file, FILE_BYTES_MAX) {
            Ok(text) => Ok(Some((file, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BadProject { file, message: error.to_string() }),
        }
    }

    /// Adds its agents as kinds: each with the tools of the folder, the skills, the MCP
    /// servers' tools and the other agents, as far as its definition names them.
    ///
    /// # Errors
    /// Models that cannot be; a folder that cannot be opened.
    pub fn register(&self, mut registry: Registry) -> Result<Registry, BadProject> {
        let bad = |file: PathBuf, message: String| BadProject { file, message };
        let models = Catalog::new(self.models.clone())
            .map_err(|failure| bad(self.dir.join(CONFIG), failure.message))?;
        let models: Arc<dyn Models> = Arc::new(models);
        let workspace =
            Workspace::open(&self.dir).map_err(|error| bad(self.dir.clone(), error.to_string()))?;
        let site = Site::new(workspace.path());
        let servers = McpServers::new(self.mcp.clone());
        let boxes = self.boxes.as_ref().map(|boxes| boxes.of_project(&self.dir.join(BOXES)));
        for definition in &self.definitions {
            if let (Some(boxed), None) = (&definition.boxed, &boxes) {
                let words = format!(
                    "the agent `{}` works in the box `{}`, and this program has no boxes: give it \
                     some (`Project::boxes`), or leave `box` out",
                    definition.name, boxed.name
                );
                return Err(bad(self.dir.join(AGENTS), words));
            }
            let others: Vec<Definition> = self
                .definitions
                .iter()
                .filter(|other| other.name != definition.name)
                .cloned()
                .collect();
            let mut agent =
                Agent::of(definition.clone(), models.clone()).skills(&self.skills).asks();
            // The folder is the user's own: nothing changes it unasked.
            agent = agent.works_in(&workspace, &site);
            if servers.names().next().is_some() {
                agent = agent.mcp(&servers);
            }
            if let Some(boxes) = &boxes {
                agent = agent.boxes(boxes);
            }
            if !others.is_empty() {
                agent = agent.leads(&others);
            }
            if names_any(definition, &context::tools()) {
                agent = agent.shares();
            }
            if names_any(definition, &memory::tools(&models)) {
                agent = agent.remembers();
            }
            registry = agent.register(registry);
        }
        // A binary with agents of its own has them already.
        if registry.newest("context").is_none() {
            registry = context::register(registry);
        }
        if registry.newest("memory").is_none() {
            registry = memory::register(registry);
        }
        Ok(registry)
    }

    fn add(&mut self, path: &Path) -> Result<(), NoAgent> {
        let text = read_text(path, FILE_BYTES_MAX)
            .map_err(|error| NoAgent { name: None, message: error.to_string() })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let file::Read { definition, ignored } = file::read(&text, &stem)
            .map_err(|error| NoAgent { name: file::name(&text), message: error.to_string() })?;
        let name = || Some(definition.name.clone());
        self.may_be_called(&definition.name)
            .map_err(|message| NoAgent { name: name(), message })?;
        if !ignored.is_empty() {
            let words = format!("{}: not used here: {}", path.display(), ignored.join(", "));
            self.warnings.push(words);
        }
        self.definitions.push(definition);
        Ok(())
    }

    /// Whether an agent can have this name. Errors: in words.
    fn may_be_called(&self, name: &str) -> Result<(), String> {
        greenroom_model::Kind::new(name, 1).map_err(|error| format!("name: {error}"))?;
        if READY.contains(&name) {
            return Err(format!(
                "the name `{name}` is taken by a kind that every node has; give the agent another"
            ));
        }
        match self.definitions.iter().any(|other| other.name == name) {
            true => Err(format!("another file defines the agent `{name}` already")),
            false => Ok(()),
        }
    }
}

/// Why a file defines no agent, and what that is called as far as it is known.
struct NoAgent {
    name: Option<String>,
    message: String,
}

/// Whether a definition names one of these tools: they are not for everybody.
fn names_any(definition: &Definition, tools: &[Tool]) -> bool {
    let names = definition.tools.iter().flatten().filter_map(|name| Pattern::new(name).ok());
    let mut names = names.filter(|name| tools.iter().any(|tool| name.is_met_by(&tool.spec.name)));
    names.next().is_some()
}
