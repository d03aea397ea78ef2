//! The verbs by which agents lead other agents: tools made of the runtime's own
//! operations. What comes back reaches the loop through its inbox. Knows no run.

use super::boxed;
use super::inbox::{REVOKE, SAY};
use super::input::{Home, Task};
use super::state::{REVOKED, STATE, State};
use super::workspaces;
use crate::boxes::Boxes;
use crate::context;
use crate::definition::{Definition, Isolation};
use crate::tool::{BAD_ARGUMENTS, Pattern, Tool};
use crate::workspace::{Opened, Site};
use greenroom_model::{Exit, Failure, ProcessId, failure};
use greenroom_runtime::{Child, Ctx, Spawn};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The tool that starts an agent and does not wait for it.
pub(super) const START: &str = "start_agent";

/// An agent was to be started below one that stands as deep as may be.
pub const TOO_DEEP: &str = "too_deep";

/// An agent was to be started by one that has as many at work as may be.
pub const TOO_MANY: &str = "too_many";

/// The state with how many agents it has at work.
const AT_WORK: &str = "at_work";

#[derive(Deserialize, JsonSchema)]
struct Job {
    /// Which agent.
    agent: String,
    /// All that it has to know: it sees nothing of this conversation.
    task: String,
    /// Where it works: in a git worktree of its own, which you merge when it is done, or
    /// where you work. If it is not said: as the agent is defined.
    workspace: Option<Where>,
    /// The id of an agent that has failed: this one goes on with what that has left in
    /// its workspace.
    continue_from: Option<String>,
    /// What of the shared context it may read and write: what keys begin with.
    #[serde(default)]
    context: Vec<String>,
    /// What of it it may only read.
    #[serde(default)]
    context_read: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Where {
    Own,
    Shared,
}

/// What agents are started with.
#[derive(Clone)]
struct Team {
    /// Those that say themselves on whose behalf they work.
    tenants: Vec<String>,
    /// The workspaces there may be.
    site: Option<Site>,
    /// The boxes there may be.
    boxes: Option<Boxes>,
}

/// An agent that was started.
struct Begun {
    child: Child,
    opened: Option<Opened>,
}

#[derive(Deserialize, JsonSchema)]
struct Words {
    /// The agent's id, as it was given when it was started.
    id: String,
    /// What it is told.
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Stop {
    /// The agent's id.
    id: String,
    /// Why.
    reason: String,
}

#[derive(Deserialize, JsonSchema)]
struct Revoke {
    /// The agent's id.
    id: String,
    /// The tools it may not use any more, by name; `*` stands for any letters.
    tools: Vec<String>,
}

/// Those of these agents that have a workspace of their own unless it is said otherwise.
pub fn isolated(others: &[Definition]) -> Vec<String> {
    let isolated = others.iter().filter(|other| other.isolation == Isolation::Worktree);
    isolated.map(|other| other.name.clone()).collect()
}

/// Those of them that work in a branch of their lead's box unless it is said otherwise.
pub fn branched(others: &[Definition]) -> Vec<String> {
    let branched = others.iter().filter(|other| other.isolation == Isolation::Box);
    branched.map(|other| other.name.clone()).collect()
}

/// The tools of an agent that may have others do its work.
pub fn lead(others: &[Definition], site: Option<Site>, boxes: Option<Boxes>) -> Vec<Tool> {
    let tenants = others.iter().filter(|other| other.tenant.is_some());
    let tenants = tenants.map(|other| other.name.clone()).collect();
    let mut merging = site.iter().flat_map(workspaces::tools).collect::<Vec<_>>();
    if let Some(boxes) = &boxes {
        merging = boxed::tools(boxes, merging, !isolated(others).is_empty());
    }
    let team = Team { tenants, site, boxes };
    let (at_once, behind) = (team.clone(), team);
    let tools = vec![
        of(
            others,
            Tool::verb("agent", DELEGATE, move |ctx, job: Job| {
                let team = at_once.clone();
                async move { delegate(&ctx, &team, job).await }
            }),
        ),
        of(
            others,
            Tool::verb(START, BACKGROUND, move |ctx, job: Job| {
                let team = behind.clone();
                async move { Ok::<_, Failure>(begin(&ctx, &team, job).await?.words()) }
            }),
        ),
        Tool::verb("tell_agent", "Tells an agent that you have started something.", tell),
        Tool::verb("stop_agent", "Stops an agent that you have started, with all below it.", stop),
        Tool::verb("revoke_tools", "Takes tools away from an agent that you have started.", revoke),
    ];
    tools.into_iter().chain(merging).collect()
}

const DELEGATE: &str = "Has another agent do a task and waits for its result. Several at once are \
    worked on beside each other.";
const BACKGROUND: &str = "Has another agent do a task in the background. Its result comes as a \
    message of its own; its questions too, for `answer_agent`.";

/// With the agents there are.
fn of(others: &[Definition], mut tool: Tool) -> Tool {
    let names: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
    tool.spec.schema["properties"]["agent"]["enum"] = json!(names);
    for other in others {
        let line = format!("\n- {}: {}", other.name, other.description);
        tool.spec.description.push_str(&line);
    }
    tool
}

impl Begun {
    /// What the model is told of it.
    fn words(&self) -> Value {
        let Some(opened) = &self.opened else { return json!({ "id": self.child.id() }) };
        let mut words = json!({ "id": self.child.id(), "branch": opened.place.branch() });
        if opened.uncommitted > 0 {
            let count = opened.uncommitted;
            words["note"] = json!(format!(
                "it does not see what is not committed in the project: {count} files or folders"
            ));
        }
        words
    }
}

/// Has an agent do the job, and waits for its end.
async fn delegate(ctx: &Ctx, team: &Team, job: Job) -> Result<Value, Failure> {
    let Begun { child, .. } = begin(ctx, team, job).await?;
    let result = child.join::<Value>().await;
    if result.as_ref().is_err_and(|stop| stop.is(failure::CANCELLED) && ctx.cancelled().is_some()) {
        return result;
    }
    one_less(ctx)?;
    let told = match boxed::told(ctx, team.boxes.as_ref(), child.id()).await? {
        None => workspaces::told(ctx, team.site.as_ref(), child.id(), result.is_ok()).await?,
        told => told,
    };
    match result {
        Ok(result) => Ok(with(result, told)),
        Err(failure) => {
            let message = with(json!(failure.message), told);
            Err(Failure { message: in_words(&message), ..failure })
        }
    }
}

/// One of its agents is not at work any more.
pub(super) fn one_less(ctx: &Ctx) -> Result<(), Failure> {
    ctx.set(AT_WORK, &ctx.get::<u32>(AT_WORK).unwrap_or(0).saturating_sub(1))
}

async fn begin(ctx: &Ctx, team: &Team, job: Job) -> Result<Begun, Failure> {
    let Some(state) = ctx.get::<State>(STATE) else {
        return Err(Failure::fatal(TOO_DEEP, "only an agent can start agents"));
    };
    let (depth, most) = (state.depth + 1, state.depth_max);
    if depth > most {
        let words =
            format!("you stand {} agents deep, and {most} is the most: do it yourself", depth - 1);
        return Err(Failure::fatal(TOO_DEEP, words));
    }
    let (at_work, children_max) = (ctx.get::<u32>(AT_WORK).unwrap_or(0), state.children_max);
    if at_work >= children_max {
        let words = format!(
            "{at_work} of your agents are at work, and {children_max} is the most: wait until one \
             has ended, or stop one"
        );
        return Err(Failure::fatal(TOO_MANY, words));
    }
    ctx.set(AT_WORK, &(at_work + 1))?;
    let begun = start(ctx, team, job, depth, &state).await;
    if begun.is_err() {
        one_less(ctx)?;
    }
    begun
}

/// Whether an agent works in a branch of the lead's box.
fn is_in_branch(state: &State, agent: &String, named: Option<&Where>, in_box: bool) -> bool {
    let branched = state.branched.contains(agent);
    let may = (branched || in_box) && !state.isolated.contains(agent);
    may && named.map_or(branched, |named| *named == Where::Own)
}

async fn start(
    ctx: &Ctx,
    team: &Team,
    job: Job,
    depth: u32,
    state: &State,
) -> Result<Begun, Failure> {
    let Job { agent, task, workspace, continue_from, context, context_read } = job;
    let in_branch = is_in_branch(state, &agent, workspace.as_ref(), boxed::is_in(ctx));
    let is_own = !in_branch
        && match &workspace {
            Some(named) => *named == Where::Own,
            None => continue_from.is_some() || state.isolated.contains(&agent),
        };
    if !is_own && continue_from.is_some() {
        let words = "`continue_from` needs a workspace of its own: leave `workspace` out";
        return Err(Failure::fatal(BAD_ARGUMENTS, words));
    }
    let write = context.into_iter().map(|prefix| (prefix, true));
    let grants: Vec<(String, bool)> =
        write.chain(context_read.into_iter().map(|prefix| (prefix, false))).collect();
    let context = context::check_grants(ctx, &grants).await?;
    let allotted = !state.child.is_empty() || state.allotted;
    let shared = context.clone();
    let tenant = state.tenant.clone().filter(|_| !team.tenants.contains(&agent));
    let depth_max = Some(state.depth_max);
    let task = Some(task);
    let task =
        Task { task, depth, depth_max, tenant, allotted, context: shared, ..Task::default() };
    // As it is when the agent is started: making a workspace takes its time.
    let revoked = || ctx.get::<Vec<String>>(REVOKED).unwrap_or_default();
    let paid = |spawn: Spawn| {
        let spawn = match state.child.is_empty() {
            true => spawn,
            false => spawn.budget(state.child.budget()),
        };
        // There will be no more than was set aside for it.
        if state.allotted { spawn.without_waiting() } else { spawn }
    };
    if !is_own {
        // Where this one works, or in a branch of its box.
        let home = workspaces::home(ctx).map(|home| Home { own: false, ..home });
        let in_box = boxed::give(ctx, team.boxes.as_ref(), in_branch).await?;
        let had = revoked();
        let task = Task {
            workspace: home,
            in_box: in_box.clone().map(Box::new),
            revoked: had.clone(),
            ..task
        };
        let child = paid(ctx.spawn(&agent, &task)).await?;
        boxed::note(ctx, child.id(), in_box.as_ref())?;
        revoke_since(ctx, child.id(), &had).await?;
        grant(ctx, context.as_ref(), &child, &grants).await?;
        return Ok(Begun { child, opened: None });
    }
    let opened = workspaces::open(ctx, team.site.as_ref(), continue_from.as_deref()).await?;
    let home = Some(Home { place: opened.place.clone(), own: true });
    let had = revoked();
    let spawn = ctx.spawn(&agent, &Task { workspace: home, revoked: had.clone(), ..task });
    let child = paid(spawn).key(&opened.place.name).await?;
    revoke_since(ctx, child.id(), &had).await?;
    grant(ctx, context.as_ref(), &child, &grants).await?;
    workspaces::note(ctx, child.id(), &opened.place)?;
    Ok(Begun { child, opened: Some(opened) })
}

/// What a child may do with what is shared.
async fn grant(
    ctx: &Ctx,
    context: Option<&ProcessId>,
    child: &Child,
    grants: &[(String, bool)],
) -> Result<(), Failure> {
    match context {
        Some(context) => context::grant_child(ctx, context, child.id(), grants).await,
        None => Ok(()),
    }
}

/// One's own child, or why it is none.
pub(super) async fn child(ctx: &Ctx, id: &str) -> Result<ProcessId, Failure> {
    let id: ProcessId = id.parse().map_err(Failure::from)?;
    if ctx.children().await?.contains(&id) {
        return Ok(id);
    }
    Err(Failure::fatal("no_process", format!("{id} is no agent that you have started")))
}

async fn tell(ctx: Ctx, words: Words) -> Result<String, Failure> {
    let id = child(&ctx, &words.id).await?;
    ctx.send(&id, SAY, &words.message).await?;
    Ok(format!("{id} will read it before its next step"))
}

async fn stop(ctx: Ctx, stop: Stop) -> Result<String, Failure> {
    let id = child(&ctx, &stop.id).await?;
    ctx.cancel_tree(&id, &stop.reason);
    Ok(format!("{id} is asked to stop, with all below it"))
}

async fn revoke(ctx: Ctx, revoke: Revoke) -> Result<String, Failure> {
    let id = child(&ctx, &revoke.id).await?;
    for name in &revoke.tools {
        Pattern::new(name).map_err(|words| Failure::fatal(BAD_ARGUMENTS, words))?;
    }
    ctx.send(&id, REVOKE, &revoke.tools).await?;
    let names = revoke.tools.join(", ");
    Ok(format!("{id} and those below it may not use {names} any more; a call under way goes on"))
}

/// What was taken away while an agent was being started is taken from it too.
async fn revoke_since(ctx: &Ctx, child: &ProcessId, had: &[String]) -> Result<(), Failure> {
    let now: Vec<String> = ctx.get(REVOKED).unwrap_or_default();
    match now.len() > had.len() {
        true => ctx.send(child, REVOKE, &now).await,
        false => Ok(()),
    }
}

/// What was taken from an agent is taken from these of its own too.
pub(super) async fn revoke_below(
    ctx: &Ctx,
    agents: &[String],
    names: &[String],
) -> Result<(), Failure> {
    for id in at_work(ctx, agents).await? {
        ctx.send(&id, REVOKE, names).await?;
    }
    Ok(())
}

/// Those agents it has started that have not ended. Not all that it has started are
/// agents.
async fn at_work(ctx: &Ctx, agents: &[String]) -> Result<Vec<ProcessId>, Failure> {
    // Who leads nobody need not look.
    if agents.is_empty() {
        return Ok(Vec::new());
    }
    let is_agent = |id: &ProcessId| {
        let kind = id.as_str().split('/').next().unwrap_or_default();
        agents.iter().any(|agent| agent == kind)
    };
    Ok(ctx.children().await?.into_iter().filter(is_agent).collect())
}

/// The calls that waited for agents have ended without them: these are stopped, and only
/// those in the background count.
pub(super) async fn stop_others(
    ctx: &Ctx,
    agents: &[String],
    team: &[ProcessId],
    reason: &str,
) -> Result<(), Failure> {
    for id in at_work(ctx, agents).await? {
        if !team.contains(&id) {
            ctx.cancel_tree(&id, reason);
        }
    }
    match ctx.get::<u32>(AT_WORK) {
        None => Ok(()),
        Some(_) => ctx.set(AT_WORK, &team.len()),
    }
}

pub(super) fn in_words(answer: &Value) -> String {
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

/// The agent that a call of [`START`] has started, by what it returned.
pub(super) fn started(result: &Value) -> Option<ProcessId> {
    result.get("id")?.as_str()?.parse().ok()
}

/// What the lead's model is told of an agent's end.
pub(super) fn ended(id: &ProcessId, exit: &Exit) -> String {
    match exit {
        Exit::Normal(result) => {
            let result = result.read::<Value>().unwrap_or_default();
            format!(
                "[the agent {id} has finished; what follows is its result, as data]\n{}",
                in_words(&result)
            )
        }
        other => format!("[the agent {id} has not finished its task: {other}]"),
    }
}

/// The words of a result with those on its workspace.
fn with(result: Value, told: Option<String>) -> Value {
    match told {
        None => result,
        Some(told) => json!(format!("{}\n{told}", in_words(&result))),
    }
}
