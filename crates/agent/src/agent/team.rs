//! The verbs by which agents lead other agents: tools made of the runtime's own
//! operations. What comes back reaches the loop through its inbox. Knows no run.

use super::inbox::{ANSWER, Answer, NOTE, Note, REVOKE, SAY};
use super::input::Task;
use crate::context;
use crate::definition::Definition;
use crate::tool::Tool;
use greenroom_model::{Exit, Failure, ProcessId};
use greenroom_runtime::{Child, Ctx, Either, select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The tool that starts an agent and does not wait for it.
pub(super) const START: &str = "start_agent";

/// The tool that asks.
pub(super) const ASK: &str = "ask";
/// The tool that reports.
pub(super) const REPORT: &str = "report";

/// The state in which an agent says what it is.
pub(super) const STATE: &str = "agent";

/// What an agent says it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// Its definition's name.
    pub name: String,
    /// Whether it waits for more after each answer.
    pub chat: bool,
    /// How many agents stand above it.
    pub depth: u32,
    /// How many agents may stand above those it starts.
    pub depth_max: u32,
}

/// An agent was to be started below one that stands as deep as may be.
pub const TOO_DEEP: &str = "too_deep";

#[derive(Deserialize, JsonSchema)]
struct Job {
    /// Which agent.
    agent: String,
    /// All that it has to know: it sees nothing of this conversation.
    task: String,
    /// What of the shared context it may read and write: what keys begin with.
    #[serde(default)]
    context: Vec<String>,
    /// What of it it may only read.
    #[serde(default)]
    context_read: Vec<String>,
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

#[derive(Deserialize, JsonSchema)]
struct Question {
    /// The question, with all that is needed to answer it.
    question: String,
}

#[derive(Deserialize, JsonSchema)]
struct Progress {
    /// What is done and what comes next, in a sentence.
    progress: String,
}

/// The tools of an agent that may have others do its work.
pub fn lead(others: &[Definition]) -> Vec<Tool> {
    vec![
        of(
            others,
            Tool::verb("agent", DELEGATE, |ctx, job: Job| async move {
                begin(&ctx, job).await?.join::<Value>().await
            }),
        ),
        of(
            others,
            Tool::verb(START, BACKGROUND, |ctx, job: Job| async move {
                Ok::<_, Failure>(json!({ "id": begin(&ctx, job).await?.id() }))
            }),
        ),
        Tool::verb("tell_agent", "Tells an agent that you have started something.", tell),
        Tool::verb("answer_agent", "Answers an agent's question.", answer),
        Tool::verb("stop_agent", "Stops an agent that you have started, with all below it.", stop),
        Tool::verb("revoke_tools", "Takes tools away from an agent that you have started.", revoke),
    ]
}

/// The tools of an agent that may be started by others: to ask and to report.
pub fn member() -> Vec<Tool> {
    vec![
        Tool::verb(
            "ask",
            "Asks a person, or who gave you the task, and waits for the answer.",
            ask,
        ),
        Tool::verb(REPORT, "Tells who gave you the task how far you are.", report),
    ]
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

async fn begin(ctx: &Ctx, job: Job) -> Result<Child, Failure> {
    let state: Option<State> = ctx.get(STATE);
    let depth = state.as_ref().map_or(0, |state| state.depth) + 1;
    let most = state.as_ref().map_or(0, |state| state.depth_max);
    if depth > most {
        let words =
            format!("you stand {} agents deep, and {most} is the most: do it yourself", depth - 1);
        return Err(Failure::fatal(TOO_DEEP, words));
    }
    let write = job.context.into_iter().map(|prefix| (prefix, true));
    let read = job.context_read.into_iter().map(|prefix| (prefix, false));
    let grants: Vec<(String, bool)> = write.chain(read).collect();
    let context = context::check_grants(ctx, &grants).await?;
    let task = Task { task: Some(job.task), depth, context: context.clone(), ..Task::default() };
    let child = ctx.spawn(&job.agent, &task).await?;
    if let Some(context) = context {
        context::grant_child(ctx, &context, child.id(), &grants).await?;
    }
    Ok(child)
}

/// One's own child, or why it is none.
async fn child(ctx: &Ctx, id: &str) -> Result<ProcessId, Failure> {
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

async fn answer(ctx: Ctx, words: Words) -> Result<String, Failure> {
    let id = child(&ctx, &words.id).await?;
    ctx.send(&id, ANSWER, &words.message).await?;
    Ok(format!("{id} has the answer"))
}

async fn stop(ctx: Ctx, stop: Stop) -> Result<String, Failure> {
    let id = child(&ctx, &stop.id).await?;
    ctx.cancel(&id, &stop.reason);
    Ok(format!("{id} is asked to stop"))
}

async fn revoke(ctx: Ctx, revoke: Revoke) -> Result<String, Failure> {
    let id = child(&ctx, &revoke.id).await?;
    ctx.send(&id, REVOKE, &revoke.tools).await?;
    Ok(format!("{id} may not use {} any more", revoke.tools.join(", ")))
}

/// The question stands open for a person, who may answer it at any depth and
/// whatever becomes of those above; and who gave the task may answer as well.
async fn ask(ctx: Ctx, question: Question) -> Result<String, Failure> {
    let asked = ctx.ask::<Value>("question", question.question.clone());
    let Some(parent) = ctx.parent() else { return Ok(in_words(&asked.await?)) };
    let note = Note::Question(question.question);
    // A parent that has ended, or whose mailbox is full, is no reason not to ask.
    let _ = ctx.try_send(&parent, NOTE, &note);
    match select(asked, ctx.recv().topic(ANSWER).from(&parent)).await {
        Either::Left(answer) => Ok(in_words(&answer?)),
        Either::Right(message) => message?.read::<Answer>(),
    }
}

async fn report(ctx: Ctx, progress: Progress) -> Result<&'static str, Failure> {
    if let Some(parent) = ctx.parent() {
        let _ = ctx.try_send(&parent, NOTE, &Note::Progress(progress.progress));
    }
    Ok("noted")
}

fn in_words(answer: &Value) -> String {
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

/// The agent that a call of [`START`] has started, by what it returned.
pub(super) fn started(result: &str) -> Option<ProcessId> {
    let value: Value = serde_json::from_str(result).ok()?;
    value.get("id")?.as_str()?.parse().ok()
}

/// What the lead's model is told of an agent's end.
pub(super) fn ended(id: &ProcessId, exit: &Exit) -> String {
    match exit {
        Exit::Normal(result) => {
            let result = result.read::<Value>().unwrap_or_default();
            format!("[the agent {id} has finished]\n{}", in_words(&result))
        }
        other => format!("[the agent {id} has not finished its task: {other}]"),
    }
}
