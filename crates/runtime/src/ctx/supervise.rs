//! Supervision from a process's code: the pure rules of
//! `greenroom_model::supervisor`, fed with what happens and obeyed.

use super::ask::Ask;
use super::child::version;
use super::core::{Core, Shared, lock};
use super::handle::Ctx;
use super::operation::Operation;
use super::receive::Received;
use greenroom_model::supervisor::{
    Action, ChildSpec, ChildState, Outcome, RestartFrom, Supervisor, SupervisorSpec,
};
use greenroom_model::{Event, Exit, Failure, Kind, Millis, Op, ProcessId, Stop, Terms, failure};
use serde::Serialize;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The topics a supervisor answers; each is a call with a child's name, or its
/// specification.
const REQUESTS: [&str; 6] = [
    "supervisor.start_child",
    "supervisor.terminate_child",
    "supervisor.restart_child",
    "supervisor.delete_child",
    "supervisor.which_children",
    "supervisor.count_children",
];

/// The answers to the question of [`OnIntensity::Ask`].
///
/// [`OnIntensity::Ask`]: greenroom_model::supervisor::OnIntensity::Ask
const AGAIN: &str = "restart";
const GIVE_UP: &str = "give up";

/// A process's children under supervision. [`Supervision::run`] does the work;
/// dropping it while the process goes on leaves the children running and
/// nobody to restart them.
///
/// Its decisions are in the journal of the process: a crash of the node in the
/// middle of a restart of all is completed, once.
#[must_use = "nothing is supervised unless it runs"]
pub struct Supervision {
    ctx: Ctx,
    core: Shared,
    supervisor: Supervisor,
    exits: Option<Operation<(ProcessId, Exit)>>,
    requests: Option<Operation<Received>>,
    timer: Option<(Millis, Operation<()>)>,
    asks: Vec<(ProcessId, Operation<String>)>,
    /// Who waits to hear that a child has stopped.
    replies: Vec<(ProcessId, Received)>,
    ended: Option<Outcome>,
}

/// What a supervisor hears.
enum Heard {
    Exit(ProcessId, Exit),
    Request(Received),
    Due,
    Answer(ProcessId, bool),
    Cancelled,
}

/// A child, as `supervisor.which_children` tells of it.
#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    id: &'a ProcessId,
    kind: &'a str,
    state: &'a ChildState,
}

impl Ctx {
    /// Starts children and supervises them.
    ///
    /// A child that is there already (after this process was restarted) and has
    /// ended is started again, as its specification says; one that runs is
    /// taken on.
    ///
    /// # Errors
    /// `bad_spec`: what is wrong with the specification; nothing was started. An
    /// ephemeral process cannot supervise durable ones.
    pub fn supervise(&self, spec: SupervisorSpec) -> Result<Supervision, Failure> {
        let core = self.core("supervision of durable processes")?.clone();
        let above: Vec<ProcessId> = self.parent().into_iter().collect();
        known_kinds(&lock(&core), &spec).map_err(|why| Failure::fatal("bad_spec", why))?;
        let (supervisor, actions) = Supervisor::start(&self.id(), &above, spec, self.now())
            .map_err(|why| Failure::fatal("bad_spec", why))?;
        let mut supervision = Supervision::new(self, core, supervisor);
        supervision.obey(actions);
        Ok(supervision)
    }

    /// Goes on supervising after `continue_as_new`, from what
    /// [`Supervision::state`] gave.
    ///
    /// # Errors
    /// Those of an ephemeral process, which has no segments.
    pub fn supervise_on(&self, state: Supervisor) -> Result<Supervision, Failure> {
        let core = self.core("supervision of durable processes")?.clone();
        let continued = lock(&core).continued;
        let mut supervision = Supervision::new(self, core, state);
        // Begun again from here, some of them may have ended meanwhile.
        if !continued {
            let running = supervision.supervisor.children();
            let running: Vec<Action> = running
                .filter(|child| child.state == ChildState::Running)
                .map(|child| Action::Start(child.id.clone()))
                .collect();
            supervision.obey(running);
        }
        Ok(supervision)
    }
}

/// Every kind that a specification names must be there. Only asked when it is
/// new: what was started stays started, whatever a deploy brings.
fn known_kinds(core: &Core, spec: &SupervisorSpec) -> Result<(), String> {
    if !core.is_new() {
        return Ok(());
    }
    for child in &spec.children {
        let fallback = child.fallback.as_ref().map(|fallback| &fallback.kind);
        for kind in std::iter::once(&child.kind).chain(fallback) {
            if (core.identity.newest)(kind).is_none() {
                return Err(format!("child `{}`: no kind `{kind}` is registered", child.name));
            }
        }
    }
    Ok(())
}

impl Supervision {
    fn new(ctx: &Ctx, core: Shared, mut supervisor: Supervisor) -> Supervision {
        let mut held = lock(&core);
        held.supervises = true;
        let own = held.segment.supervised.as_ref();
        let shutdown = Exit::Shutdown(String::new());
        supervisor.set_kept(own.is_some_and(|own| own.restart.restarts(&shutdown)));
        drop(held);
        Supervision {
            ctx: ctx.clone(),
            core,
            supervisor,
            exits: None,
            requests: None,
            timer: None,
            asks: Vec::new(),
            replies: Vec::new(),
            ended: None,
        }
    }

    /// What it knows, to be handed to the next segment.
    pub fn state(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Starts one more child.
    ///
    /// # Errors
    /// `already_started`, `already_present`, or `bad_child`.
    pub fn start_child(&mut self, child: ChildSpec) -> Result<ProcessId, Failure> {
        let (id, actions) = self.supervisor.start_child(self.ctx.now(), child)?;
        self.obey(actions);
        Ok(id)
    }

    /// Supervises until it ends: it was cancelled, its restarts were too many,
    /// its significant children have ended. All children have ended by then.
    ///
    /// # Errors
    /// Always: `cancelled`, `shutdown` or `start_failed`. Return it, and the
    /// process ends as OTP's supervisor would.
    pub async fn run(&mut self) -> Failure {
        loop {
            if let Some(failure) = self.step().await {
                return failure;
            }
        }
    }

    /// Waits for one thing and deals with it. `Some`: the end.
    pub(super) async fn step(&mut self) -> Option<Failure> {
        if let Some(outcome) = self.ended.take() {
            return Some(failure_of(outcome));
        }
        let heard = self.next().await;
        self.take(heard);
        self.answer_waiting();
        self.ended.take().map(failure_of)
    }

    /// Whether its state can be handed to the next segment: nobody waits for an
    /// answer of this one.
    pub(super) fn is_calm(&self) -> bool {
        !self.supervisor.is_busy() && self.asks.is_empty() && self.replies.is_empty()
    }

    fn take(&mut self, heard: Heard) {
        let now = self.ctx.now();
        let actions = match heard {
            Heard::Exit(id, exit) => self.supervisor.exited(now, &id, &exit),
            Heard::Due => self.supervisor.due(now),
            Heard::Answer(id, again) => self.supervisor.answered(now, &id, again),
            Heard::Cancelled => {
                let (reason, stop) = {
                    let core = lock(&self.core);
                    (core.cancelled.clone().unwrap_or_default(), core.stop)
                };
                let hold = matches!(stop, Some(Stop::Resume | Stop::Again));
                self.supervisor.stop(now, &reason, hold)
            }
            Heard::Request(request) => match self.request(&request) {
                Ok(actions) => actions,
                Err(failure) => {
                    self.ctx.reply_failure(&request, failure);
                    return;
                }
            },
        };
        self.obey(actions);
        // A question about a child that is no longer down is closed.
        let supervisor = &self.supervisor;
        let open = |id: &ProcessId| {
            supervisor.child(id).is_some_and(|child| child.state == ChildState::Asked)
        };
        self.asks.retain(|(id, _)| open(id));
    }

    async fn next(&mut self) -> Heard {
        self.exits.get_or_insert_with(|| self.ctx.recv_exit());
        match self.supervisor.is_busy() {
            true => self.requests = None,
            false => {
                let recv =
                    || REQUESTS.iter().fold(self.ctx.recv(), |recv, topic| recv.topic(topic));
                self.requests.get_or_insert_with(|| recv().into_future());
            }
        }
        let wake_at = self.supervisor.wake_at();
        if self.timer.as_ref().map(|(at, _)| *at) != wake_at {
            let ctx = &self.ctx;
            self.timer = wake_at.map(|at| (at, ctx.sleep(at.since(ctx.now()))));
        }
        poll_fn(|context| self.poll(context)).await
    }

    /// In this order, always: what has come is in the journal in the order in
    /// which it came.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        if let Some(got) = poll_op(self.exits.as_mut(), context) {
            self.exits = None;
            return Poll::Ready(match got {
                Ok((id, exit)) => Heard::Exit(id, exit),
                Err(_) => self.cancelled(),
            });
        }
        if let Some(got) = poll_op(self.requests.as_mut(), context) {
            self.requests = None;
            return Poll::Ready(got.map_or_else(|_| self.cancelled(), Heard::Request));
        }
        if let Some(got) = poll_op(self.timer.as_mut().map(|(_, timer)| timer), context) {
            self.timer = None;
            return Poll::Ready(got.map_or_else(|_| self.cancelled(), |()| Heard::Due));
        }
        // As other requests, an answer waits until a stop under way is done.
        if self.supervisor.is_busy() {
            return Poll::Pending;
        }
        for place in 0..self.asks.len() {
            if let Some(got) = poll_op(self.asks.get_mut(place).map(|(_, ask)| ask), context) {
                let (id, _) = self.asks.remove(place);
                let answer = |answer: String| Heard::Answer(id, answer == AGAIN);
                return Poll::Ready(got.map_or_else(|_| self.cancelled(), answer));
            }
        }
        Poll::Pending
    }

    /// All that waited has failed together.
    fn cancelled(&mut self) -> Heard {
        (self.exits, self.requests, self.timer) = (None, None, None);
        self.asks.clear();
        Heard::Cancelled
    }

    // ---- requests ----

    fn request(&mut self, request: &Received) -> Result<Vec<Action>, Failure> {
        let now = self.ctx.now();
        match request.topic.trim_start_matches("supervisor.") {
            "start_child" => {
                let child = self.child_of(request)?;
                let (id, actions) = self.supervisor.start_child(now, child)?;
                self.ctx.reply(request, &id)?;
                Ok(actions)
            }
            "terminate_child" => {
                let name: String = request.read()?;
                let id = self.supervisor.named(&name).map(|child| child.id.clone());
                let actions = self.supervisor.terminate_child(now, &name)?;
                self.replies.extend(id.map(|id| (id, request.clone())));
                Ok(actions)
            }
            "restart_child" => {
                let actions = self.supervisor.restart_child(now, &request.read::<String>()?)?;
                self.ctx.reply(request, &true)?;
                Ok(actions)
            }
            "delete_child" => {
                self.supervisor.delete_child(&request.read::<String>()?)?;
                self.ctx.reply(request, &true)?;
                Ok(Vec::new())
            }
            "which_children" => {
                let children: Vec<Described<'_>> =
                    self.supervisor.children().map(described).collect();
                self.ctx.reply(request, &children)?;
                Ok(Vec::new())
            }
            _ => {
                let running = |state: &ChildState| *state == ChildState::Running;
                let all = self.supervisor.children().count();
                let active =
                    self.supervisor.children().filter(|child| running(&child.state)).count();
                let counts = serde_json::json!({ "specs": all, "active": active });
                self.ctx.reply(request, &counts)?;
                Ok(Vec::new())
            }
        }
    }

    /// A dynamic supervisor's template, with what the request says instead.
    fn child_of(&self, request: &Received) -> Result<ChildSpec, Failure> {
        let spec = self.supervisor.spec();
        let template = match spec.strategy {
            greenroom_model::supervisor::Strategy::Dynamic => spec.children.first(),
            _ => None,
        };
        let asked: serde_json::Value = request.read()?;
        let Some(template) = template else {
            return request.read();
        };
        let bad = |why: String| Failure::fatal(failure::BAD_PAYLOAD, why);
        let mut child = serde_json::to_value(template).map_err(|error| bad(error.to_string()))?;
        match (child.as_object_mut(), asked) {
            (Some(child), serde_json::Value::Object(asked)) => child.extend(asked),
            _ => return Err(bad("say at least the child's name: {\"name\":…}".to_owned())),
        }
        serde_json::from_value(child).map_err(|error| bad(error.to_string()))
    }

    fn answer_waiting(&mut self) {
        let stopped = |id: &ProcessId| match self.supervisor.child(id) {
            Some(child) => child.state == ChildState::Stopped,
            None => true,
        };
        let (done, waiting) =
            std::mem::take(&mut self.replies).into_iter().partition(|(id, _)| stopped(id));
        self.replies = waiting;
        let done: Vec<(ProcessId, Received)> = done;
        for (_, request) in done {
            // `true` can be written.
            let _ = self.ctx.reply(&request, &true);
        }
    }

    // ---- actions ----

    fn obey(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Start(id) => self.start(&id),
                Action::Restart { id, from, fallback } => self.restart(id, from, fallback),
                Action::Stop { id, hold } => self.stop(id, hold, false),
                Action::Kill { id, hold } => self.stop(id, hold, true),
                Action::Ask(id) => {
                    let question = format!(
                        "{id} has been restarted too often for its supervisor {}. Restart it once \
                         more, or give up and stop all?",
                        self.ctx.id()
                    );
                    let ask: Ask<String> = self.ctx.ask("restart_intensity", question);
                    let ask = ask.choices([AGAIN, GIVE_UP]).into_future();
                    self.asks.push((id, ask));
                }
                Action::End(outcome) => self.ended = Some(outcome),
            }
        }
    }

    fn start(&mut self, id: &ProcessId) {
        let Some(child) = self.supervisor.child(id) else {
            return;
        };
        let (spec, id) = (child.spec.clone(), id.clone());
        let mut core = lock(&self.core);
        let op = core.number();
        let Some(kind) = version(&core, op, &spec.kind) else {
            core.ask(Event::SpawnRefused { op, id: id.clone() });
            drop(core);
            let words = format!("no kind `{}` is registered", spec.kind);
            let exit = Exit::Error(Failure::fatal(failure::UNKNOWN_KIND, words));
            let actions = self.supervisor.exited(self.ctx.now(), &id, &exit);
            return self.obey(actions);
        };
        let terms = Terms { restart: spec.restart, from: spec.restart_from };
        let (input, supervised) = (spec.input, Some(terms));
        let (detached, given) = (false, None);
        core.ask(Event::ProcessSpawned { op, id, kind, input, detached, supervised, given });
    }

    fn restart(&self, id: ProcessId, from: RestartFrom, fallback: Option<String>) {
        let mut core = lock(&self.core);
        let newest = |name: String| (core.identity.newest)(&name).or(Kind::new(&name, 1).ok());
        let kind = fallback.and_then(newest);
        let op = core.number();
        core.ask(Event::ChildRestarted { op, id, from, kind });
    }

    fn stop(&self, id: ProcessId, hold: bool, kill: bool) {
        let from = self.supervisor.child(&id).map(|child| child.spec.restart_from);
        let stop = match (hold, from) {
            (false, _) => Stop::Final,
            (true, Some(RestartFrom::State)) => Stop::Resume,
            (true, _) => Stop::Again,
        };
        let mut core = lock(&self.core);
        let op: Op = core.number();
        let tree = core.tree;
        core.ask(match kill {
            false => Event::ChildStopped { op, id, reason: "shutdown".to_owned(), stop, tree },
            true => Event::ChildKilled { op, id, reason: "did not stop in time".to_owned(), stop },
        });
    }
}

fn poll_op<T>(
    op: Option<&mut Operation<T>>,
    context: &mut Context<'_>,
) -> Option<Result<T, Failure>> {
    match Pin::new(op?).poll(context) {
        Poll::Ready(got) => Some(got),
        Poll::Pending => None,
    }
}

fn described(child: &greenroom_model::supervisor::Child) -> Described<'_> {
    Described { name: &child.spec.name, id: &child.id, kind: &child.spec.kind, state: &child.state }
}

/// The failure a supervisor's code ends with.
fn failure_of(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Stopped(reason) => Failure::fatal(failure::CANCELLED, reason),
        Outcome::AutoShutdown => {
            Failure::fatal(failure::SHUTDOWN, "its significant children have ended")
        }
        Outcome::IntensityReached(id) => {
            let words = format!("reached its restart intensity; the last to end was {id}");
            Failure::fatal(failure::SHUTDOWN, words)
        }
        Outcome::StartFailed(id, why) => {
            Failure::fatal("start_failed", format!("{id} cannot be started: {why}"))
        }
    }
}
