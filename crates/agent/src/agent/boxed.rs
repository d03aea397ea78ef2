//! An agent's box as its loop has it: made when it is first needed, kept in the agent's state;
//! and the verbs of a lead over the boxes of those it has started. What is done in a box is in
//! `boxes`.

use crate::boxes::{
    BOX_FAILED, Boxes, InBox, Merged, Outcome, Place, begin_branch, changes, discard, merge,
};
use crate::tool::{Approval, Placed, Run as How, RunPlaced, Tool};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::{Failure, ProcessId, Retry};
use greenroom_runtime::{Ctx, Step};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// The state with an agent's box.
const BOX: &str = "box";

/// A failure's kind: an agent has no box, or somebody works in it.
const NO_BOX: &str = "no_box";
const STILL_AT_WORK: &str = "still_at_work";
/// A failure's kind: nothing was merged.
const NOT_MERGED: &str = "not_merged";

/// So many attempts: others may be at work in the same store.
const ATTEMPTS_MAX: u32 = 6;
/// A large box takes its time.
const LIMIT: Duration = Duration::from_secs(900);

/// The box that an agent begins in, made by who has started it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Given {
    place: Place,
    /// Whether it was made for it; or else it is that of who has started it.
    own: bool,
}

impl Given {
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether an agent with a box of its own goes there nevertheless.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }
}

/// What an agent is told that works in a box.
pub(super) fn words(in_box: &InBox) -> String {
    format!(
        "\n\nYou work in a box of your own: commands and files are in it, and nothing of the \
         machine around it is there. Paths begin at {}. What runs there ends with you.",
        in_box.dir
    )
}

/// Lives in a box from now on: one that it was given, or its own.
pub(super) fn move_in(
    ctx: &Ctx,
    given: Option<&Given>,
    in_box: Option<&InBox>,
) -> Result<(), Failure> {
    let id = ctx.id().to_string();
    match (given, in_box) {
        (Some(given), _) => ctx.set(BOX, &Place { user: id, ..given.place.clone() }),
        (None, Some(in_box)) => ctx.set(BOX, &Place::first(&id, in_box)),
        (None, None) => Ok(()),
    }
}

/// Whether this agent works in a box.
pub(super) fn is_in(ctx: &Ctx) -> bool {
    ctx.get::<Place>(BOX).is_some()
}

/// The box that goes along when a conversation goes on in a new segment.
pub(super) fn taken_along(ctx: &Ctx) -> Option<Given> {
    Some(Given { place: ctx.get(BOX)?, own: true })
}

/// A tool's step in the box as the agent's state has it.
pub(super) fn placed(
    ctx: &Ctx,
    run: &RunPlaced,
    effects: bool,
) -> impl Fn(Step, Value) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync + use<> {
    let (run, place) = (run.clone(), ctx.get::<Value>(BOX).unwrap_or_default());
    move |step, arguments| run(step, Placed { place: place.clone(), effects }, arguments)
}

/// What such a step came to: the box as it is now stays in the state, the words are told.
pub(super) fn took(ctx: &Ctx, result: Result<Value, Failure>) -> Result<Value, Failure> {
    let Outcome { text, failed, place } = serde_json::from_value(result?)
        .map_err(|error| Failure::fatal(BOX_FAILED, error.to_string()))?;
    if let Some(place) = place {
        ctx.set(BOX, &place)?;
    }
    match failed {
        true => Err(Failure::fatal(BOX_FAILED, text)),
        false => Ok(Value::String(text)),
    }
}

/// The box of an agent that this one has started.
fn key(id: &str) -> String {
    format!("box/{id}")
}

/// The box for an agent to be started: a branch of this one's, or this one's itself.
pub(super) async fn give(
    ctx: &Ctx,
    boxes: Option<&Boxes>,
    own: bool,
) -> Result<Option<Given>, Failure> {
    let had = ctx.get::<Place>(BOX);
    if !own {
        return Ok(had.map(|place| Given { place, own }));
    }
    let (Some(boxes), Some(had)) = (boxes.cloned(), had) else {
        let words = "you have no box that it could have a branch of; start it with workspace \
                     \"shared\"";
        return Err(Failure::fatal(NO_BOX, words));
    };
    let (mine, place): (Place, Place) = of_boxes(ctx, "branch", move |step| {
        let (boxes, had) = (boxes.clone(), had.clone());
        async move { begin_branch(&boxes, step, had).await }
    })
    .await?;
    ctx.set(BOX, &mine)?;
    Ok(Some(Given { place, own }))
}

/// Notes whose box it is, with the commit that starts its agent.
pub(super) fn note(ctx: &Ctx, id: &ProcessId, given: Option<&Given>) -> Result<(), Failure> {
    match given.filter(|given| given.own) {
        Some(given) => ctx.set(&key(id.as_str()), &given.place),
        None => Ok(()),
    }
}

/// What the lead's model is told of the box of an agent that has ended.
pub(super) async fn told(
    ctx: &Ctx,
    boxes: Option<&Boxes>,
    id: &ProcessId,
) -> Result<Option<String>, Failure> {
    let (Some(boxes), Some(place)) = (boxes, ctx.get::<Place>(&key(id.as_str()))) else {
        return Ok(None);
    };
    let words = match look(ctx, boxes, &place).await {
        Ok((0, _)) => format!("[{id} has changed nothing in its branch of your box]"),
        Ok((count, _)) => format!(
            "[the work of {id} is not in your box yet, {count} paths are changed in its branch: see \
             `diff_agent`, `merge_agent`, `discard_agent`]"
        ),
        Err(failure) if failure.is(BOX_FAILED) => {
            format!("[its box cannot be read: {}]", failure.message)
        }
        Err(stop) => return Err(stop),
    };
    Ok(Some(words))
}

async fn look(ctx: &Ctx, boxes: &Boxes, place: &Place) -> Result<(usize, String), Failure> {
    let (boxes, name) = (boxes.clone(), place.name.clone());
    of_boxes(ctx, "diff", move |_| {
        let (boxes, name) = (boxes.clone(), name.clone());
        async move { changes(&boxes, &name).await }
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
struct Which {
    /// The agent's id.
    id: String,
    /// For `merge_agent` into a box: whether what runs in your box may be ended for it.
    #[serde(default)]
    restart: bool,
}

/// The tools over the work of other agents, for agents in boxes as well as for those in
/// worktrees, whose tools these are without it. `asks`: whether some of them may work on the
/// project, which is the person's own.
pub(super) fn tools(boxes: &Boxes, worktrees: Vec<Tool>, asks: bool) -> Vec<Tool> {
    let of = |name: &'static str, words: &str, verb: Verb| {
        let boxes = boxes.clone();
        let other = worktrees.iter().find(|tool| tool.spec.name == name).cloned();
        Tool::verb(name, words, move |ctx: Ctx, which: Which| {
            let (boxes, other) = (boxes.clone(), other.clone());
            async move {
                match (ctx.get::<Place>(&key(&which.id)), other.map(|tool| tool.run)) {
                    (Some(place), _) => verb(ctx, boxes, which, place).await.map(Value::String),
                    (None, Some(How::Verb(run))) => run(ctx, json!({ "id": which.id })).await,
                    (None, _) => {
                        let words =
                            format!("{} is no agent that you have started in a branch", which.id);
                        Err(Failure::fatal(NO_BOX, words))
                    }
                }
            }
        })
    };
    let merge = of("merge_agent", MERGE, |ctx, boxes, which, place| {
        Box::pin(bring_in(ctx, boxes, which, place))
    });
    let merge = if asks { merge.approval(Approval::Always) } else { merge };
    let diff = of("diff_agent", DIFF, |ctx, boxes, _, place| {
        Box::pin(async move { Ok(look(&ctx, &boxes, &place).await?.1) })
    });
    let discard = of("discard_agent", DISCARD, |ctx, boxes, which, place| {
        Box::pin(throw_away(ctx, boxes, which, place))
    });
    vec![diff.read_only(), merge, discard]
}

type Verb = fn(Ctx, Boxes, Which, Place) -> BoxFuture<'static, Result<String, Failure>>;

const DIFF: &str = "Shows what an agent that you have started has changed in its branch of your \
    box, or in its own workspace, as a patch.";
const MERGE: &str = "Brings what an agent has done in its branch into your box, or from its own \
    workspace into the project: all of it, or nothing if there is a conflict. What runs in your box \
    would be ended by that: then nothing is done without `restart`.";
const DISCARD: &str = "Throws away what an agent has done in its branch or its own workspace.";

/// Nobody works there any more.
async fn ended(ctx: &Ctx, id: &str) -> Result<(), Failure> {
    match ctx.children().await?.iter().any(|child| child.as_str() == id) {
        false => Ok(()),
        true => {
            let words = format!("{id} is still at work there: wait for its end, or stop it");
            Err(Failure::fatal(STILL_AT_WORK, words))
        }
    }
}

async fn bring_in(ctx: Ctx, boxes: Boxes, which: Which, of: Place) -> Result<String, Failure> {
    let Which { id, restart } = which;
    ended(&ctx, &id).await?;
    let Some(mine) = ctx.get::<Place>(BOX) else {
        return Err(Failure::fatal(NO_BOX, "you have no box"));
    };
    let merged: Merged = of_boxes(&ctx, "merge", move |step| {
        let (boxes, mine, branch) = (boxes.clone(), mine.clone(), of.name.clone());
        async move { merge(&boxes, step, mine, branch, restart).await }
    })
    .await?;
    let not = |words: String| {
        Err(Failure::fatal(NOT_MERGED, format!("nothing was merged or changed: {words}")))
    };
    match merged {
        Merged::Done { place, paths } => {
            ctx.set(BOX, &place)?;
            let count = paths.map(|paths| format!(", {paths} paths")).unwrap_or_default();
            Ok(format!("the work of {id} is in your box{count}"))
        }
        Merged::Discarded => not(format!("the work of {id} was thrown away")),
        Merged::Refused(words) => not(words),
    }
}

async fn throw_away(ctx: Ctx, boxes: Boxes, which: Which, of: Place) -> Result<String, Failure> {
    ended(&ctx, &which.id).await?;
    let merged: bool = of_boxes(&ctx, "discard", move |_| {
        let (boxes, branch) = (boxes.clone(), of.name.clone());
        async move { discard(&boxes, &branch).await }
    })
    .await?;
    Ok(match merged {
        true => format!("the work of {} was merged before", which.id),
        false => format!("the work of {} is gone", which.id),
    })
}

/// A step over boxes.
async fn of_boxes<T, F, Fut>(ctx: &Ctx, what: &str, run: F) -> Result<T, Failure>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    F: Fn(Step) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let step = ctx.step(&format!("box {what}"), move |step| run(step).boxed());
    step.retry(Retry::attempts(ATTEMPTS_MAX)).timeout(LIMIT).await
}
