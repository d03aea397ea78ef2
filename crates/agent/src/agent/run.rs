//! The loop. Decides what comes next; how is in `think`, `act` and `outcome`.

use super::boxed;
use super::choices::{BREACH, Line, is_own};
use super::clock::Clock;
use super::fit::{BYTES_MAX, fit};
use super::guard::{Reached, Used};
use super::inbox::{Heard, Inbox, Note};
use super::input::{Continued, Input, Task};
use super::parts::Parts;
use super::peer;
use super::question;
use super::setup::{BAD_DEFINITION, Setup, Tools};
use super::state::{REVOKED, STATE, State};
use super::team;
use super::thread::{self, Thread};
use super::workspaces;
use crate::context::{self, Changed};
use crate::conversation::{Message, Part, Role, Shown};
use crate::definition::Breach;
use crate::provider::Reply;
use crate::provider::failure::CONTEXT_TOO_LONG;
use crate::tool::{Unsound, sound};
use greenroom_model::budget::Spend;
use greenroom_model::{Exit, Failure};
use greenroom_runtime::{Ctx, Either, select};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run of an agent.
pub(super) struct Run {
    pub ctx: Ctx,
    pub parts: Arc<Parts>,
    pub setup: Setup,
    pub tools: Tools,
    pub task: Task,
    pub thread: Thread,
    /// The segment's calls of the model.
    calls: u32,
    /// Who answers for the names that the segment has asked for.
    pub choices: BTreeMap<String, Line>,
    /// Whether the chat was ended.
    bye: bool,
    /// Whether the model wants to be asked again as it is.
    pub again: bool,
    /// Whether it could not go on, and waits for a person's word.
    stuck: bool,
    /// How much more its last call has cost than was set aside for it.
    pub beyond: Spend,
}

/// After so many calls the conversation goes on in a new segment of the journal,
/// so that a replay stays short.
const CALLS_PER_SEGMENT: u32 = 100;

pub(super) async fn run(ctx: Ctx, parts: Arc<Parts>, input: Input) -> Result<Value, Failure> {
    let mut run = Run::begin(ctx, parts, input).await?;
    let ended = run.go().await;
    let goes_on = ended.as_ref().is_err_and(|failure| failure.is(CONTINUES));
    if !goes_on && let (Some(folder), Some(home)) = (&run.parts.folder, &run.task.workspace) {
        workspaces::leave(&run.ctx, &folder.site, home).await?;
    }
    ended
}

/// Whose words they are.
enum By {
    /// A person's, or those of a process that speaks for one.
    Person,
    /// Another agent's.
    Agent,
    /// Another agent's, who waits for an answer.
    AgentAsking,
}

/// What an agent says it is.
fn state(setup: &Setup, task: &Task) -> State {
    let Setup { definition, isolated, branched, .. } = setup;
    let Task { chat, depth, workspace, allotted, tenant, depth_max, .. } = task.clone();
    let limits = &definition.limits;
    State {
        name: definition.name.clone(),
        chat,
        depth,
        // Nobody goes deeper below a lead than that lead may.
        depth_max: depth_max.map_or(limits.depth, |most| most.min(limits.depth)),
        children_max: limits.children,
        workspace,
        isolated: isolated.clone(),
        branched: branched.clone(),
        child: limits.child,
        allotted,
        tenant: tenant.or_else(|| definition.tenant.clone()),
    }
}

/// How `continue_as_new` leaves the code.
const CONTINUES: &str = "continue_as_new";

impl Run {
    /// The loop, to its end.
    async fn go(&mut self) -> Result<Value, Failure> {
        let run = self;
        let mut inbox = Inbox::open(&run.ctx);
        loop {
            inbox.watch(&run.thread.team);
            run.hear(&mut inbox).await?;
            if run.has_nothing_to_do() {
                if run.bye {
                    return Ok(run.last_words());
                }
                run.listen(&mut inbox).await?;
                continue;
            }
            if run.calls >= CALLS_PER_SEGMENT {
                return run.go_on_as_new();
            }
            run.tell_notes()?;
            run.again = false;
            let reply = match run.next_reply().await {
                Err(failure) if run.talks() && !is_own(&failure) => {
                    run.could_not(&failure)?;
                    continue;
                }
                reply => reply?,
            };
            run.calls += 1;
            let asked = reply.message.tool_calls().next().is_some();
            run.say(reply.message.clone())?;
            if asked {
                run.has_paid()?;
                run.act(&reply, &mut inbox).await?;
            } else if let Some(result) = run.outcome(&reply)?
                && !run.task.chat
                && run.thread.team.is_empty()
            {
                return Ok(result);
            }
        }
    }

    /// The model's next word, within its limits.
    async fn next_reply(&mut self) -> Result<Reply, Failure> {
        loop {
            self.guard().await?;
            match self.think().await {
                Err(failure) if failure.is(BREACH) => self.breached(failure.message).await?,
                reply => return reply,
            }
        }
    }

    /// Whether somebody talks to it who can mend what goes wrong. Among peers nobody does:
    /// the swarm is told of its end.
    fn talks(&self) -> bool {
        self.task.chat && self.task.peers.is_empty()
    }

    /// Says why it does not go on, and waits: who talks to it may mend it, and speak
    /// again. A task that nobody watches fails instead.
    fn could_not(&mut self, failure: &Failure) -> Result<(), Failure> {
        self.stuck = true;
        self.ctx.set(PROBLEM, failure)?;
        if failure.is(CONTEXT_TOO_LONG) {
            self.leave_last_out();
        }
        Ok(())
    }

    /// The last word, if it alone is more than the model takes in: it would be in the
    /// way of all that come.
    fn leave_last_out(&mut self) {
        if let Some(last) = self.thread.messages.last_mut().filter(|last| last.role == Role::User) {
            let words = format!(
                "[a message of {} characters, more than you can take in, was left out]",
                last.text().chars().count()
            );
            for part in &mut last.content {
                match part {
                    Part::Text { text } => *text = words.clone(),
                    Part::ToolResult(result) => result.content = words.clone(),
                    Part::ToolCall(_) => {}
                }
            }
        }
    }

    async fn begin(ctx: Ctx, parts: Arc<Parts>, input: Input) -> Result<Run, Failure> {
        let (task, thread) = input.read();
        let parts = peer::among(parts, &task.peers);
        let setup = Setup::read(&ctx, &parts, &task).await?;
        if let Some(Err(Unsound { at, words })) = setup.definition.output.as_ref().map(sound) {
            return Err(Failure::fatal(BAD_DEFINITION, format!("output: {at}: {words}")));
        }
        let fresh = thread.is_none();
        let tools = Tools::of(&setup, &parts, task.workspace.as_ref())?;
        let mut thread = thread.unwrap_or_default();
        if fresh {
            thread.watch.began = ctx.now();
            if let Some(home) = &task.workspace {
                workspaces::move_in(&ctx, home)?;
            }
            boxed::move_in(&ctx, setup.given(&task), setup.in_box.as_ref())?;
            if let Some(context) = &task.context {
                ctx.set(context::STATE, context)?;
            }
            if !setup.warnings.is_empty() {
                ctx.set("warnings", &setup.warnings)?;
            }
            ctx.set(STATE, &state(&setup, &task))?;
            thread.revoked.clone_from(&task.revoked);
            if !thread.revoked.is_empty() {
                ctx.set(REVOKED, &thread.revoked)?;
            }
        }
        tools.revoke(&thread.revoked);
        let (calls, choices) = (0, BTreeMap::new());
        let (bye, again, stuck, beyond) = (false, false, false, Spend::default());
        let mut run = Run {
            ctx,
            parts,
            setup,
            tools,
            task,
            thread,
            calls,
            choices,
            bye,
            again,
            stuck,
            beyond,
        };
        if fresh && let Some(words) = run.task.task.clone() {
            run.say(Message::user(words))?;
        }
        Ok(run)
    }

    /// Adds a message to the conversation, for the model and for whoever looks.
    pub fn say(&mut self, message: Message) -> Result<(), Failure> {
        self.say_as(message, 0, 0)
    }

    /// The same for words that no person has said.
    pub fn say_told(&mut self, words: String) -> Result<(), Failure> {
        let told = words.len();
        self.say_as(Message::user(words), told, 0)
    }

    /// The same, with how many bytes no person has said, and how many of those are a
    /// question.
    fn say_as(&mut self, message: Message, told: usize, asked: usize) -> Result<(), Failure> {
        self.thread.said += 1;
        let shown = Shown { message: Message { raw: None, ..message.clone() }, told, asked };
        self.ctx.set(&thread::key(self.thread.said), &shown)?;
        self.thread.messages.push(message);
        self.thread.places.push(self.thread.said);
        Ok(())
    }

    /// Takes in what people have said since the last look.
    async fn hear(&mut self, inbox: &mut Inbox) -> Result<(), Failure> {
        while let Some(heard) = inbox.look()? {
            self.hear_one(heard).await?;
        }
        Ok(())
    }

    /// Waits for the next word, for as long as it takes.
    async fn listen(&mut self, inbox: &mut Inbox) -> Result<(), Failure> {
        self.tell_idle();
        self.ctx.set("status", "listening")?;
        // In a chat nobody waits: its limit is looked at when there is something to do.
        let mut clock = if self.task.chat { Clock::default() } else { self.clock() };
        let heard = match clock.is_over {
            true => None,
            false => match select(Box::pin(inbox.wait()), Box::pin(clock.over())).await {
                Either::Left(heard) => Some(heard?),
                Either::Right(over) => over.map(|()| None)?,
            },
        };
        self.ctx.set("status", "working")?;
        match heard {
            Some(heard) => self.hear_one(heard).await,
            None => self.guard().await,
        }
    }

    /// Tells the swarm that it waits, unless agents work for it.
    fn tell_idle(&self) {
        if !self.task.peers.is_empty()
            && self.thread.team.is_empty()
            && let Some(parent) = self.ctx.parent()
        {
            let words = self.last_words().as_str().unwrap_or_default().to_owned();
            let idle = peer::Idle { heard: self.thread.peer_heard, words };
            peer::idle(&self.ctx, &parent, &idle);
        }
    }

    async fn hear_one(&mut self, heard: Heard) -> Result<(), Failure> {
        match heard {
            Heard::Nothing => Ok(()),
            Heard::Bye => {
                self.bye = true;
                Ok(())
            }
            Heard::Peer(number, words) => {
                self.thread.peer_heard = number;
                self.thread.watch.heard();
                self.hear_words(words, By::Agent)
            }
            Heard::Revoked(tools) => self.revoke(&tools).await,
            Heard::Changed(changed) => {
                let Changed { key, version, by } = changed;
                let note = format!("[the shared key `{key}` is at version {version}, by {by}]");
                self.thread.notes.push(note);
                Ok(())
            }
            Heard::Undo => self.undo_compaction(),
            Heard::Pin(place) => self.pin(place),
            Heard::Words(words) => {
                self.thread.watch.heard();
                self.hear_words(words, By::Person)
            }
            Heard::Said(from, words) => {
                self.hear_words(format!("[the process {from} says]\n{words}"), By::Agent)
            }
            // One whose result is waited for asks a person alone; one that has ended
            // does not ask any more.
            Heard::Note(from, Note::Question { .. }) if !self.thread.team.contains(&from) => Ok(()),
            Heard::Note(from, Note::Question { id, words }) => {
                let told = question::heard(&self.ctx, from, id, &words)?;
                self.hear_words(told, By::AgentAsking)
            }
            Heard::Note(from, Note::Answered(id)) => {
                if question::answered(&self.ctx, &id)? {
                    let note = format!("[a person has answered question {id} of {from}]");
                    self.thread.notes.push(note);
                }
                Ok(())
            }
            Heard::Note(from, Note::Progress(progress)) => {
                // Of one whose result was waited for it is not known any more that it was one.
                let who = if self.thread.team.contains(&from) { "agent" } else { "process" };
                self.thread.notes.push(format!("[the {who} {from} reports] {progress}"));
                Ok(())
            }
            Heard::Ended(id, exit) => {
                self.thread.team.retain(|member| *member != id);
                self.ctx.set("team", &self.thread.team)?;
                team::one_less(&self.ctx)?;
                question::ended(&self.ctx, &id)?;
                let site = self.parts.folder.as_ref().map(|folder| folder.site.clone());
                let well = matches!(exit, Exit::Normal(_));
                let told = match boxed::told(&self.ctx, self.parts.boxes.as_ref(), &id).await? {
                    None => workspaces::told(&self.ctx, site.as_ref(), &id, well).await?,
                    told => told,
                };
                let words = self.shorten(team::ended(&id, &exit));
                let words = told.map_or(words.clone(), |told| format!("{words}\n{told}"));
                self.hear_words(words, By::Agent)
            }
        }
    }

    /// Words that are a reason to think, after what was told before.
    fn hear_words(&mut self, words: String, by: By) -> Result<(), Failure> {
        if std::mem::take(&mut self.stuck) {
            self.ctx.set(PROBLEM, &Value::Null)?;
        }
        let notes = self.thread.notes.take();
        let mut all: String = notes.iter().map(|note| format!("{note}\n")).collect();
        let before = all.len();
        all.push_str(&words);
        let (told, asked) = match by {
            By::Person => (before, 0),
            By::Agent => (all.len(), 0),
            By::AgentAsking => (all.len(), words.len()),
        };
        self.say_as(Message::user(all), told, asked)
    }

    /// What is no reason to think is told when the model is asked anyway.
    fn tell_notes(&mut self) -> Result<(), Failure> {
        let notes = self.thread.notes.take();
        if notes.is_empty() {
            return Ok(());
        }
        self.say_told(notes.join("\n"))
    }

    /// Whether the last word is the model's: then nobody waits for an answer.
    fn has_nothing_to_do(&self) -> bool {
        if self.stuck {
            return true;
        }
        let spoke = self.thread.messages.last().map(|message| message.role);
        let waits = self.task.chat || spoke.is_none() || self.bye || !self.thread.team.is_empty();
        spoke != Some(Role::User) && !self.again && waits
    }

    fn last_words(&self) -> Value {
        let last = self.thread.messages.iter().rev().find(|one| one.role == Role::Assistant);
        last.map(|message| Value::String(message.text())).unwrap_or_default()
    }

    /// Stops, asks or falls back where a limit is reached.
    async fn guard(&mut self) -> Result<(), Failure> {
        let limits = &self.setup.definition.limits;
        match self.thread.watch.check(limits, self.used(), self.ctx.now()) {
            Err(Reached(words)) => self.breached(words).await,
            Ok(()) => Ok(()),
        }
    }

    /// What it has used up so far.
    pub fn used(&self) -> Used {
        Used { tokens: self.thread.usage.total(), money_micro: self.thread.money_micro }
    }

    async fn breached(&mut self, words: String) -> Result<(), Failure> {
        let limits = &self.setup.definition.limits;
        let stop = || Err(Failure::fatal(LIMIT, format!("{words}: its limit is reached")));
        match limits.then.clone() {
            Breach::Stop => stop(),
            Breach::Fallback(_) if self.thread.fallback.is_some() => stop(),
            Breach::Fallback(model) => {
                self.thread.fallback = Some(model);
                self.thread.watch.grant();
                Ok(())
            }
            Breach::Ask => {
                let question = format!("{words}. May it go on for as long again?");
                let ask = self.ctx.ask::<Value>("limit", question).choices(["yes", "no"]);
                if ask.await? == json!("yes") {
                    self.thread.watch.grant();
                    return Ok(());
                }
                stop()
            }
        }
    }

    fn go_on_as_new(&mut self) -> Result<Value, Failure> {
        let mut thread = std::mem::take(&mut self.thread);
        thread.revoked = self.tools.revoked();
        fit(&mut thread, BYTES_MAX);
        // What was to be done stands in the conversation.
        let in_box = boxed::taken_along(&self.ctx).map(Box::new);
        let task = Task { task: None, in_box, ..self.task.clone() };
        self.ctx.continue_as_new(&Continued { thread, task })
    }
}

/// The state in which a chat's agent says why it does not go on: a failure, or null.
pub const PROBLEM: &str = "problem";

/// The kind of failure of an agent that has reached one of its limits.
pub const LIMIT: &str = "limit";
