//! A run of a pipeline. Pure but for its `Ctx`.

use super::stage::{BAD_PIPELINE, Fallback, STAGE_FAILED, Stage, Worker};
use crate::agent::{Task, read_output};
use crate::tool::check;
use greenroom_model::{Failure, failure};
use greenroom_runtime::Ctx;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// What is wrong with an output: for the stage's agent, and for people.
type Wrong = String;

/// How a stage has come to its output, for those who look.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Done,
    Repaired,
    Fallback,
}

pub(super) async fn run(ctx: Ctx, stages: Arc<Vec<Stage>>, input: Value) -> Result<Value, Failure> {
    check_all(&stages).map_err(|words| Failure::fatal(BAD_PIPELINE, words))?;
    let mut value = input;
    if let Some(schema) = stages.first().and_then(|first| first.takes.as_ref()) {
        check(schema, &value).map_err(|wrong| {
            Failure::fatal(failure::BAD_PAYLOAD, format!("the pipeline's input: {wrong}"))
        })?;
    }
    for (place, stage) in stages.iter().enumerate() {
        ctx.set("stage", &stage.name)?;
        let next = stages.get(place + 1).and_then(|next| next.takes.as_ref());
        let run = StageRun { ctx: &ctx, stage, next };
        let (output, how) = run.output(&value).await?;
        ctx.set(&format!("stages/{:02} {}", place + 1, stage.name), &how)?;
        value = output;
    }
    Ok(value)
}

/// Whether they can be, without anything run.
fn check_all(stages: &[Stage]) -> Result<(), Wrong> {
    if stages.is_empty() {
        return Err("the pipeline has no stages: add one with `.stage(…)`".to_owned());
    }
    for (place, stage) in stages.iter().enumerate() {
        let next = stages.get(place + 1).and_then(|next| next.takes.as_ref());
        if let Fallback::Value(value) = &stage.fallback {
            for schema in [stage.gives.as_ref(), next].into_iter().flatten() {
                check(schema, value).map_err(|wrong| {
                    format!("the fallback's value of the stage `{}`: {wrong}", stage.name)
                })?;
            }
        }
    }
    Ok(())
}

/// A stage under way.
struct StageRun<'a> {
    ctx: &'a Ctx,
    stage: &'a Stage,
    /// What the next one takes.
    next: Option<&'a Value>,
}

impl StageRun<'_> {
    async fn output(&self, input: &Value) -> Result<(Value, How), Failure> {
        let wrong = match &self.stage.worker {
            Worker::Function(run) => {
                let (run, input) = (run.clone(), input.clone());
                let step = self.ctx.step(&self.stage.name, move |step| run(step, input.clone()));
                match step.retry(self.stage.retry.clone()).await {
                    Ok(value) => match self.fits(value) {
                        Ok(value) => return Ok((value, How::Done)),
                        Err(wrong) => wrong,
                    },
                    Err(failure) => self.went_wrong(failure)?,
                }
            }
            Worker::Agent(agent) => match self.by_agent(agent, input).await? {
                Ok(output) => return Ok(output),
                Err(wrong) => wrong,
            },
        };
        self.fall_back(input, wrong).await
    }

    /// What an agent makes of it: told once what is wrong with its answer.
    async fn by_agent(
        &self,
        agent: &str,
        input: &Value,
    ) -> Result<Result<(Value, How), Wrong>, Failure> {
        let task = self.task(input);
        let (answer, wrong) = match self.ask_agent(agent, task.clone()).await? {
            Err(wrong) => return Ok(Err(wrong)),
            Ok(answer) => match self.fits(answer.clone()) {
                Ok(value) => return Ok(Ok((value, How::Done))),
                Err(wrong) => (answer, wrong),
            },
        };
        let again = format!(
            "{task}\n\nYou have done this before, and your answer was:\n{}\n\nIt is not what was \
             asked for: {wrong}. Answer again.",
            in_words(&answer)
        );
        Ok(match self.ask_agent(agent, again).await? {
            Err(wrong) => Err(wrong),
            Ok(answer) => self.fits(answer).map(|value| (value, How::Repaired)),
        })
    }

    async fn ask_agent(&self, agent: &str, words: String) -> Result<Result<Value, Wrong>, Failure> {
        let task = Task { task: Some(words), ..Task::default() };
        let child = match self.ctx.spawn(agent, &task).await {
            Ok(child) => child,
            Err(failure) => return self.went_wrong(failure).map(Err),
        };
        match child.join::<Value>().await {
            Ok(answer) => Ok(Ok(answer)),
            Err(failure) => {
                let wrong = self.went_wrong(failure);
                if wrong.is_err() {
                    self.ctx.cancel_tree(child.id(), "its pipeline was stopped");
                }
                wrong.map(Err)
            }
        }
    }

    /// A failure in words, unless it is the pipeline itself that is to stop.
    fn went_wrong(&self, failure: Failure) -> Result<Wrong, Failure> {
        if self.ctx.cancelled().is_some() || failure.is(failure::SHUTDOWN) {
            return Err(failure);
        }
        Ok(format!("{}: {}", failure.kind, failure.message))
    }

    /// The output as what is asked for: JSON in words counts as the JSON.
    fn fits(&self, value: Value) -> Result<Value, Wrong> {
        let wrong = match self.check(&value) {
            Ok(()) => return Ok(value),
            Err(wrong) => wrong,
        };
        let (Some(words), Some(schema)) = (value.as_str(), self.schema()) else {
            return Err(wrong);
        };
        let value = read_output(words, schema)?;
        self.check(&value).map(|()| value)
    }

    fn check(&self, value: &Value) -> Result<(), Wrong> {
        for schema in [self.stage.gives.as_ref(), self.next].into_iter().flatten() {
            check(schema, value)?;
        }
        Ok(())
    }

    /// What an agent is told that its answer must follow.
    fn schema(&self) -> Option<&Value> {
        self.stage.gives.as_ref().or(self.next)
    }

    fn task(&self, input: &Value) -> String {
        let input = in_words(input);
        match self.schema() {
            Some(schema) if schema["type"] != "string" => format!(
                "{input}\n\nAnswer with JSON that follows this schema, and nothing else:\n{schema}"
            ),
            _ => input,
        }
    }

    async fn fall_back(&self, input: &Value, wrong: Wrong) -> Result<(Value, How), Failure> {
        let name = &self.stage.name;
        let failed = |wrong: Wrong| {
            Failure::fatal(STAGE_FAILED, format!("the stage `{name}` has failed: {wrong}"))
        };
        match &self.stage.fallback {
            Fallback::Fail => Err(failed(wrong)),
            Fallback::Value(value) => Ok((value.clone(), How::Fallback)),
            Fallback::Agent(agent) => match self.by_agent(agent, input).await? {
                Ok((value, _)) => Ok((value, How::Fallback)),
                Err(then) => Err(failed(format!("{wrong}; and `{agent}` in its place: {then}"))),
            },
            Fallback::Ask => Ok((self.ask_person(wrong).await?, How::Fallback)),
        }
    }

    async fn ask_person(&self, mut wrong: Wrong) -> Result<Value, Failure> {
        loop {
            let schema = self.schema().map(|schema| format!(" (JSON that follows {schema})"));
            let question = format!(
                "The stage `{}` has failed: {wrong}. What is its output?{}",
                self.stage.name,
                schema.unwrap_or_default()
            );
            let answer = self.ctx.ask::<Value>(&format!("stage {}", self.stage.name), question);
            match self.fits(answer.await?) {
                Ok(value) => return Ok(value),
                Err(why) => wrong = format!("the answer does not fit: {why}"),
            }
        }
    }
}

fn in_words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
