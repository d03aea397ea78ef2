//! The kind `schedule`: starts others at their times, without code.
//!
//! ```text
//! begin: what it knows is the segment's input
//!   └─ wait for: the end of what it started · a message · its next time
//!        └─ decide (greenroom_model::schedule) ─ start, and begin the next segment
//! ```
//!
//! A start is only made from what the segment began with, never from a time
//! that this segment has worked out: calendars change with the binary, and a
//! replay must name what the journal names.

use super::handle::Ctx;
use super::operation::Operation;
use super::receive::Received;
use super::together::{Either, select};
use greenroom_model::schedule::{Schedule, ScheduleSpec, Start};
use greenroom_model::{Exit, Failure, Millis, Payload, ProcessId, failure};
use serde::{Deserialize, Serialize};
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The name of the kind.
pub(crate) const SCHEDULE_KIND: &str = "schedule";

/// Where it shows what it knows, for queries.
pub(crate) const SHOWN: &str = "schedule";

/// A time that came so long ago came while it was paused, or the node was down.
const LATE: Duration = Duration::from_millis(100);
/// How long to look for what was said before: all of that is in the mailbox.
const LOOK: Duration = Duration::from_millis(1);

/// How often a segment decides before it gives way to the next.
const DECISIONS_MAX: u32 = 200;

/// What a segment hands to the next.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct On {
    scheduling: Schedule,
}

/// What it hears.
enum Heard {
    Ended(ProcessId),
    Message(Received),
    Due,
}

struct Waiting {
    ctx: Ctx,
    exit: Option<(ProcessId, Operation<Exit>)>,
    message: Option<Operation<Received>>,
    timer: Option<(Millis, Operation<()>)>,
}

/// Its code: the input is a [`ScheduleSpec`].
pub(crate) async fn schedule(ctx: Ctx, input: Payload) -> Result<(), Failure> {
    let (mut known, mut begun_with) = match input.read::<On>() {
        Ok(On { scheduling }) => (scheduling.clone(), Some(scheduling)),
        Err(_) => {
            let bad = |why: String| Failure::fatal("bad_spec", why);
            let spec = schedule_spec(&input).map_err(bad)?;
            (Schedule::new(ctx.id().key(), spec, ctx.now()).map_err(bad)?, None)
        }
    };
    ctx.set(SHOWN, &known)?;
    let mut waiting = Waiting { ctx: ctx.clone(), exit: None, message: None, timer: None };
    for _ in 0..DECISIONS_MAX {
        let mut heard = waiting.next(&known).await?;
        // Its time comes again at once.
        if matches!(heard, Heard::Due)
            && let Some(message) = waiting.said_before(&known).await?
        {
            heard = Heard::Message(message);
        }
        let before = known.clone();
        let start = match heard {
            Heard::Ended(id) => known.ended(&id),
            Heard::Due => known.due(ctx.now()),
            Heard::Message(message) => {
                let start = told(&ctx, &mut known, &message)?;
                // What somebody asks for carries the time of the turn.
                begun_with = Some(before.clone());
                start
            }
        };
        if let Some(start) = start {
            if begun_with.as_ref() != Some(&before) {
                return go_on(&ctx, &before);
            }
            begin(&ctx, &mut known, start).await?;
            ctx.set(SHOWN, &known)?;
            return go_on(&ctx, &known);
        }
        if known != before {
            ctx.set(SHOWN, &known)?;
        }
    }
    go_on(&ctx, &known)
}

/// The specification in an input.
///
/// # Errors
/// Why it is none, in words.
pub(crate) fn schedule_spec(input: &Payload) -> Result<ScheduleSpec, String> {
    if let Ok(On { scheduling }) = input.read() {
        return Ok(scheduling.spec);
    }
    input.read().map_err(|error| format!("the schedule: {error}"))
}

fn go_on(ctx: &Ctx, known: &Schedule) -> Result<(), Failure> {
    ctx.continue_as_new(&On { scheduling: known.clone() })
}

async fn begin(ctx: &Ctx, known: &mut Schedule, start: Start) -> Result<(), Failure> {
    let spawn = ctx.spawn(start.id.kind(), &start.input).key(start.id.key()).detached();
    match spawn.await {
        Ok(_) => Ok(()),
        Err(failure) if failure.is(failure::CANCELLED) => Err(failure),
        // It may be there again at the next time.
        Err(failure) => {
            known.failed(failure.to_string());
            Ok(())
        }
    }
}

/// Somebody tells it what to do.
fn told(ctx: &Ctx, known: &mut Schedule, message: &Received) -> Result<Option<Start>, Failure> {
    let input = Some(&message.body).filter(|body| body.text() != Some("null")).cloned();
    let mut start = None;
    let done: Result<(), String> = match message.topic.as_str() {
        "schedule.run" => {
            start = known.run_now(ctx.now(), input);
            Ok(())
        }
        "schedule.trigger" => match known.trigger(ctx.now(), input) {
            true => Ok(()),
            false => Err("it does not wait for triggers".to_owned()),
        },
        "schedule.set" => match message.read() {
            Ok(spec) => known.replace(spec, ctx.now()),
            Err(failure) => Err(failure.to_string()),
        },
        "schedule.delete" => {
            known.delete();
            Ok(())
        }
        other => Err(format!("it knows no `{other}`")),
    };
    match done {
        Ok(()) => ctx.reply(message, &true)?,
        Err(why) => {
            ctx.reply_failure(message, Failure::fatal("bad_spec", why.clone()));
            known.error = Some(why);
        }
    }
    Ok(start)
}

impl Waiting {
    /// The next thing that happens.
    async fn next(&mut self, known: &Schedule) -> Result<Heard, Failure> {
        let ctx = &self.ctx;
        if self.exit.as_ref().map(|(id, _)| id) != known.running.as_ref() {
            self.exit = known.running.clone().map(|id| (id.clone(), ctx.monitor(&id)));
        }
        self.message.get_or_insert_with(|| ctx.recv().into_future());
        if self.timer.as_ref().map(|(at, _)| *at) != known.next {
            self.timer = known.next.map(|at| (at, ctx.sleep(at.since(ctx.now()))));
        }
        poll_fn(|context| self.poll(context)).await
    }

    /// What was said while it was paused counts before a time that came then: one
    /// that was deleted starts nothing.
    async fn said_before(&mut self, known: &Schedule) -> Result<Option<Received>, Failure> {
        let now = self.ctx.now();
        if known.next.is_none_or(|next| now.since(next) < LATE) {
            return Ok(None);
        }
        let ctx = &self.ctx;
        let message = self.message.get_or_insert_with(|| ctx.recv().into_future());
        match select(message, ctx.sleep(LOOK)).await {
            Either::Left(message) => {
                self.message = None;
                message.map(Some)
            }
            Either::Right(slept) => slept.map(|()| None),
        }
    }

    /// In this order, always.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Heard, Failure>> {
        if let Some((id, exit)) = &mut self.exit
            && let Poll::Ready(got) = Pin::new(exit).poll(context)
        {
            let id = id.clone();
            self.exit = None;
            return Poll::Ready(got.map(|_| Heard::Ended(id)));
        }
        if let Some(message) = &mut self.message
            && let Poll::Ready(got) = Pin::new(message).poll(context)
        {
            self.message = None;
            return Poll::Ready(got.map(Heard::Message));
        }
        if let Some((_, timer)) = &mut self.timer
            && let Poll::Ready(got) = Pin::new(timer).poll(context)
        {
            self.timer = None;
            return Poll::Ready(got.map(|()| Heard::Due));
        }
        Poll::Pending
    }
}
