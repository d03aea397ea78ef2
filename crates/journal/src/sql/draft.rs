//! Decides, commit by commit and in order, what a run writes, from the facts
//! gathered before it; then writes it, table by table.

use super::ask::{self, NewAsk};
use super::dialect::Tx;
use super::facts::Facts;
use super::header::Meta;
use super::mailbox::{self, NewMail};
use super::process::{self, NewProcess};
use super::request::NewRequest;
use super::state::{self, NewState};
use super::turn::NewTurn;
use super::watch::{self, Watching};
use super::{dead, place, request};
use crate::notice::LINK;
use crate::{
    AskChange, Commit, DeadLetter, Delivered, Error, LetterRules, Outgoing, Receipt, Turn,
    Undeliverable, Watch, notice,
};
use greenroom_model::{
    Content, Message, MessageNo, Millis, Op, Origin, ProcessId, ProcessNo, Status,
};

/// A message to be, without a number yet.
pub(super) struct Letter {
    pub from: Origin,
    pub content: Content,
    pub root: String,
    pub hops: u32,
}

/// Everything a run writes beside its turns.
#[derive(Default)]
pub(super) struct Draft<'g> {
    pub facts: Facts,
    pub processes: Vec<NewProcess<'g>>,
    pub turns: Vec<NewTurn<'g>>,
    pub mail: Vec<NewMail>,
    pub watches: Vec<Watching>,
    pub asks: Vec<NewAsk<'g>>,
    pub state: Vec<NewState<'g>>,
    pub dead: Vec<DeadLetter>,
    pub exits: Vec<(ProcessNo, String)>,
    pub ended: Vec<ProcessNo>,
    closed: Vec<(ProcessNo, Op)>,
    consumed: Vec<(ProcessNo, MessageNo)>,
    requests: Vec<NewRequest<'g>>,
    unset: Vec<(ProcessNo, &'g str)>,
    /// Dead letters that go.
    letters: Vec<i64>,
    /// The rules of the last commit that gave letters up, and their last number.
    letter_rules: Option<(LetterRules, i64)>,
    unwatched: Vec<(ProcessNo, Op)>,
    unlinked: Vec<Watching>,
    leaving: Vec<ProcessNo>,
    /// When the last of its commits was decided.
    at: Millis,
}

/// One commit as it is decided.
pub(super) struct Deciding<'a> {
    pub at: Millis,
    pub meta: &'a mut Meta,
    pub rules: LetterRules,
    pub receipt: Receipt,
}

fn is_call(send: &Outgoing) -> bool {
    matches!(send.content, Content::User { reply_to: Some(_), .. })
}

/// The two watches that a link is.
fn halves(one: ProcessNo, other: ProcessNo) -> [Watching; 2] {
    [(one, other), (other, one)].map(|(target, watcher)| Watching { target, watcher, op: LINK })
}

impl<'g> Draft<'g> {
    /// Nothing decided yet.
    pub fn new(facts: Facts) -> Draft<'g> {
        Draft { facts, ..Draft::default() }
    }

    /// Takes in a commit that was not refused; its turn is appended already.
    pub fn take(&mut self, meta: &mut Meta, commit: &'g Commit) -> Result<Receipt, Error> {
        let (at, rules) = (commit.at, commit.letter_rules);
        let mut deciding = Deciding { at, meta, rules, receipt: Receipt::default() };
        self.letters.extend(&commit.letters);
        let letters = self.dead.len();
        let deciding = &mut deciding;
        self.at = self.at.max(commit.at);
        if let Some(turn) = &commit.turn {
            self.facts.moved(turn);
            // Only a child's parent and a caller are looked up by name that
            // were not gathered.
            if !commit.spawns.is_empty() || commit.sends.iter().any(is_call) {
                self.facts.learn(turn.process, turn.id.clone(), turn.status, None);
            }
            self.consumed.extend(turn.consumed.iter().map(|no| (turn.process, *no)));
        }
        for spawn in &commit.spawns {
            self.spawn(deciding, spawn)?;
        }
        self.watch_from_spawns(deciding, &commit.spawns);
        for (place, outgoing) in commit.sends.iter().enumerate() {
            self.send(deciding, place, outgoing);
        }
        if let Some(turn) = &commit.turn {
            self.unwatch(turn);
            for watch in &turn.watches {
                self.watch(deciding, turn.process, watch);
            }
            for target in &turn.links {
                self.link(deciding, turn, target);
            }
            self.change_asks(turn.process, &turn.asks, commit.at);
            self.unset.extend(turn.unset.iter().map(|key| (turn.process, key.as_str())));
            let entries = turn.state.iter();
            self.state.extend(entries.map(|(key, value)| NewState {
                process: turn.process,
                key,
                value,
            }));
            self.give_up_taken(deciding, turn);
            self.tell_children(deciding, turn, &turn.to_children);
            if turn.leaves {
                self.leaving.push(turn.process);
            }
            if turn.status.is_ended() {
                self.end(deciding, turn)?;
            } else if turn.exit.is_some() {
                self.hold(turn)?;
            }
        }
        if let Some(letter) = self.dead.get(letters..).and_then(<[_]>::last) {
            self.letter_rules = Some((rules, letter.no));
        }
        Ok(std::mem::take(&mut deciding.receipt))
    }

    /// Notes the request that a commit carried out.
    pub fn note_done(&mut self, commit: &'g Commit, receipt: &Receipt) -> Result<(), Error> {
        if let Some(request) = &commit.request {
            self.requests.push(NewRequest::new(request, receipt)?);
        }
        Ok(())
    }

    fn send(&mut self, deciding: &mut Deciding<'_>, place: usize, send: &Outgoing) {
        let letter = Letter {
            from: send.from.clone(),
            content: send.content.clone(),
            root: send.root.clone(),
            hops: send.hops,
        };
        let target = self.facts.named(&send.to).map(|(no, known)| (no, known.status));
        let ended = match target {
            Some((no, status)) if !status.is_ended() || send.content.reaches_ended() => {
                return self.append(deciding, no, letter);
            }
            target => target.map(|(_, status): (_, Status)| status),
        };
        if notice::is_notice(&send.content) {
            return;
        }
        deciding.receipt.undeliverable.push(Undeliverable { send: place, ended });
        let reason = notice::unreachable(&send.to, ended.is_some());
        self.give_up(deciding, &send.to, ended.is_some(), letter, reason);
    }

    /// A message that reaches nobody: kept as a dead letter if it is a user's,
    /// answered if it is a call.
    pub fn give_up(
        &mut self,
        deciding: &mut Deciding<'_>,
        to: &ProcessId,
        ended: bool,
        letter: Letter,
        reason: String,
    ) {
        let Letter { from, content, root, hops } = letter;
        let Content::User { reply_to, .. } = &content else {
            return;
        };
        let caller = reply_to.clone();
        if let Some(caller) = caller {
            let content = notice::no_process(caller.op, to, ended);
            let reply = Letter { from: Origin::Runtime, content, root: root.clone(), hops };
            self.tell(deciding, &caller.process, reply);
        }
        if deciding.rules.drops_unreachable {
            return;
        }
        let no = deciding.meta.next_letter();
        let (to, at) = (to.clone(), deciding.at);
        let crashes = Vec::new();
        self.dead.push(DeadLetter { no, to, from, content, root, hops, crashes, at, reason });
    }

    /// Appends what the store itself has to say; dropped if nobody is there.
    pub fn tell(&mut self, deciding: &mut Deciding<'_>, to: &ProcessId, letter: Letter) {
        if let Some((no, known)) = self.facts.named(to)
            && !known.status.is_ended()
        {
            self.append(deciding, no, letter);
        }
    }

    pub fn append(&mut self, deciding: &mut Deciding<'_>, to: ProcessNo, letter: Letter) {
        let Letter { from, content, root, hops } = letter;
        let no = MessageNo(deciding.meta.next_message());
        let message = Message { no, from, content, root, hops };
        self.mail.push(NewMail { to, message: message.clone(), at: deciding.at });
        deciding.receipt.delivered.push(Delivered { to, message });
    }

    /// The turn's process no longer wants to hear of some.
    fn unwatch(&mut self, turn: &Turn) {
        let no = turn.process;
        self.watches.retain(|one| one.watcher != no || !turn.unwatched.contains(&one.op));
        self.unwatched.extend(turn.unwatched.iter().map(|op| (no, *op)));
        for target in &turn.unlinks {
            let Some((target, _)) = self.facts.named(target) else { continue };
            let both = halves(no, target);
            self.watches.retain(|one| !both.contains(one));
            self.unlinked.extend(both);
        }
    }

    /// Whether nobody is to hear of it any more.
    pub fn is_given_up(&self, watching: Watching) -> bool {
        self.unwatched.contains(&(watching.watcher, watching.op))
            || self.unlinked.contains(&watching)
    }

    /// The turn's process and another share their ends.
    fn link(&mut self, deciding: &mut Deciding<'_>, turn: &Turn, target: &ProcessId) {
        self.watch(deciding, turn.process, &Watch { op: LINK, target: target.clone() });
        let Some((other, known)) = self.facts.named(target) else { return };
        if known.status.is_ended() {
            return;
        }
        self.watches.push(Watching { target: turn.process, watcher: other, op: LINK });
        let (root, hops) = self.story(turn.process);
        let from = Origin::Process(turn.id.clone());
        self.append(deciding, other, Letter { from, content: Content::Link, root, hops });
    }

    /// Begins to watch, or answers at once if there is nothing to wait for.
    pub fn watch(&mut self, deciding: &mut Deciding<'_>, watcher: ProcessNo, watch: &Watch) {
        let Some(known) = self.facts.numbered(watcher) else {
            return;
        };
        let (name, mut story) = (known.id.clone(), known.story.clone());
        let (mut from, mut exit) = (Origin::Runtime, None);
        if let Some((target, known)) = self.facts.named(&watch.target) {
            if !known.status.is_ended() {
                self.watches.push(Watching { target, watcher, op: watch.op });
                return;
            }
            story = known.story.clone();
            from = Origin::Process(known.id.clone());
            exit = story.as_ref().and_then(|story| story.exit.clone());
        }
        let (root, hops) = story.map(|story| (story.root, story.hops)).unwrap_or_default();
        let content = notice::exited(watch.op, &watch.target, exit);
        self.tell(deciding, &name, Letter { from, content, root, hops });
    }

    /// Opens and closes questions, in order.
    pub fn change_asks(&mut self, process: ProcessNo, changes: &'g [AskChange], at: Millis) {
        for change in changes {
            match change {
                AskChange::Open { op, spec } => {
                    self.asks.push(NewAsk { process, op: *op, spec, at });
                }
                AskChange::Close { op } => {
                    self.asks.retain(|ask| (ask.process, ask.op) != (process, *op));
                    self.closed.push((process, *op));
                }
            }
        }
    }

    /// Writes down which requests were carried out.
    pub fn write_requests(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        if self.requests.is_empty() {
            return Ok(());
        }
        request::insert(tx, &self.requests)?;
        request::prune(tx, self.at, self.requests.len())
    }

    /// Writes it all but the requests. What is taken away goes first, so that what comes after
    /// in the same run stays.
    pub fn write(&self, tx: &mut dyn Tx) -> Result<(), Error> {
        if !self.consumed.is_empty() {
            mailbox::delete(tx, &self.consumed)?;
        }
        if !self.closed.is_empty() {
            ask::delete(tx, &self.closed)?;
        }
        if !self.unwatched.is_empty() {
            watch::delete_ops(tx, &self.unwatched)?;
        }
        if !self.unlinked.is_empty() {
            watch::delete(tx, &self.unlinked)?;
        }
        if !self.leaving.is_empty() {
            place::clear(tx, &self.leaving)?;
        }
        if !self.ended.is_empty() {
            mailbox::clear(tx, &self.ended)?;
            watch::clear(tx, &self.ended)?;
            ask::clear(tx, &self.ended)?;
            process::set_exits(tx, &self.exits)?;
        }
        if !self.processes.is_empty() {
            process::insert(tx, &self.processes)?;
            tx.insert_turns(&self.turns)?;
        }
        mailbox::insert(tx, &self.mail)?;
        watch::insert(tx, &self.watches)?;
        ask::insert(tx, &self.asks)?;
        state::unset(tx, &self.unset)?;
        state::set(tx, &self.state)?;
        if !self.letters.is_empty() {
            dead::delete(tx, &self.letters)?;
        }
        dead::insert(tx, &self.dead)?;
        match &self.letter_rules {
            Some((rules, newest)) => dead::prune(tx, rules, *newest, self.dead.len()),
            None => Ok(()),
        }
    }
}
