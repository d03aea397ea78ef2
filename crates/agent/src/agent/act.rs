//! The calls of tools that a reply asks for: who may, in which order, and what the
//! model is told of what came of it.

use super::approve::{Approved, changed};
use super::boxed;
use super::clock::{Clock, Ended, Ends};
use super::granted::Rule;
use super::inbox::Inbox;
use super::kept;
use super::live::Live;
use super::run::Run;
use super::team;
use crate::conversation::{Message, Part, Role, ToolCall, ToolResult};
use crate::provider::Redact;
use crate::provider::{Reply, Stop};
use crate::tool::{Policy, Run as How, RunStep, Tool, check as schema_check};
use futures_util::future::{AbortRegistration, Abortable, BoxFuture, join_all};
use greenroom_model::{Failure, ProcessId, Retry, failure};
use serde_json::Value;
use std::future::IntoFuture;
use std::sync::Arc;

/// So much of a result the model is told at once; longer ones are kept, and it is
/// given a handle to read on.
const SHOWN_MAX: usize = 24 << 10;

/// So much of a result those who watch see.
const PREVIEW_MAX: usize = 200;

/// A call on its way.
struct Pending {
    call: ToolCall,
    state: State,
}

enum State {
    /// To be run, with these arguments; whether a person has changed them.
    Ready(Arc<Tool>, Value, bool),
    /// Over.
    Over(Over),
}

/// What came of a call.
struct Over {
    /// What the model is told.
    text: String,
    /// Whether it went wrong.
    failed: bool,
    /// The agent that it has started in the background.
    started: Option<ProcessId>,
}

impl Over {
    fn not(text: String) -> Over {
        Over { text, failed: true, started: None }
    }
}

impl Run {
    /// Makes the calls that a reply asks for, and tells the model what came of each.
    pub async fn act(&mut self, reply: &Reply, inbox: &mut Inbox) -> Result<(), Failure> {
        let calls: Vec<ToolCall> = reply.message.tool_calls().cloned().collect();
        // Cut arguments may look whole, or as if there were none.
        let cut = (reply.stop == Stop::Length).then(|| calls.len().saturating_sub(1));
        let mut clock = self.clock();
        let mut ends = Ends::default();
        // All questions stand open at once, whichever is answered first.
        let prepared = calls.into_iter().enumerate().map(|(at, call)| {
            let end = ends.of(&call.name);
            self.prepare(call, cut == Some(at), end)
        });
        let prepared = join_all(prepared.collect::<Vec<_>>());
        let mut pending = Vec::new();
        for one in self.hearing(inbox, &mut clock, &ends, prepared).await? {
            pending.push(one?);
        }
        self.run_all(&mut pending, inbox, &mut clock).await?;
        let warnings = self.note(&pending);
        self.join_team(&pending)?;
        if clock.is_over {
            self.stop_others().await?;
        }
        let mut content: Vec<Part> = Vec::new();
        for Pending { call, state } in pending {
            let State::Over(Over { text, failed, .. }) = state else { continue };
            let shown = self.shorten(text);
            let ToolCall { id, name, .. } = call;
            content.push(Part::ToolResult(ToolResult { id, name, content: shown, failed }));
        }
        content.extend(warnings.map(|text| Part::Text { text: text.to_owned() }));
        self.say(Message { role: Role::User, content, raw: None })
    }

    /// What can be said before anything is run: that it cannot be, or that a person
    /// does not want it.
    async fn prepare(
        &self,
        call: ToolCall,
        is_cut: bool,
        end: AbortRegistration,
    ) -> Result<Pending, Failure> {
        let over = |words: String| State::Over(Over::not(words));
        if is_cut {
            let state = over(cut(self.setup.definition.tokens_max));
            return Ok(Pending { call, state });
        }
        if call.name == kept::READ_RESULT {
            let state = match self.thread.kept.read(&call.arguments) {
                Ok(text) => State::Over(Over { text, failed: false, started: None }),
                Err(words) => over(words),
            };
            return Ok(Pending { call, state });
        }
        let state = match self.tools.find(&call.name) {
            None => over(self.no_such_tool(&call.name)),
            Some(tool) => match schema_check(&tool.spec.schema, &call.arguments) {
                Err(words) => over(format!("The call was not made: {words}.")),
                Ok(()) => {
                    let folder = self.setup.folder.as_deref();
                    let approved = match self.tools.rule(tool, &call.arguments, folder) {
                        Rule::Asks => match Abortable::new(self.approve(&call, tool), end).await {
                            Ok(approved) => approved?,
                            Err(_) => Approved::Not(self.ended(&call.name).not_made()),
                        },
                        Rule::Unasked => Approved::Run,
                        Rule::Refused(words) => Approved::Not(words),
                    };
                    let tool = self.on_its_terms(tool);
                    match approved {
                        Approved::Run => State::Ready(tool, call.arguments.clone(), false),
                        Approved::Changed(arguments) => State::Ready(tool, arguments, true),
                        Approved::Not(words) => over(words),
                    }
                }
            },
        };
        Ok(Pending { call, state })
    }

    /// The tool, called as the definition says.
    fn on_its_terms(&self, tool: &Arc<Tool>) -> Arc<Tool> {
        let policy = self.setup.definition.policy(&tool.spec.name, &tool.policy);
        if policy == tool.policy {
            return tool.clone();
        }
        Arc::new(Tool { policy, ..Tool::clone(tool) })
    }

    fn no_such_tool(&self, name: &str) -> String {
        if self.tools.is_revoked(name) {
            return Ended::Revoked(name).not_made();
        }
        let names: Vec<&str> = self.tools.all().map(|tool| tool.spec.name.as_str()).collect();
        format!("There is no tool `{name}`. There are: {}.", names.join(", "))
    }

    /// Runs what is ready: those that only read beside each other, those with
    /// effects one after another, in the order they were asked for.
    async fn run_all(
        &self,
        pending: &mut [Pending],
        inbox: &mut Inbox,
        clock: &mut Clock,
    ) -> Result<(), Failure> {
        let mut next = 0;
        while next < pending.len() {
            for one in &mut pending[next..] {
                // It may have been taken away while a person was asked, or another ran.
                let name = one.call.name.as_str();
                if matches!(one.state, State::Ready(..))
                    && (clock.is_over || self.tools.is_revoked(name))
                {
                    one.state = State::Over(Over::not(self.ended(name).not_made()));
                }
            }
            let reads = |one: &Pending| match &one.state {
                // A verb only asks and waits; each is done in one commit.
                State::Ready(tool, ..) => tool.policy.read_only || matches!(tool.run, How::Verb(_)),
                State::Over(..) => true,
            };
            let many = pending[next..].iter().take_while(|one| reads(one)).count().max(1);
            let mut ends = Ends::default();
            let batch = pending[next..next + many].iter().map(|one| {
                // Only time ends a call that is under way.
                let end = ends.of("");
                self.run_one(one, end)
            });
            let batch = join_all(batch.collect::<Vec<_>>());
            for over in self.hearing(inbox, clock, &ends, batch).await? {
                if let Some(over) = over? {
                    pending[next].state = State::Over(over);
                }
                next += 1;
            }
        }
        Ok(())
    }

    /// What a call that is ready comes to.
    async fn run_one(
        &self,
        pending: &Pending,
        end: AbortRegistration,
    ) -> Result<Option<Over>, Failure> {
        let State::Ready(tool, arguments, is_changed) = &pending.state else { return Ok(None) };
        let call = &pending.call;
        let (id, name) = (call.id.clone(), call.name.clone());
        let started = Live::ToolStarted { id: id.clone(), name, arguments: arguments.clone() };
        self.ctx.emit(&started)?;
        let mut started = None;
        let called = match Abortable::new(self.call(tool, arguments.clone()), end).await {
            Ok(called) => called,
            Err(_) => Err(Failure::fatal(failure::TIMEOUT, Ended::TimeIsOver.stopped())),
        };
        if let (Ok(value), How::Verb(_), team::START) = (&called, &tool.run, call.name.as_str()) {
            started = team::started(value);
        }
        let (text, failed) = match called {
            Ok(Value::String(text)) => (text, false),
            Ok(value) => (value.to_string(), false),
            Err(stop) if stop.is(failure::CANCELLED) || stop.is(failure::SHUTDOWN) => {
                return Err(stop);
            }
            Err(unknown) if unknown.is(failure::UNKNOWN) => (UNKNOWN.to_owned(), true),
            Err(late) if late.is(failure::TIMEOUT) && !tool.policy.read_only => {
                (unsure(late.message), true)
            }
            Err(failure) => (failure.message, true),
        };
        let text = if *is_changed { changed(arguments, &text) } else { text };
        let preview = text.chars().take(PREVIEW_MAX).collect();
        self.ctx.emit(&Live::ToolDone { id, failed, preview })?;
        Ok(Some(Over { text, failed, started }))
    }

    fn call(&self, tool: &Tool, arguments: Value) -> BoxFuture<'static, Result<Value, Failure>> {
        let run: RunStep = match &tool.run {
            How::Verb(run) => return run(self.ctx.clone(), arguments),
            How::Step(run) => run.clone(),
            How::Placed(run) => Arc::new(boxed::placed(&self.ctx, run, !tool.policy.read_only)),
        };
        let Policy { at_most_once, timeout, attempts_max, queue, .. } = tool.policy.clone();
        let name = format!("tool {}", tool.spec.name);
        let parts = self.parts.clone();
        let mut step = self.ctx.step(&name, move |step| {
            let (call, parts) = (run(step, arguments.clone()), parts.clone());
            async move {
                let result = call.await;
                let servers = parts.mcp.iter().flat_map(|servers| servers.secrets());
                Redact::new(parts.models.secrets().into_iter().chain(servers)).result(result)
            }
        });
        step = step.retry(Retry::attempts(attempts_max)).timeout(timeout);
        if let Some(queue) = queue {
            step = step.queue(&queue);
        }
        if at_most_once {
            step = step.at_most_once();
        }
        if matches!(tool.run, How::Placed(_)) {
            let ctx = self.ctx.clone();
            return Box::pin(async move { boxed::took(&ctx, step.await) });
        }
        Box::pin(step.into_future())
    }

    /// Notes what was called for the guardrails; what the model should be told of that.
    fn note(&mut self, pending: &[Pending]) -> impl Iterator<Item = &'static str> + use<> {
        let mut all_failed = true;
        for Pending { call, state } in pending {
            if let State::Over(Over { text, failed, .. }) = state {
                self.thread.watch.saw(call, text);
                all_failed &= failed;
            }
        }
        let (watch, limits) = (&mut self.thread.watch, &self.setup.definition.limits);
        watch.turned(all_failed);
        let repeating = watch.is_repeating(limits).then_some(REPEATING);
        repeating.into_iter().chain(watch.is_failing(limits).then_some(FAILING))
    }

    /// Agents that were started in the background are waited for from now on.
    fn join_team(&mut self, pending: &[Pending]) -> Result<(), Failure> {
        let before = self.thread.team.len();
        for Pending { state, .. } in pending {
            if let State::Over(Over { started: Some(id), .. }) = state {
                self.thread.team.push(id.clone());
            }
        }
        if self.thread.team.len() > before {
            self.ctx.set("team", &self.thread.team)?;
        }
        Ok(())
    }

    /// What the model is told of a result: all of it, or its two ends and a handle.
    pub fn shorten(&mut self, text: String) -> String {
        if text.len() <= SHOWN_MAX {
            return text;
        }
        let head = &text[..text.floor_char_boundary(SHOWN_MAX / 4 * 3)];
        let tail = &text[text.ceil_char_boundary(text.len() - SHOWN_MAX / 4)..];
        let left = text.len() - head.len() - tail.len();
        let ends = (head.to_owned(), tail.to_owned());
        let all = text.len();
        let (handle, kept) = self.thread.kept.keep(text);
        let of_it =
            if kept == all { "all".to_owned() } else { format!("what comes before byte {kept}") };
        let words = format!("{left} bytes are left out; {of_it} of it is `{handle}`");
        format!("{}\n[… {words}: read it with `{}` …]\n{}", ends.0, kept::READ_RESULT, ends.1)
    }
}

const REPEATING: &str = "You have made the same call with the same result several times. It will \
    not change: try something else, or say what you have and what is missing.";

const FAILING: &str = "All your calls of tools have failed for several turns. Stop and think what \
    is wrong with them, or say what you have and what is missing.";

/// What the model is told of a call in the middle of which its reply ended.
fn cut(tokens_max: u32) -> String {
    format!(
        "The call was not made: your reply was cut at {tokens_max} tokens, in the middle of it. \
         Make it again, shorter, or in parts: a long text in several calls, one piece each."
    )
}

/// What the model is told of a call that took too long.
fn unsure(words: String) -> String {
    if words.contains("not known whether") {
        return words;
    }
    format!("{words}; it is not known whether it took effect")
}

const UNKNOWN: &str = "It is not known whether this was done: the machine stopped in the middle \
    of it, and it may not be done twice. Find out before you try it again.";
