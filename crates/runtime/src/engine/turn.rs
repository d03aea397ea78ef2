//! A turn being made: its events, and what they do to the store. Everything
//! the commit holds is derived from the events.

use super::cell::{Live, weight};
use super::effects::{self, Sender};
use super::line::InLine;
use crate::accounts::Hold;
use crate::env::Env;
use greenroom_journal::{
    AccountWork, AskChange, GivenUp, HubWork, Outgoing, Spawn, ToChildren, Watch, Whom,
};
use greenroom_model::budget::Spend;
use greenroom_model::{
    Content, Event, Exit, Kind, Limits, MessageNo, Millis, Op, Origin, Payload, ProcessId, Seq,
    Stop,
};

/// How many events a turn may have before it is committed and the process has
/// to line up again.
pub(super) const EVENTS_MAX: usize = 512;

pub(super) struct Turn {
    pub at: Millis,
    /// The place of its first event.
    pub first: Seq,
    pub events: Vec<Event>,
    pub consumed: Vec<MessageNo>,
    pub sends: Vec<Outgoing>,
    pub spawns: Vec<Spawn>,
    pub fresh: Vec<Option<Event>>,
    pub watches: Vec<Watch>,
    pub asks: Vec<AskChange>,
    pub unset: Vec<String>,
    pub state: Vec<(String, Payload)>,
    pub kind: Option<Kind>,
    pub exit: Option<Exit>,
    pub given_up: Vec<GivenUp>,
    pub to_children: Vec<ToChildren>,
    pub unwatched: Vec<Op>,
    pub unlinks: Vec<ProcessId>,
    pub links: Vec<ProcessId>,
    pub leaves: bool,
    pub roots: Vec<(String, Seq)>,
    pub hub: Vec<HubWork>,
    pub accounts: Vec<AccountWork>,
    pub holds: Vec<Hold>,
    pub reload: bool,
    pub wake_before: Option<Millis>,
    pub limits: Limits,
}

impl Turn {
    pub fn new(live: &Live, now: Millis, hops_max: u32) -> Turn {
        let at = now.max(live.at);
        Turn {
            at,
            limits: Limits { hops_max, at },
            first: Seq(live.seq.0 + 1),
            events: Vec::new(),
            consumed: Vec::new(),
            sends: Vec::new(),
            spawns: Vec::new(),
            fresh: Vec::new(),
            watches: Vec::new(),
            asks: Vec::new(),
            unset: Vec::new(),
            state: Vec::new(),
            kind: None,
            exit: None,
            given_up: Vec::new(),
            to_children: Vec::new(),
            unwatched: Vec::new(),
            unlinks: Vec::new(),
            links: Vec::new(),
            leaves: false,
            roots: Vec::new(),
            hub: Vec::new(),
            accounts: Vec::new(),
            holds: Vec::new(),
            reload: false,
            wake_before: live.ledger.wake_at(),
        }
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.consumed.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.events.len() >= EVENTS_MAX
    }

    /// The place the next event will have.
    pub fn next_seq(&self) -> Seq {
        self.first.plus(self.events.len())
    }

    /// Takes in an event: what it does to the process's open work, and to the
    /// store.
    pub fn record(&mut self, live: &mut Live, env: &dyn Env, mut event: Event) {
        self.close_asks(live, &event);
        self.answer_owed(live, &event);
        if let Event::WorkflowContinued(segment) = &mut event {
            segment.standing = live.ledger.standing.clone();
        }
        self.effects(live, env, &event);
        self.pay(live, &event);
        self.note_root(live, &event);
        let seq = self.next_seq();
        if let Some(segment) = event.segment() {
            live.segment = seq;
            live.kind = segment.kind.clone();
            live.history_bytes = 0;
            self.kind = Some(segment.kind.clone());
        }
        live.ledger.apply(seq, &event);
        intend(live, &event);
        live.history_bytes += weight(&mut event);
        self.events.push(event);
    }

    /// What it costs is paid with this turn; a child gets its budget.
    fn pay(&mut self, live: &mut Live, event: &Event) {
        let Some(cost) = event.cost() else { return };
        let in_hand = || live.in_hand.as_ref().and_then(|in_hand| in_hand.account.clone());
        let settles = match event {
            Event::BudgetSpent { settles, .. } => settles.as_deref(),
            _ => None,
        };
        let account = settles.map_or_else(in_hand, |settles| settles.account.clone());
        let back = event.gives_back();
        self.open_account(account.as_ref(), event);
        let Some(account) = account else { return };
        self.holds.extend(live.holds.pop_front());
        self.add_up(match event {
            Event::Published { .. } => {
                let publish = |work: &&HubWork| matches!(work, HubWork::Publish(_));
                let publishes = self.hub.iter().filter(publish).count();
                AccountWork::Told { account, publish: publishes.saturating_sub(1) }
            }
            Event::ProcessSpawned { .. } => {
                AccountWork::Spend { account, spent: Spend::messages(1), back }
            }
            _ => AccountWork::Spend { account, spent: cost, back },
        });
    }

    fn open_account(&mut self, parent: Option<&ProcessId>, event: &Event) {
        let Event::ProcessSpawned { id, given: Some(given), .. } = event else { return };
        let spawned = self.spawns.last().is_some_and(|spawn| spawn.id == *id);
        if let Some(limits) = given.budget.filter(|_| spawned) {
            let (id, parent, spawn) = (id.clone(), parent.cloned(), self.spawns.len() - 1);
            self.accounts.push(AccountWork::Open { id, parent, limits, spawn });
        }
    }

    fn add_up(&mut self, work: AccountWork) {
        if let (
            AccountWork::Spend { account, spent, back },
            Some(AccountWork::Spend { account: last, spent: sum, back: sum_back }),
        ) = (&work, self.accounts.last_mut())
            && last == account
        {
            (*sum, *sum_back) = (sum.plus(*spent), sum_back.plus(*back));
            return;
        }
        self.accounts.push(work);
    }

    /// The process has ended for good: what is left of its own budget goes back.
    fn close_account(&mut self, live: &Live) {
        if let Some(account) = live.ledger.account.as_ref().filter(|id| **id == live.facts.id) {
            self.accounts.push(AccountWork::Close { account: account.clone() });
        }
    }

    /// What is done for another request than the process's own is found by that
    /// one's trace.
    fn note_root(&mut self, live: &Live, event: &Event) {
        let root = match event {
            Event::MessageReceived { envelope, .. } => {
                envelope.as_ref().and_then(|envelope| envelope.root.as_ref())
            }
            _ => live.in_hand.as_ref().map(|in_hand| &in_hand.root),
        };
        if let Some(root) = root.filter(|root| **root != live.facts.root)
            && !self.roots.iter().any(|(noted, _)| noted == root)
        {
            self.roots.push((root.clone(), self.next_seq()));
        }
    }

    /// Who sends what the next event sends, and for what.
    pub fn sender<'a>(&self, live: &'a Live) -> Sender<'a> {
        Sender { facts: &live.facts, in_hand: live.in_hand.as_deref(), seq: self.next_seq() }
    }

    fn close_asks(&mut self, live: &Live, event: &Event) {
        // A process that ends for good has its questions closed by the store.
        let all = event.segment().is_some()
            || matches!(event, Event::CancelRequested { .. })
            || exit_of(event).is_some_and(|exit| live.ledger.holds(&exit));
        let closed: Vec<Op> = match event {
            _ if all => live.ledger.asks.keys().copied().collect(),
            Event::MessageReceived { op, .. }
            | Event::TimerFired { op }
            | Event::OperationDropped { op }
                if live.ledger.asks.contains_key(op) =>
            {
                vec![*op]
            }
            _ => return,
        };
        for op in closed {
            let opened_here = self.asks.iter().position(
                |change| matches!(change, AskChange::Open { op: opened, .. } if *opened == op),
            );
            match opened_here {
                Some(place) => drop(self.asks.remove(place)),
                None => self.asks.push(AskChange::Close { op }),
            }
        }
    }

    /// Who called a process that ends, or whose next segment cannot answer, must
    /// not wait for ever.
    fn answer_owed(&mut self, live: &Live, event: &Event) {
        let ends = exit_of(event).is_some_and(|exit| !live.ledger.holds(&exit));
        if ends || event.segment().is_some() || matches!(event, Event::Released { .. }) {
            let owed = live.ledger.owed.iter();
            let sender = self.sender(live);
            let told: Vec<_> = owed.map(|owed| effects::no_reply(sender, owed)).collect();
            self.sends.extend(told);
        }
    }

    fn effects(&mut self, live: &mut Live, env: &dyn Env, event: &Event) {
        match event {
            Event::OperationDropped { op } => {
                live.abort(*op);
                if live.ledger.watches.contains_key(op) {
                    self.watches.retain(|watch| watch.op != *op);
                    self.unwatched.push(*op);
                }
            }
            Event::Linked { target, .. } => self.links.push(target.clone()),
            Event::Unlinked { target, .. } => {
                self.links.retain(|linked| linked != target);
                self.unlinks.push(target.clone());
            }
            Event::PlaceTaken { .. }
            | Event::PlaceLeft { .. }
            | Event::LookupStarted { .. }
            | Event::Published { .. } => {
                self.hub.extend(effects::hub(self.sender(live), event));
            }
            Event::CancelRequested { .. } | Event::WorkflowContinued(_) => live.abort_all(),
            Event::Paused { .. } | Event::Parked { .. } => live.line = InLine::default(),
            // A fork has the calls in its history, but they are not its to answer.
            Event::ReplySent { to, .. } if !live.ledger.owed.contains(to) => {}
            Event::MessageSent { .. }
            | Event::ReplySent { .. }
            | Event::CancelSent { .. }
            | Event::ChildRestarted { .. }
            | Event::ChildStopped { .. }
            | Event::ChildKilled { .. } => {
                self.sends.extend(effects::outgoing(self.sender(live), event));
            }
            Event::ProcessSpawned { .. } => {
                let sender = self.sender(live);
                if let Some(exit) = effects::not_spawned(sender, &self.limits, event) {
                    self.sends.push(exit);
                } else if let Some((spawn, first)) =
                    effects::spawn(sender, env.seed(), self.at, event)
                {
                    self.spawns.push(spawn);
                    self.fresh.push(Some(first));
                }
            }
            Event::MonitorStarted { op, target } => {
                self.watches.push(Watch { op: *op, target: target.clone() });
            }
            Event::AskOpened { op, ask } => {
                self.asks.push(AskChange::Open { op: *op, spec: (**ask).clone() });
            }
            Event::StateSet { key, value } => {
                self.state.retain(|(set, _)| set != key);
                self.state.push((key.clone(), value.clone()));
            }
            Event::WorkflowCompleted { .. } | Event::WorkflowFailed { .. } => {
                self.end(live, event);
            }
            Event::Released { .. } => {
                self.exit = live.ledger.down.clone();
                self.leaves |= !live.ledger.standing.places.is_empty();
                self.close_account(live);
                self.stop_children(live, Stop::Final);
            }
            _ => {}
        }
    }

    fn end(&mut self, live: &mut Live, event: &Event) {
        live.stop_steps();
        let Some(exit) = exit_of(event) else { return };
        if let Some(supervised) = &live.ledger.supervised {
            let exit = effects::childs_exit(self.sender(live), supervised, &exit);
            self.sends.push(exit);
        }
        let held = live.ledger.holds(&exit);
        self.leaves |= !held && !live.ledger.standing.places.is_empty();
        if !held {
            self.close_account(live);
        }
        let stop = if held { Stop::Resume } else { Stop::Final };
        self.stop_children(live, stop);
        self.exit = Some(exit);
    }

    /// A supervisor's children do not outlive it; those of one that is kept for
    /// a restart are kept as well.
    fn stop_children(&mut self, live: &Live, stop: Stop) {
        if live.ledger.supervises {
            let reason = format!("its supervisor {} has ended", live.facts.id);
            let tree = live.ledger.tree;
            let content = Content::Cancel { reason, stop: Some(stop), tree };
            self.say(content, Whom::Supervised);
        }
    }

    /// A wish to stop is for its children too. Those that it supervises it
    /// stops itself, in order, if it can.
    pub fn cancel_children(&mut self, live: &Live, reason: &str) {
        let ledger = &live.ledger;
        let cancel = |stop| Content::Cancel { reason: reason.to_owned(), stop, tree: true };
        self.say(cancel(None), Whom::Others);
        let beyond_asking = ledger.parked || ledger.cancelled || ledger.down.is_some();
        if ledger.supervises && beyond_asking {
            self.say(cancel(Some(Stop::Final)), Whom::Supervised);
        }
    }

    fn say(&mut self, content: Content, whom: Whom) {
        self.to_children.push(ToChildren { content, whom, spawns: self.spawns.len() });
    }
}

/// What is to follow once the event is durable: an attempt, or a place in a
/// queue, which need not wait for that.
fn intend(live: &mut Live, event: &Event) {
    match event {
        Event::StepStarted { op, .. }
        | Event::StepRetried { op, .. }
        | Event::StepAdmitted { op, .. }
        | Event::StepUnknown { op, .. } => {
            if live.ledger.steps.get(op).is_some_and(greenroom_model::OpenStep::is_queued) {
                live.line.add(*op, matches!(event, Event::StepStarted { .. }));
            } else {
                live.intended.push(*op);
            }
        }
        Event::Resumed { .. } => live.line_up_all(),
        _ => {}
    }
}

/// How a process ends by this event, if it does.
fn exit_of(event: &Event) -> Option<Exit> {
    match event {
        Event::WorkflowCompleted { result } => Some(Exit::Normal(result.clone())),
        Event::WorkflowFailed { exit } => Some(exit.clone()),
        _ => None,
    }
}

/// Who is behind a control message, for the event it becomes.
pub(super) fn reason_and_origin(content: &Content, from: &Origin) -> Option<(String, Origin)> {
    match content {
        Content::Cancel { reason, .. } | Content::Kill { reason, .. } => {
            Some((reason.clone(), from.clone()))
        }
        _ => None,
    }
}
