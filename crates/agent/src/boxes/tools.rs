//! The tools of a box: its actions, a shell in it, and the tools over its files.

use super::act::{Inside, enter};
use super::files::OfBox;
use super::handle::Boxes;
use crate::provider::ToolSpec;
use crate::tool::workspace::{BASH, Command, Output, over_files};
use crate::tool::{BAD_ARGUMENTS, Policy, Run, Tool, schema_of};
use futures_util::FutureExt;
use greenroom_boxes::build::Image;
use greenroom_boxes::engine::{Ending, ExecRequest};
use greenroom_model::Failure;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// All tools of a box of this image.
pub(crate) fn of_image(boxes: &Boxes, image: &Image) -> Vec<Tool> {
    let actions = image.actions.iter().map(|(name, action)| {
        let spec = ToolSpec {
            name: name.clone(),
            description: action.description.clone(),
            schema: action.schema.clone(),
        };
        // What a command did is not known to anybody but itself.
        let (read_only, at_most_once) = (action.read_only, !action.read_only);
        let policy = Policy { read_only, at_most_once, ..Policy::default() };
        Tool { spec, policy, run: self::action(boxes, name) }
    });
    actions.chain(builtin(boxes)).collect()
}

/// Those that every box has.
pub(crate) fn builtin(boxes: &Boxes) -> Vec<Tool> {
    let mut tools = over_files(&OfBox(boxes.clone()));
    tools.push(bash(boxes));
    tools
}

fn bash(boxes: &Boxes) -> Tool {
    let boxes = boxes.clone();
    let run = Arc::new(move |step, placed, arguments| {
        let boxes = boxes.clone();
        async move {
            let wanted: Command = serde_json::from_value(arguments)
                .map_err(|error| Failure::fatal(BAD_ARGUMENTS, error.to_string()))?;
            enter(&boxes, step, placed, move |inside, _| {
                let timeout_ms = u64::try_from(wanted.limit().as_millis()).ok();
                let request = ExecRequest::of(["sh", "-c", &wanted.command]);
                command(inside, ExecRequest { timeout_ms, ..request })
            })
            .await
        }
        .boxed()
    });
    let description = "Runs a command of the shell in the box and returns what it prints. What it \
                       leaves running is ended with it.";
    let (name, description) = (BASH.to_owned(), description.to_owned());
    let spec = ToolSpec { name, description, schema: schema_of::<Command>() };
    let policy = Policy { at_most_once: true, timeout: Command::TIMEOUT, ..Policy::default() };
    Tool { spec, policy, run: Run::Placed(run) }
}

/// How an action of a box is done: as the box says when it is called.
pub(crate) fn action(boxes: &Boxes, name: &str) -> Run {
    let (boxes, name) = (boxes.clone(), name.to_owned());
    Run::Placed(Arc::new(move |step, placed, arguments: Value| {
        let (boxes, name) = (boxes.clone(), name.clone());
        async move {
            enter(&boxes, step, placed, move |inside, _| {
                let request = inside.engine.action(&inside.name, &name, &arguments);
                let request = request.map_err(|error| error.to_string())?;
                // Nobody stops it from outside of itself before the step's own time is up.
                let timeout_ms = request.timeout_ms.or(Some(ACTION_MS));
                command(inside, ExecRequest { timeout_ms, ..request })
            })
            .await
        }
        .boxed()
    }))
}

/// How long an action may take if its box does not say less: a little less than its step, so
/// that what it printed by then is told.
const ACTION_MS: u64 = 590_000;

/// Runs a command and tells what it printed, on both outputs as it came.
fn command(inside: &Inside, request: ExecRequest) -> Result<String, String> {
    let mut output = Output::default();
    let asked_ms = request.timeout_ms;
    let printed = inside.exec(request, b"", &mut |_, bytes| output.push(bytes));
    let printed = printed.map_err(|error| error.to_string())?;
    let output = output.text();
    match printed.ending {
        Ending::Code(0) if output.is_empty() => Ok("(it printed nothing)".to_owned()),
        Ending::Code(0) => Ok(output),
        Ending::Code(code) => Ok(format!("{output}\n(exit code {code})")),
        Ending::Signal(signal) => Ok(format!("{output}\n(ended by signal {signal})")),
        Ending::TimedOut => {
            let wall = inside.image().ok().and_then(|image| image.limits.wall_ms);
            let limit_ms = asked_ms.into_iter().chain(wall).min().unwrap_or_default();
            let limit = Duration::from_millis(limit_ms);
            Err(format!(
                "the command was ended, with all that it had started, after {limit:?}, its time \
                 limit; until then it printed:\n{output}"
            ))
        }
    }
}
