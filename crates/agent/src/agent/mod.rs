//! The agent: a model and tools in a durable loop.
//!
//! ```text
//! hear what people say ─▶ guardrails ─▶ think: a model's call, a step
//!        ▲                                  │
//!        │          no calls: the result, or wait for more
//!        └──── act: each tool's call, ◀─────┘
//!              a step with its own policy
//! ```

mod act;
mod approve;
mod boxed;
mod choices;
mod clock;
mod compact;
mod decision;
mod fit;
mod granted;
mod guard;
mod inbox;
mod input;
mod kept;
mod live;
mod meanwhile;
mod meter;
mod notes;
mod outcome;
mod parts;
pub(crate) mod peer;
mod question;
mod run;
mod setup;
mod size;
mod state;
mod team;
mod think;
mod thread;
mod workspaces;

pub use decision::Decision;
pub use inbox::{BYE, PIN, SAY, UNDO_COMPACTION};
pub use input::{Home, Task};
pub use live::Live;
pub use outcome::REFUSED;
pub(crate) use outcome::read_output;
pub use run::{LIMIT, PROBLEM};
pub use setup::BAD_DEFINITION;
pub use team::{TOO_DEEP, TOO_MANY};

use self::parts::{Folder, Parts};
use crate::boxes::Boxes;
use crate::definition::Definition;
use crate::models::Models;
use crate::skill::Skills;
use crate::tool::mcp::McpServers;
use crate::tool::workspace::Workspace;
use crate::tool::{Approval, Tool, Toolbox};
use crate::workspace::Site;
use greenroom_runtime::{KindOptions, Mailbox, Overflow, Registry};
use std::sync::Arc;

/// An agent of a program's own: a definition, tools, and models to ask.
///
/// ```
/// use greenroom_agent::Agent;
/// use greenroom_agent::provider::{Catalog, ModelsConfig};
/// use std::sync::Arc;
///
/// let models = Arc::new(Catalog::new(ModelsConfig::default())?);
/// let agent = Agent::new("helper", "You answer in one sentence.", models);
/// let registry = agent.register(greenroom_runtime::Registry::new());
/// # assert!(registry.newest("helper").is_some());
/// # Ok::<(), greenroom_model::Failure>(())
/// ```
#[derive(Clone)]
pub struct Agent(Parts);

impl Agent {
    /// An agent with a prompt and nothing else.
    pub fn new(name: &str, prompt: &str, models: Arc<dyn Models>) -> Agent {
        Agent::of(Definition::new(name, prompt), models)
    }

    /// An agent as it is defined.
    pub fn of(definition: Definition, models: Arc<dyn Models>) -> Agent {
        let (tools, skills) = (Toolbox::default(), Skills::default());
        let (agents, isolated, branched) = (Vec::new(), Vec::new(), Vec::new());
        let (mcp, boxes, folder, problem) = (None, None, None, None);
        Agent(Parts {
            definition,
            tools,
            models,
            skills,
            mcp,
            agents,
            isolated,
            branched,
            boxes,
            folder,
            problem,
        })
    }

    /// Changes its definition.
    pub fn with(mut self, change: impl FnOnce(&mut Definition)) -> Agent {
        change(&mut self.0.definition);
        self
    }

    /// Gives it a tool. One that cannot be ends its runs at once, with why.
    pub fn tool(mut self, tool: Tool) -> Agent {
        if let Err(problem) = self.0.tools.add(tool) {
            self.0.problem.get_or_insert(problem);
        }
        self
    }

    /// Tells it of these skills, as far as its definition names them.
    pub fn skills(mut self, skills: &Skills) -> Agent {
        self.0.skills = skills.clone();
        self
    }

    /// Gives it the tools of these servers, as they are when a run begins.
    pub fn mcp(mut self, servers: &McpServers) -> Agent {
        self.0.mcp = Some(servers.clone());
        self
    }

    /// Has it work in this folder, with the folder's tools: what only reads is done
    /// unasked, what writes needs a person's yes. An agent that works in a workspace
    /// of its own has the same tools there, and writes unasked.
    pub fn works_in(mut self, folder: &Workspace, site: &Site) -> Agent {
        self.0.folder = Some(Folder { tools: folder.clone(), site: site.clone() });
        folder.tools().into_iter().fold(self, |agent, tool| {
            let asks = if tool.policy.read_only { Approval::Never } else { Approval::Always };
            agent.tool(tool.approval(asks))
        })
    }

    /// Lets it work in a box, if its definition names one, or its lead gives it a branch of
    /// its own. To be said before [`Agent::leads`].
    pub fn boxes(mut self, boxes: &Boxes) -> Agent {
        self.0.boxes = Some(boxes.clone());
        self
    }

    /// Lets it have these agents do its work. Each in a workspace of its own only if
    /// it [works in](Agent::works_in) a folder itself, which is to be said before.
    pub fn leads(mut self, others: &[Definition]) -> Agent {
        self.0.agents = others.iter().map(|other| other.name.clone()).collect();
        self.0.isolated = team::isolated(others);
        self.0.branched = team::branched(others);
        let site = self.0.folder.as_ref().map(|folder| folder.site.clone());
        let boxes = self.0.boxes.clone();
        let tools = team::lead(others, site, boxes).into_iter().chain([question::answers()]);
        tools.fold(self, Agent::tool)
    }

    /// Lets it save and find what it knows, across its conversations
    /// ([`crate::memory`]); the kind must be there ([`crate::memory::register`]).
    pub fn remembers(self) -> Agent {
        crate::memory::tools(&self.0.models).into_iter().fold(self, Agent::tool)
    }

    /// Lets it share keys and files with those that work for it ([`crate::context`]); the
    /// kind must be there ([`crate::context::register`]).
    pub fn shares(self) -> Agent {
        crate::context::tools().into_iter().fold(self, Agent::tool)
    }

    /// Lets it ask and report.
    pub fn asks(self) -> Agent {
        question::member().into_iter().fold(self, Agent::tool)
    }

    /// Adds it as a kind, named as it is, with the queues of its models and tools
    /// that the registry has not got yet.
    pub fn register(self, mut registry: Registry) -> Registry {
        for spec in self.0.models.queues().into_iter().chain(self.0.definition.queues()) {
            if !registry.has_queue(&spec.name) {
                registry = registry.queue(spec);
            }
        }
        let name = self.0.definition.name.clone();
        let has_box = self.0.boxes.is_some();
        let parts = Arc::new(self.0);
        let registry = registry.kind(&name, move |ctx, input: input::Input| {
            // Large, and there may be very many that only wait.
            Box::pin(run::run(ctx, parts.clone(), input))
        });
        match has_box {
            true => registry
                .with_options(&name, KindOptions { mailbox: mailbox(), ..KindOptions::default() }),
            false => registry,
        }
    }
}

/// A box that has much to say must not keep its agent from hearing others.
fn mailbox() -> Mailbox {
    let topics = vec!["box.>".to_owned()];
    Mailbox { overflow: Overflow::DropOldest { topics }, ..Mailbox::default() }
}
