//! What a run begins with, journaled: a definition or a tool that changes later
//! changes no run that has begun.

use super::input::Home;
use super::parts::Parts;
use super::peer;
use super::team;
use crate::definition::Definition;
use crate::skill::Skills;
use crate::tool::mcp::McpTool;
use crate::tool::{Approval, Pattern, Policy, Tool, Toolbox};
use greenroom_model::Failure;
use greenroom_runtime::Ctx;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a run begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The definition.
    pub definition: Definition,
    /// The names of the tools it has, in order.
    pub tools: Vec<String>,
    /// Those of them that MCP servers have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp: Vec<McpTool>,
    /// What it is told of its skills.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub skills: String,
    /// What is missing, and does not keep it from working.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The tools of a run, as the node has them now.
pub(super) struct Tools {
    tools: Vec<Arc<Tool>>,
    approve: Vec<(Pattern, Approval)>,
}

impl Setup {
    pub async fn read(ctx: &Ctx, parts: &Parts) -> Result<Setup, Failure> {
        let parts = parts.clone();
        ctx.step("definition", move |_| {
            let parts = parts.clone();
            async move { Setup::of(&parts).await }
        })
        .await
    }

    async fn of(parts: &Parts) -> Result<Setup, Failure> {
        if let Some(problem) = &parts.problem {
            return Err(Failure::fatal(BAD_DEFINITION, problem.to_string()));
        }
        let definition = parts.definition.clone();
        let allowed = definition.tools.as_deref().map(patterns).transpose()?;
        let barred = patterns(&definition.disallowed_tools)?;
        let any = |list: &[Pattern], name: &str| list.iter().any(|one| one.is_met_by(name));
        let has = |name: &str| {
            let named = allowed.as_deref().is_none_or(|list| any(list, name));
            (named || GRANTED.contains(&name)) && !any(&barred, name)
        };
        let (mut mcp, mut warnings) = match &parts.mcp {
            None => (Vec::new(), Vec::new()),
            Some(servers) => {
                let (tools, failed) = servers.list().await;
                (tools, failed.into_values().map(|failure| failure.message).collect())
            }
        };
        mcp.retain(|tool| has(&tool.spec.name));
        let skills = skills(parts)?;
        let own = parts.tools.iter().map(|tool| tool.spec.name.clone()).filter(|name| has(name));
        let own = own.chain((!skills.is_empty()).then(|| SKILL.to_owned()));
        let tools: Vec<String> = own.chain(mcp.iter().map(|tool| tool.spec.name.clone())).collect();
        for pattern in allowed.iter().flatten() {
            if !tools.iter().any(|name| pattern.is_met_by(name)) {
                warnings.push(format!("there is no tool `{}` here", pattern.as_str()));
            }
        }
        Ok(Setup { skills: skills.prompt(), definition, tools, mcp, warnings })
    }
}

/// What an agent may do whatever its definition names: ask, say how far it is, and
/// speak to its peers.
const GRANTED: [&str; 3] = [team::ASK, team::REPORT, peer::TELL_PEER];

/// The tool that reads a skill.
const SKILL: &str = "skill";

fn skills(parts: &Parts) -> Result<Skills, Failure> {
    match &parts.definition.skills {
        None => Ok(parts.skills.clone()),
        Some(names) => parts.skills.only(names),
    }
}

fn patterns(names: &[String]) -> Result<Vec<Pattern>, Failure> {
    names.iter().map(|name| pattern(name)).collect()
}

fn pattern(name: &str) -> Result<Pattern, Failure> {
    Pattern::new(name).map_err(|words| Failure::fatal(BAD_DEFINITION, words))
}

/// The kind of failure of an agent whose definition cannot be.
pub const BAD_DEFINITION: &str = "bad_definition";

/// The tools of the folder where an agent has a workspace: what it writes there is
/// looked at when it is merged. A command may do more than write there.
fn tools_of(parts: &Parts, home: &Home) -> Result<Toolbox, Failure> {
    let folder = parts.folder.as_ref().filter(|_| home.place.is_plain()).ok_or_else(|| {
        let words = "it cannot work in a workspace: the program gives it no folder's tools";
        Failure::fatal(BAD_DEFINITION, words)
    })?;
    let tools = folder.tools.at(&folder.site.folder(&home.place)).tools();
    let tools = tools.into_iter().map(|tool| match tool.policy.at_most_once {
        true => tool.approval(Approval::Always),
        false => tool,
    });
    Toolbox::new(tools).map_err(|bad| Failure::fatal(BAD_DEFINITION, bad.to_string()))
}

impl Tools {
    /// Those that the run began with, as far as the node still has them.
    pub fn of(setup: &Setup, parts: &Parts, home: Option<&Home>) -> Result<Tools, Failure> {
        let approve = setup.definition.approve.iter();
        let approve = approve.map(|(name, approval)| Ok((pattern(name)?, approval.clone())));
        let of_servers = |name: &String| {
            let tool = setup.mcp.iter().find(|tool| tool.spec.name == *name)?;
            Some(parts.mcp.as_ref()?.tool(tool))
        };
        let there = home.map(|home| tools_of(parts, home)).transpose()?.unwrap_or_default();
        let own = |name: &String| match name.as_str() {
            SKILL => skills(parts).ok().map(|skills| skills.tool()),
            name => there.get(name).or_else(|| parts.tools.get(name)).cloned(),
        };
        let find = |name: &String| own(name).or_else(|| of_servers(name)).map(Arc::new);
        Ok(Tools {
            tools: setup.tools.iter().filter_map(find).collect(),
            approve: approve.collect::<Result<_, Failure>>()?,
        })
    }

    /// Takes tools away.
    pub fn revoke(&mut self, names: &[String]) -> Result<(), Failure> {
        let revoked = patterns(names)?;
        self.tools.retain(|tool| !revoked.iter().any(|one| one.is_met_by(&tool.spec.name)));
        Ok(())
    }

    pub fn all(&self) -> &[Arc<Tool>] {
        &self.tools
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.iter().find(|tool| tool.spec.name == name)
    }

    /// Whether a person is asked: what the definition says goes before what the
    /// tool says itself, and of several patterns the longest.
    pub fn approval<'a>(&'a self, name: &str, policy: &'a Policy) -> &'a Approval {
        let fitting = self.approve.iter().filter(|(pattern, _)| pattern.is_met_by(name));
        let longest = fitting.max_by_key(|(pattern, _)| pattern.as_str().len());
        longest.map_or(&policy.approval, |(_, approval)| approval)
    }
}
