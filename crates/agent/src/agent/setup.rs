//! What a run begins with, journaled: a definition or a tool that changes later
//! changes no run that has begun.

use super::boxed;
use super::granted::{Grants, Rule};
use super::input::{Home, Task};
use super::live::Live;
use super::parts::Parts;
use super::peer;
use super::question;
use crate::boxes::{self, InBox};
use crate::definition::{Definition, Grant, Servers, unmet};
use crate::provider::ToolSpec;
use crate::skill::Skills;
use crate::tool::mcp::{McpServers, McpTool};
use crate::tool::{Approval, Pattern, Policy, Run as How, Tool, Toolbox};
use futures_util::FutureExt;
use futures_util::future::ready;
use greenroom_boxes::engine::Snapshot;
use greenroom_model::{Failure, Retry};
use greenroom_runtime::{Ctx, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a run begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The definition.
    pub definition: Definition,
    /// The tools it has, in order.
    pub tools: Vec<Given>,
    /// What it is told of its skills.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub skills: String,
    /// The agents it leads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Those of them that have a workspace of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolated: Vec<String>,
    /// Those of them that work in a branch of its box.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branched: Vec<String>,
    /// The folder that rules on paths are about, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The box it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_box: Option<InBox>,
    /// What is missing, and does not keep it from working.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A tool as a run was given it. How it is done is the node's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Given {
    pub spec: ToolSpec,
    pub policy: Policy,
    /// Whether it works in the agent's box.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub boxed: bool,
    /// The MCP server's that has it, if one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpTool>,
}

/// The tools of a run: what it was given, done as the node does it now.
pub(super) struct Tools {
    tools: Vec<Arc<Tool>>,
    approve: Vec<(Pattern, Approval)>,
    grants: Grants,
    /// What was taken away, also while calls are under way.
    revoked: Mutex<Vec<Pattern>>,
}

impl Setup {
    pub async fn read(ctx: &Ctx, parts: &Parts, task: &Task) -> Result<Setup, Failure> {
        let (parts, task) = (parts.clone(), task.clone());
        ctx.step("definition", move |step| {
            let (parts, task) = (parts.clone(), task.clone());
            async move { Setup::of(&parts, &task, &step).await }
        })
        // Reading does no harm, however often the node has crashed over it.
        .retry(Retry::forever())
        .await
    }

    /// The box that a task has for it, unless it goes to one of its own.
    pub fn given<'t>(&self, task: &'t Task) -> Option<&'t boxed::Given> {
        let own = self.definition.boxed.is_some();
        task.in_box.as_deref().filter(|given| given.is_own() || !own)
    }

    async fn of(parts: &Parts, task: &Task, step: &Step) -> Result<Setup, Failure> {
        if let Some(problem) = &parts.problem {
            return Err(Failure::fatal(BAD_DEFINITION, problem.to_string()));
        }
        let definition = parts.definition.clone();
        let grants = grants(&definition)?;
        let allowed: Option<Vec<Pattern>> =
            grants.as_ref().map(|list| list.iter().map(|one| one.tool().clone()).collect());
        let barred = patterns(&definition.disallowed_tools)?;
        let any = |list: &[Pattern], name: &str| list.iter().any(|one| one.is_met_by(name));
        let has = |name: &str| {
            let named = allowed.as_deref().is_none_or(|list| any(list, name));
            (named || GRANTED.contains(&name)) && !any(&barred, name)
        };
        let servers: Vec<&str> = parts.mcp.iter().flat_map(McpServers::names).collect();
        let wanted = wanted(&servers, allowed.as_deref(), &barred);
        let (mut mcp, failed) = list(parts, &wanted, step).await;
        let unused = servers.into_iter().filter(|name| !wanted.contains(*name));
        let unused = unused.map(str::to_owned).collect();
        let servers = Servers { silent: failed.keys().cloned().collect(), unused };
        let mut warnings: Vec<String> =
            failed.into_values().map(|failure| failure.message).collect();
        let skills = skills(parts)?;
        let all = parts.tools.iter().map(|tool| &tool.spec.name);
        let (in_box, mut of_box) = tools_of_box(parts, task, step.key()).await?;
        let all = all.chain(of_box.iter().map(|tool| &tool.spec.name));
        let all = all.chain(mcp.iter().map(|tool| &tool.spec.name)).cloned();
        let all: Vec<String> = all.chain((!skills.is_empty()).then(|| SKILL.to_owned())).collect();
        let unmet = unmet(&definition, &all, &servers);
        if !unmet.refused.is_empty() {
            return Err(Failure::fatal(BAD_DEFINITION, unmet.refused.join("; ")));
        }
        warnings.extend(unmet.warnings);
        mcp.retain(|tool| has(&tool.spec.name));
        let here = Here::of(parts, task.workspace.as_ref())?;
        hides_nothing(&of_box, parts)?;
        of_box.retain(|tool| has(&tool.spec.name));
        let of_box = of_box.into_iter().map(|tool| Given::of(tool, true));
        let own = parts.tools.iter().map(|tool| tool.spec.name.as_str()).filter(|name| has(name));
        // An agent in a box has nothing of the host's folder.
        let own = own.filter(|name| in_box.is_none() || !is_folders(name));
        let own = own.chain((!skills.is_empty()).then_some(SKILL));
        let own = own.filter_map(|name| here.own(name)).map(|tool| Given::of(tool, false));
        let of_servers = mcp.into_iter().filter_map(|tool| {
            let given = Given::of(parts.mcp.as_ref()?.tool(&tool), false);
            Some(Given { mcp: Some(tool), ..given })
        });
        let mut tools: Vec<Given> = of_box.chain(own).chain(of_servers).collect();
        let grants = Grants(grants.unwrap_or_default());
        warnings.extend(not_here(&grants, &tools)?);
        tools.iter_mut().for_each(|tool| grants.describe(&mut tool.spec));
        let home = task.workspace.as_ref();
        let folder = grants.0.iter().any(Grant::is_of_files).then(|| here.folder(home)).flatten();
        let agents = parts.agents.clone();
        let (isolated, branched) = (parts.isolated.clone(), parts.branched.clone());
        let skills = skills.prompt();
        Ok(Setup {
            skills,
            definition,
            tools,
            agents,
            isolated,
            branched,
            folder,
            in_box,
            warnings,
        })
    }
}

impl Given {
    fn of(tool: Tool, boxed: bool) -> Given {
        Given { spec: tool.spec, policy: tool.policy, boxed, mcp: None }
    }
}

/// A box's tools take the place of those over the folder; others are not hidden.
fn hides_nothing(of_box: &[Tool], parts: &Parts) -> Result<(), Failure> {
    let names = of_box.iter().map(|tool| tool.spec.name.as_str());
    let mut clash = names.filter(|name| !is_folders(name) && parts.tools.get(name).is_some());
    clash.next().map_or(Ok(()), |name| {
        let words = format!("the box has an action `{name}`, and there is a tool of that name");
        Err(Failure::fatal(BAD_DEFINITION, words))
    })
}

/// What it is allowed that nobody has, in words.
fn not_here(grants: &Grants, tools: &[Given]) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    for grant in &grants.0 {
        if !tools.iter().any(|tool| grant.tool().is_met_by(&tool.spec.name)) {
            warnings.push(format!("there is no tool `{}` here", grant.as_str()));
        } else if grant.is_unknown() {
            let words = "no rule in brackets is known for this tool; name it alone";
            let words = format!("tools: `{}`: {words}", grant.as_str());
            return Err(Failure::fatal(BAD_DEFINITION, words));
        }
    }
    Ok(warnings)
}

/// The tools of these servers, which are started if they do not run; and why those that
/// do not answer do not.
async fn list(
    parts: &Parts,
    wanted: &BTreeSet<String>,
    step: &Step,
) -> (Vec<McpTool>, BTreeMap<String, Failure>) {
    let Some(servers) = &parts.mcp else { return Default::default() };
    let names = wanted.iter().map(String::as_str);
    let asleep: Vec<&str> = names.filter(|name| !servers.is_live(name)).collect();
    if !asleep.is_empty() {
        // Who does not listen misses it: no reason to fail.
        let named = asleep.iter().map(|name| format!("MCP server `{name}`"));
        let _ = step.emit(&Live::Waiting { r#for: named.collect() });
    }
    servers.list_of(|name| wanted.contains(name)).await
}

/// The servers whose tools it may use: no other is started for it.
fn wanted(servers: &[&str], allowed: Option<&[Pattern]>, barred: &[Pattern]) -> BTreeSet<String> {
    let may = |name: &&str| {
        let prefix = format!("mcp__{name}__");
        allowed.is_none_or(|list| list.iter().any(|one| one.may_begin_with(&prefix)))
            && !barred.iter().any(|one| one.is_all_below(&prefix))
    };
    servers.iter().copied().filter(may).map(str::to_owned).collect()
}

/// What an agent may do whatever its definition names: ask, say how far it is, and
/// speak to its peers.
const GRANTED: [&str; 3] = [question::ASK, question::REPORT, peer::TELL_PEER];

/// The tool that reads a skill.
const SKILL: &str = "skill";

fn skills(parts: &Parts) -> Result<Skills, Failure> {
    match &parts.definition.skills {
        None => Ok(parts.skills.clone()),
        Some(names) => parts.skills.only(names),
    }
}

fn grants(definition: &Definition) -> Result<Option<Vec<Grant>>, Failure> {
    let parse = |name: &String| {
        Grant::parse(name)
            .map_err(|words| Failure::fatal(BAD_DEFINITION, format!("tools: {words}")))
    };
    definition.tools.as_ref().map(|names| names.iter().map(parse).collect()).transpose()
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

/// The tools over the project's folder.
fn is_folders(name: &str) -> bool {
    ["Read", "Write", "Edit", "Glob", "Grep", "LS", "Bash"].contains(&name)
}

/// The box that an agent works in, and its tools.
async fn tools_of_box(
    parts: &Parts,
    task: &Task,
    key: &str,
) -> Result<(Option<InBox>, Vec<Tool>), Failure> {
    let bad = |words: String| Failure::fatal(BAD_DEFINITION, words);
    let own = parts.definition.boxed.as_ref();
    let given = task.in_box.as_deref().filter(|given| given.is_own() || own.is_none());
    if own.is_none() && given.is_none() {
        return Ok((None, Vec::new()));
    }
    let Some(boxes) = &parts.boxes else {
        let words = "it works in a box, and the program gives it no engine of boxes: \
                     `Agent::boxes` does";
        return Err(bad(words.to_owned()));
    };
    let image = match (given, own) {
        (Some(given), _) => boxes.built(given.place().files.image).await,
        (None, Some(own)) => boxes.image(own).await,
        (None, None) => return Ok((None, Vec::new())),
    };
    let image = image.map_err(|failure| failure.kind(BAD_DEFINITION))?;
    let (dir, snapshots, within) = match (given.map(boxed::Given::place), own) {
        (Some(place), _) => (place.dir.clone(), place.snapshots, place.files.within.clone()),
        (None, own) => {
            own.map(|own| (own.dir.clone(), own.snapshots, own.hub.clone())).unwrap_or_default()
        }
    };
    let stack = image.stack.clone();
    let files = Snapshot { image: image.id, stack, within, granted: None };
    let in_box = InBox { seed: key.to_owned(), files, dir, snapshots };
    Ok((Some(in_box), boxes::of_image(boxes, &image)))
}

/// How tools are done on this node now.
struct Here<'a> {
    parts: &'a Parts,
    /// The tools of the folder, where the agent has a workspace.
    there: Toolbox,
}

impl Here<'_> {
    fn of<'a>(parts: &'a Parts, home: Option<&Home>) -> Result<Here<'a>, Failure> {
        let there = home.map(|home| tools_of(parts, home)).transpose()?.unwrap_or_default();
        Ok(Here { parts, there })
    }

    /// The folder that its files' tools are about.
    fn folder(&self, home: Option<&Home>) -> Option<PathBuf> {
        let folder = self.parts.folder.as_ref()?;
        Some(match home {
            Some(home) => folder.site.folder(&home.place),
            None => folder.tools.path().to_owned(),
        })
    }

    fn own(&self, name: &str) -> Option<Tool> {
        match name {
            SKILL => skills(self.parts).ok().map(|skills| skills.tool()),
            name => self.there.get(name).or_else(|| self.parts.tools.get(name)).cloned(),
        }
    }

    /// A tool of the agent's box, which has its actions itself.
    fn boxed(&self, name: &str) -> Option<How> {
        let boxes = self.parts.boxes.as_ref()?;
        let builtin = boxes::builtin(boxes).into_iter().find(|tool| tool.spec.name == name);
        Some(builtin.map_or_else(|| boxes::action(boxes, name), |tool| tool.run))
    }

    /// A tool that was given before: asked and waited for as then, whatever is said of
    /// it now, and done as now.
    fn again(&self, given: &Given) -> Tool {
        let found = match &given.mcp {
            None if given.boxed => self.boxed(&given.spec.name),
            None => self.own(&given.spec.name).map(|tool| tool.run),
            Some(tool) => self.parts.mcp.as_ref().map(|servers| servers.tool(tool).run),
        };
        let (spec, policy) = (given.spec.clone(), given.policy.clone());
        let run = found.unwrap_or_else(|| gone(&given.spec.name));
        Tool { spec, policy, run }
    }
}

/// What is not here any more cannot be done; what it has done before is found again.
fn gone(name: &str) -> How {
    let words = format!("the tool `{name}` is not here any more; it was when this began");
    How::Step(Arc::new(move |_, _| ready(Err(Failure::fatal(GONE, words.clone()))).boxed()))
}

/// The kind of failure of a tool that is not here any more.
const GONE: &str = "no_tool";

impl Tools {
    /// Those that the run began with.
    pub fn of(setup: &Setup, parts: &Parts, home: Option<&Home>) -> Result<Tools, Failure> {
        let approve = setup.definition.approve.iter();
        let approve = approve.map(|(name, approval)| Ok((pattern(name)?, approval.clone())));
        let here = Here::of(parts, home)?;
        Ok(Tools {
            tools: setup.tools.iter().map(|given| Arc::new(here.again(given))).collect(),
            approve: approve.collect::<Result<_, Failure>>()?,
            grants: Grants(grants(&setup.definition)?.unwrap_or_default()),
            revoked: Mutex::default(),
        })
    }

    /// Takes tools away; whether any of these names is new.
    pub fn revoke(&self, names: &[String]) -> bool {
        let mut revoked = self.taken_away();
        let before = revoked.len();
        // Who takes them away was told of names that cannot be.
        for pattern in names.iter().filter_map(|name| Pattern::new(name).ok()) {
            if !revoked.contains(&pattern) {
                revoked.push(pattern);
            }
        }
        revoked.len() > before
    }

    /// What was taken away, by name or pattern.
    pub fn revoked(&self) -> Vec<String> {
        self.taken_away().iter().map(|one| one.as_str().to_owned()).collect()
    }

    /// Whether a tool of this name was taken away.
    pub fn is_revoked(&self, name: &str) -> bool {
        self.taken_away().iter().any(|one| one.is_met_by(name))
    }

    fn taken_away(&self) -> MutexGuard<'_, Vec<Pattern>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that it still has.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Tool>> {
        self.tools.iter().filter(|tool| !self.is_revoked(&tool.spec.name))
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Tool>> {
        self.all().find(|tool| tool.spec.name == name)
    }

    /// Whether a call is made, and whether a person is asked first: what the definition
    /// says goes before its rules in brackets and those before what the tool says itself;
    /// of several patterns the longest.
    pub fn rule(&self, tool: &Tool, arguments: &Value, folder: Option<&Path>) -> Rule {
        let name = tool.spec.name.as_str();
        let rule = self.grants.rule(name, arguments, folder);
        let fitting = self.approve.iter().filter(|(pattern, _)| pattern.is_met_by(name));
        let longest = fitting.max_by_key(|(pattern, _)| pattern.as_str().len());
        let asks = |approval: &Approval| match approval.is_needed(arguments) {
            true => Rule::Asks,
            false => Rule::Unasked,
        };
        match (rule, longest) {
            (Some(Rule::Refused(words)), _) => Rule::Refused(words),
            (_, Some((_, approval))) => asks(approval),
            (Some(rule), None) => rule,
            (None, None) => asks(&tool.policy.approval),
        }
    }
}
