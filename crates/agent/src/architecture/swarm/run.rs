//! A run of a swarm: starts its members, hands on what they say, ends them. Decides
//! nothing that `talk` does not count.

use super::conclude::{Conclusion, Ended, NO_RESULT, report};
use super::plan::{BAD_SWARM, Swarm};
use super::talk::{Talk, UsedUp};
use crate::agent::peer::{Heard, IDLE, Idle, PEER, TELL, Told};
use crate::agent::{BYE, Task};
use futures_util::FutureExt;
use futures_util::future::select_all;
use greenroom_model::{Exit, Failure, Origin};
use greenroom_runtime::{Child, Ctx, Operation, Received};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

/// How long a member may take to say the result.
const CONCLUSION_MAX: Duration = Duration::from_secs(5 * 60);

struct Run {
    ctx: Ctx,
    swarm: Arc<Swarm>,
    talk: Talk,
    members: Vec<(Child, Option<Operation<Exit>>)>,
    next: Operation<Received>,
    timer: Operation<()>,
}

/// What has come.
enum Came {
    Exit(usize, Exit),
    Message(Received),
    Timer,
}

pub(super) async fn run(ctx: Ctx, swarm: Arc<Swarm>, input: Value) -> Result<Value, Failure> {
    swarm.check().map_err(|words| Failure::fatal(BAD_SWARM, words))?;
    let mut run = Run::begin(ctx, swarm, &input).await?;
    let ended = run.go().await;
    let result = match ended {
        Ok(ended) => run.conclude(ended).await,
        Err(failure) => Err(failure),
    };
    if result.is_err() {
        run.stop_all("their swarm was stopped");
    }
    result
}

impl Run {
    async fn begin(ctx: Ctx, swarm: Arc<Swarm>, input: &Value) -> Result<Run, Failure> {
        let (next, timer) = (listen(&ctx), ctx.sleep(swarm.deadline));
        let talk = Talk::new(&swarm.members, swarm.messages);
        let words = input.as_str().map_or_else(|| input.to_string(), str::to_owned);
        let mut run = Run { ctx, swarm, talk, members: Vec::new(), next, timer };
        for name in run.swarm.members.clone() {
            let peers = run.swarm.members.iter().filter(|one| **one != name);
            let peers: Vec<String> = peers.cloned().collect();
            let task = Some(told_at_first(&words, &peers));
            let task = Task { task, chat: true, peers, ..Task::default() };
            match run.ctx.spawn(&name, &task).await {
                Ok(child) => {
                    let exit = child.exit();
                    run.members.push((child, Some(exit)));
                }
                Err(failure) => {
                    run.stop_all("their swarm could not begin");
                    return Err(failure);
                }
            }
        }
        Ok(run)
    }

    /// Hands on what members say, until it is over.
    async fn go(&mut self) -> Result<Ended, Failure> {
        loop {
            if self.talk.is_quiet() {
                return Ok(Ended::Quiet);
            }
            match self.wait().await? {
                Came::Timer => return Ok(Ended::Deadline),
                Came::Exit(place, exit) => self.gone(place, &exit)?,
                Came::Message(message) => {
                    let Some(from) = self.member(&message) else { continue };
                    if message.topic == IDLE {
                        self.idle(from, &message)?;
                    } else if self.hand_on(from, &message.read()?)?.is_err() {
                        return Ok(Ended::Budget);
                    }
                }
            }
        }
    }

    async fn wait(&mut self) -> Result<Came, Failure> {
        let ends = self.members.iter_mut().enumerate();
        let ends = ends.filter_map(|(place, (_, exit))| {
            let exit = exit.as_mut()?;
            Some(exit.map(move |exit| exit.map(|exit| Came::Exit(place, exit))).boxed())
        });
        let message = (&mut self.next).map(|message| message.map(Came::Message)).boxed();
        let timer = (&mut self.timer).map(|end| end.map(|()| Came::Timer)).boxed();
        // What members have said comes before the time that is up, and the order is the
        // same on every replay.
        let all: Vec<_> = ends.chain([message, timer]).collect();
        let came = select_all(all).await.0?;
        match &came {
            Came::Message(_) => self.next = listen(&self.ctx),
            Came::Exit(place, _) => self.members[*place].1 = None,
            Came::Timer => self.timer = self.ctx.sleep(CONCLUSION_MAX),
        }
        Ok(came)
    }

    fn member(&self, message: &Received) -> Option<usize> {
        let Origin::Process(from) = &message.from else { return None };
        self.members.iter().position(|(child, _)| child.id() == from)
    }

    fn idle(&mut self, from: usize, message: &Received) -> Result<(), Failure> {
        let Idle { heard, words } = message.read()?;
        self.talk.idle(from, heard, words);
        Ok(())
    }

    fn gone(&mut self, place: usize, exit: &Exit) -> Result<(), Failure> {
        let member = &mut self.talk.members[place];
        member.gone = Some(exit.to_string());
        if let Exit::Normal(words) = exit
            && let Ok(words) = words.read::<String>()
        {
            member.words = Some(words);
        }
        let name = format!("gone/{}", member.name);
        self.ctx.set(&name, &exit.to_string())
    }

    fn hand_on(&mut self, from: usize, told: &Told) -> Result<Result<(), UsedUp>, Failure> {
        let name = self.talk.members[from].name.clone();
        for to in self.talk.hearers(from, &told.to) {
            let Ok(number) = self.talk.count(to) else { return Ok(Err(UsedUp)) };
            let words = format!("[{name} says] {}", told.message);
            self.tell(to, number, words)?;
            let said = json!({"from": name, "to": self.swarm.members[to], "message": told.message});
            self.ctx.set(&format!("talk/{:04}", self.talk.messages), &said)?;
        }
        Ok(Ok(()))
    }

    /// A member's mailbox holds more than a swarm may say: one that is full is another's
    /// doing, and the member is no longer counted on.
    fn tell(&mut self, to: usize, number: u64, words: String) -> Result<(), Failure> {
        let id = self.members[to].0.id().clone();
        if let Err(failure) = self.ctx.try_send(&id, PEER, &Heard { number, words }) {
            self.ctx.cancel_tree(&id, &failure.message);
        }
        Ok(())
    }

    async fn conclude(&mut self, ended: Ended) -> Result<Value, Failure> {
        self.ctx.set("ended", &ended)?;
        let speaker = match &self.swarm.conclusion {
            Conclusion::Member(name) => self.swarm.members.iter().position(|one| one == name),
            _ => None,
        };
        for place in (0..self.members.len()).filter(|place| Some(*place) != speaker) {
            self.dismiss(place, ended.words());
        }
        let result = match speaker {
            Some(place) => Ok(json!(self.last_words(place, ended).await?)),
            None => self.reduce(),
        };
        // So that none outlives its swarm.
        while self.members.iter().any(|(_, exit)| exit.is_some()) {
            if let Came::Exit(place, exit) = self.wait().await? {
                self.gone(place, &exit)?;
            }
        }
        Ok(report(&result?, ended, self.talk.messages))
    }

    fn reduce(&self) -> Result<Value, Failure> {
        let words = self.talk.members.iter();
        let words = words.filter_map(|member| Some((member.name.clone(), member.words.clone()?)));
        let words: BTreeMap<String, String> = words.collect();
        match &self.swarm.conclusion {
            Conclusion::Reduce(reduce) => reduce(&words),
            _ => Ok(json!(words)),
        }
    }

    /// Has a member say the result, and ends it.
    async fn last_words(&mut self, speaker: usize, ended: Ended) -> Result<String, Failure> {
        let name = self.swarm.members[speaker].clone();
        let none =
            |why: String| Failure::fatal(NO_RESULT, format!("`{name}` was to say it: {why}"));
        let number = self.talk.members[speaker].told + 1;
        self.talk.members[speaker].told = number;
        let words = format!("[The talk is over: {}. {SAY_RESULT}]", ended.words());
        self.tell(speaker, number, words)?;
        self.timer = self.ctx.sleep(CONCLUSION_MAX);
        while !self.talk.members[speaker].is_quiet() {
            match self.wait().await? {
                Came::Timer => return Err(none("it took too long".to_owned())),
                Came::Exit(place, exit) => self.gone(place, &exit)?,
                // The talk is over: what is said is heard by nobody.
                Came::Message(message) if message.topic == IDLE => {
                    if let Some(from) = self.member(&message) {
                        self.idle(from, &message)?;
                    }
                }
                Came::Message(_) => {}
            }
        }
        let member = &self.talk.members[speaker];
        if let Some(why) = &member.gone {
            return Err(none(format!("it has ended: {why}")));
        }
        let words = member.words.clone();
        self.dismiss(speaker, ended.words());
        words.ok_or_else(|| none("it has said nothing".to_owned()))
    }

    /// Ends a member: one that listens as a chat ends, one that works is stopped.
    fn dismiss(&self, place: usize, why: &str) {
        let id = self.members[place].0.id();
        let is_idle = self.talk.members[place].is_quiet();
        if !is_idle || self.ctx.try_send(id, BYE, &Value::Null).is_err() {
            self.ctx.cancel_tree(id, why);
        }
    }

    fn stop_all(&self, why: &str) {
        for (child, exit) in &self.members {
            if exit.is_some() {
                self.ctx.cancel_tree(child.id(), why);
            }
        }
    }
}

const SAY_RESULT: &str = "Say the result of it now, and nothing else";

fn told_at_first(words: &str, peers: &[String]) -> String {
    format!(
        "{words}\n\n[You work on this together with {}. Nobody leads. Tell them what they need with \
         `tell_peer`; when you have nothing to add, say where you stand in a sentence and stop.]",
        peers.join(", ")
    )
}

fn listen(ctx: &Ctx) -> Operation<Received> {
    ctx.recv().topic(TELL).topic(IDLE).into_future()
}
