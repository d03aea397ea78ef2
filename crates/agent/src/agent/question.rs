//! What an agent asks and reports, and how the one that has started it answers. A
//! question is named, and so is what it is answered with. Knows no run.

use super::inbox::{ANSWER, Answer, NOTE, Note};
use super::team::{child, in_words};
use crate::tool::Tool;
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, Either, select};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The tool that asks.
pub(super) const ASK: &str = "ask";
/// The tool that reports.
pub(super) const REPORT: &str = "report";

/// A failure's kind: there is no such question, or not any more.
const NO_QUESTION: &str = "no_question";

/// The state with the questions of its agents that a lead has not answered.
const QUESTIONS: &str = "questions";

/// So long is a question's name: long enough to be told from the others of one agent.
const NAME_LEN: usize = 6;

/// Questions by name, and who asks.
type Questions = BTreeMap<String, ProcessId>;

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

#[derive(Deserialize, JsonSchema)]
struct Reply {
    /// The agent's id, as it was given when it was started.
    id: String,
    /// Which of its questions, if it has several: as it was told with the question.
    question: Option<String>,
    /// The answer.
    message: String,
}

/// The tools of an agent that may be started by others: to ask and to report.
pub fn member() -> Vec<Tool> {
    vec![
        Tool::verb(ASK, "Asks a person, or who gave you the task, and waits for the answer.", ask),
        Tool::verb(REPORT, "Tells who gave you the task how far you are.", report),
    ]
}

/// The tool of a lead that answers.
pub(super) fn answers() -> Tool {
    Tool::verb("answer_agent", "Answers an agent's question.", answer)
}

/// The question stands open for a person, who may answer it at any depth and
/// whatever becomes of those above; and who gave the task may answer as well.
async fn ask(ctx: Ctx, question: Question) -> Result<String, Failure> {
    let asked = ctx.ask::<Value>("question", question.question.clone());
    let Some(parent) = ctx.parent() else { return Ok(in_words(&asked.await?)) };
    let id: String = ctx.uuid().chars().take(NAME_LEN).collect();
    let note = Note::Question { id: id.clone(), words: question.question };
    // A parent that has ended, or whose mailbox is full, is no reason not to ask.
    let _ = ctx.try_send(&parent, NOTE, &note);
    let told = ctx.recv().topic(ANSWER).from(&parent).field("/question", id.as_str());
    match select(asked, told.pays_itself()).await {
        Either::Left(answer) => {
            let answer = in_words(&answer?);
            let _ = ctx.try_send(&parent, NOTE, &Note::Answered(id));
            Ok(answer)
        }
        Either::Right(message) => Ok(message?.read::<Answer>()?.words),
    }
}

async fn report(ctx: Ctx, progress: Progress) -> Result<&'static str, Failure> {
    if let Some(parent) = ctx.parent() {
        let _ = ctx.try_send(&parent, NOTE, &Note::Progress(progress.progress));
    }
    Ok("noted")
}

/// A lead has heard a question: the words for its model.
pub(super) fn heard(
    ctx: &Ctx,
    from: ProcessId,
    id: String,
    words: &str,
) -> Result<String, Failure> {
    let told =
        format!("[the agent {from} asks; answer it with `answer_agent`, question {id}]\n{words}");
    let mut open = open(ctx);
    open.insert(id, from);
    ctx.set(QUESTIONS, &open)?;
    Ok(told)
}

/// Somebody else has answered a question; whether its lead had heard of it.
pub(super) fn answered(ctx: &Ctx, id: &str) -> Result<bool, Failure> {
    let mut open = open(ctx);
    let known = open.remove(id).is_some();
    if known {
        ctx.set(QUESTIONS, &open)?;
    }
    Ok(known)
}

/// Who has ended asks nothing any more.
pub(super) fn ended(ctx: &Ctx, of: &ProcessId) -> Result<(), Failure> {
    let mut open = open(ctx);
    let before = open.len();
    open.retain(|_, from| from != of);
    if open.len() < before { ctx.set(QUESTIONS, &open) } else { Ok(()) }
}

fn open(ctx: &Ctx) -> Questions {
    ctx.get(QUESTIONS).unwrap_or_default()
}

async fn answer(ctx: Ctx, reply: Reply) -> Result<String, Failure> {
    let id = child(&ctx, &reply.id).await?;
    let question = which(&open(&ctx), &id, reply.question)?;
    let answer = Answer { question: question.clone(), words: reply.message };
    ctx.send(&id, ANSWER, &answer).await?;
    answered(&ctx, &question)?;
    Ok(format!("{id} has the answer, unless a person was quicker"))
}

/// Which of the questions of an agent is answered.
fn which(open: &Questions, of: &ProcessId, named: Option<String>) -> Result<String, Failure> {
    let own = open.iter().filter(|(_, from)| *from == of).map(|(id, _)| id.clone());
    let own: Vec<String> = own.collect();
    let no = |words: String| Err(Failure::fatal(NO_QUESTION, words));
    match (named, own.as_slice()) {
        (_, []) => no(format!("{of} has no open question; `tell_agent` tells it something")),
        (Some(named), own) if own.contains(&named) => Ok(named),
        (None, [only]) => Ok(only.clone()),
        (None, own) => no(format!("{of} has several: say which `question`, {}", own.join(", "))),
        (Some(named), own) => no(format!(
            "{of} has no open question {named}: somebody has answered it; open are {}",
            own.join(", ")
        )),
    }
}
