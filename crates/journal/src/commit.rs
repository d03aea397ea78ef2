//! The one write, and what comes of it.

use crate::account::AccountWork;
use crate::hub::{HubWork, Published};
use greenroom_model::budget::{Account, Books};
use greenroom_model::{
    AskSpec, Content, Epoch, Exit, Failure, Kind, Message, MessageNo, Millis, Op, Origin, Payload,
    ProcessId, ProcessNo, Seq, Shard, Status, Stop, Sum,
};
use serde::{Deserialize, Serialize};

/// All that one turn of one process changes, or all that one request from
/// outside asks for. It happens whole or not at all.
///
/// A store takes many at once (group commit); they succeed or are refused one
/// by one.
#[derive(Clone, Debug)]
pub struct Commit {
    /// When it was decided, by the node's clock.
    pub at: Millis,
    /// The fenced right under which it is written.
    pub epoch: Epoch,
    /// The turn, if a process took one. `None` for a request from outside,
    /// which can only start processes and append to mailboxes.
    pub turn: Option<Turn>,
    /// Messages to append to mailboxes, in order.
    pub sends: Vec<Outgoing>,
    /// Processes to start.
    pub spawns: Vec<Spawn>,
    /// Dead letters to take away. If one of them is not there (any more), the
    /// commit is refused as [`Refusal::NoLetter`].
    pub letters: Vec<i64>,
    /// What becomes of messages that no process takes.
    pub letter_rules: LetterRules,
    /// Names, groups, topics: what the process changes, asks and publishes, in
    /// order, after all else. A request from outside can only publish.
    pub hub: Vec<HubWork>,
    /// What it does with budgets, in order, after all else.
    pub accounts: Vec<AccountWork>,
    /// The request from outside that it carries out, if that has a key: a second
    /// commit with the same key changes nothing and is refused as
    /// [`Refusal::Repeated`].
    pub request: Option<Request>,
}

/// What becomes of messages that no process takes. A bound takes effect where
/// new dead letters come: each makes room for itself, so nobody has to sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetterRules {
    /// How many dead letters are kept; beyond it the oldest go.
    pub kept_max: u64,
    /// Those given up before this time go.
    pub kept_since: Millis,
    /// Messages to processes that have ended or do not exist are dropped
    /// instead. Those that ended their process too often are kept all the same.
    pub drops_unreachable: bool,
}

impl Default for LetterRules {
    fn default() -> LetterRules {
        LetterRules { kept_max: u64::MAX, kept_since: Millis(0), drops_unreachable: false }
    }
}

impl LetterRules {
    /// How many old letters go at most when so many new ones have come: more
    /// than came, so that a bound that was lowered is reached in time.
    pub(crate) fn pruned_max(came: usize) -> usize {
        came * 2 + 16
    }

    /// The highest number that is beyond the bound, if `newest` is the last one
    /// given out.
    pub(crate) fn last_beyond(&self, newest: i64) -> i64 {
        newest.saturating_sub(i64::try_from(self.kept_max).unwrap_or(i64::MAX))
    }
}

/// A request from outside that is carried out once, however often it is
/// repeated. Its key is kept in the same transaction as what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key, unique in the store.
    pub key: String,
    /// A sum of all it asks for: with the same key and another sum it is
    /// another request, and whoever asks must be told.
    pub asks: Sum,
    /// What the asker wants to hear again when it repeats the request.
    pub note: String,
    /// How long the key is kept. From then on it is a new one.
    pub until: Millis,
}

/// What came of a request that has been carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The sum of what it asked for.
    pub asks: Sum,
    /// The asker's note.
    pub note: String,
    /// What its commit came to, without the messages that were delivered.
    pub receipt: Receipt,
}

impl Commit {
    /// A commit that changes nothing yet.
    pub fn new(at: Millis, epoch: Epoch) -> Commit {
        Commit {
            at,
            epoch,
            turn: None,
            sends: Vec::new(),
            spawns: Vec::new(),
            hub: Vec::new(),
            accounts: Vec::new(),
            letters: Vec::new(),
            letter_rules: LetterRules::default(),
            request: None,
        }
    }

    /// The shard whose lease it needs: its process's, or for a request from
    /// outside that of the first process it concerns.
    pub fn shard(&self) -> Shard {
        if let Some(turn) = &self.turn {
            return turn.shard;
        }
        let spawned = self.spawns.first().map(|spawn| &spawn.id);
        let first = spawned.or_else(|| self.sends.first().map(|send| &send.to));
        first.map_or(Shard(0), Shard::of)
    }

    /// Whether it must see the tables as they are, rather than be decided
    /// together with others: what it does depends on more than it names.
    pub(crate) fn is_alone(&self) -> bool {
        let passes_on = |content: &Content| matches!(content, Content::Cancel { tree: true, .. });
        !self.hub.is_empty()
            || self.sends.iter().any(|send| passes_on(&send.content))
            || self.turn.as_ref().is_some_and(|turn| !turn.to_children.is_empty())
    }

    /// Does what it does with budgets, in order, once all else of it is done. The
    /// receipt tells what has changed.
    pub(crate) fn settle(&self, books: &mut Books, receipt: &mut Receipt) {
        let created =
            |place: usize| receipt.spawned.get(place).is_some_and(|spawned| spawned.created);
        let told =
            |place: usize| receipt.published.get(place).map_or(0, |published| published.told);
        for work in &self.accounts {
            work.apply(books, created, told);
        }
        receipt.accounts = books.take_changed();
    }

    /// Every payload in it, the texts of turns aside.
    pub(crate) fn payloads_mut(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        for send in &mut self.sends {
            send.content.payloads_mut(visit);
        }
        for work in &mut self.hub {
            if let HubWork::Publish(publish) = work {
                publish.content.payloads_mut(visit);
            }
        }
        for spawn in &mut self.spawns {
            spawn.payloads_mut(visit);
        }
        if let Some(turn) = &mut self.turn {
            for given_up in &mut turn.given_up {
                given_up.content.payloads_mut(visit);
            }
            parts_mut(&mut turn.exit, &mut turn.asks, &mut turn.state, visit);
        }
    }
}

fn parts_mut(
    exit: &mut Option<Exit>,
    asks: &mut [AskChange],
    state: &mut [(String, Payload)],
    visit: &mut dyn FnMut(&mut Payload),
) {
    if let Some(exit) = exit {
        exit.payloads_mut(visit);
    }
    for change in asks {
        if let AskChange::Open { spec, .. } = change {
            spec.payloads_mut(visit);
        }
    }
    state.iter_mut().for_each(|(_, value)| visit(value));
}

/// The part of a commit that moves its process's journal on.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Whose turn.
    pub process: ProcessNo,
    /// Its name, for the messages the store writes on its behalf.
    pub id: ProcessId,
    /// Its shard; the commit's epoch must be this shard's.
    pub shard: Shard,
    /// How many events its journal must have for this to be the next turn.
    pub expect_seq: Seq,
    /// The new events as a JSON array.
    pub body: String,
    /// How many they are. A turn without events changes the row and the mailbox,
    /// and leaves no trace in the journal, nor in its sum.
    pub count: usize,
    /// The journal's sum with them.
    pub sum: Sum,
    /// What the process does from here on.
    pub status: Status,
    /// When it is to be woken, at the latest.
    pub wake_at: Option<Millis>,
    /// Where its current segment begins (the place of the segment's first
    /// event), so that loading reads no further back.
    pub segment: Seq,
    /// Its code, if this turn changed it (a new segment).
    pub kind: Option<Kind>,
    /// How it ended, if it did: watchers are told, open asks are closed, what
    /// is left in the mailbox becomes dead letters, open calls in it are
    /// answered `no_process`. `Exit::Normal` holds the result.
    pub exit: Option<Exit>,
    /// Messages taken out of its mailbox.
    pub consumed: Vec<MessageNo>,
    /// Ends of other processes it wants to hear of.
    pub watches: Vec<Watch>,
    /// Operations that no longer want to hear of any.
    pub unwatched: Vec<Op>,
    /// Processes it no longer shares its end with.
    pub unlinks: Vec<ProcessId>,
    /// Processes it shares its end with, from now on: each hears of the other's.
    pub links: Vec<ProcessId>,
    /// It ends and is, or may be, still found in some place: it is taken out of
    /// all.
    pub leaves: bool,
    /// Questions opened and closed.
    pub asks: Vec<AskChange>,
    /// Keys of that state to take away.
    pub unset: Vec<String>,
    /// State that queries may read, to set; after `unset`.
    pub state: Vec<(String, Payload)>,
    /// Roots other than the process's own that something in it goes back to, each
    /// with its first event that does.
    pub roots: Vec<(String, Seq)>,
    /// Messages it gives up.
    pub given_up: Vec<GivenUp>,
    /// What is appended to the mailboxes of its children that have not ended.
    pub to_children: Vec<ToChildren>,
}

/// A message that its process gives up, having taken it or not: it becomes a
/// dead letter.
#[derive(Clone, Debug)]
pub struct GivenUp {
    /// Who sent it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
    /// Why it is given up.
    pub reason: String,
    /// What the process ended with each time.
    pub crashes: Vec<Failure>,
}

/// The same message for all children that have not ended.
#[derive(Clone, Debug)]
pub struct ToChildren {
    /// What it says.
    pub content: Content,
    /// For which of them.
    pub whom: Whom,
    /// How many of the commit's own spawns it concerns: those asked for later
    /// are not meant.
    pub spawns: usize,
}

impl ToChildren {
    /// What becomes of a wish that a tree end, where the process it lay with has
    /// ended before it heard of it: its children are told all the same.
    pub(crate) fn passed_on(content: &Content) -> Vec<ToChildren> {
        let Content::Cancel { reason, tree: true, .. } = content else { return Vec::new() };
        let say = |whom, stop| ToChildren {
            content: Content::Cancel { reason: reason.clone(), stop, tree: true },
            whom,
            spawns: usize::MAX,
        };
        vec![say(Whom::Others, None), say(Whom::Supervised, Some(Stop::Final))]
    }
}

/// Some of a process's children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Those that it supervises: spawned with operation 0.
    Supervised,
    /// The others that are not detached. For a child that has ended its own
    /// such children are meant, and so on.
    Others,
}

/// A message to append to a mailbox.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Who is to get it.
    pub to: ProcessId,
    /// Who sends it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
}

/// A process to start. Its journal begins with `body`. Starting an id that
/// exists changes nothing.
#[derive(Clone, Debug)]
pub struct Spawn {
    /// Its name.
    pub id: ProcessId,
    /// Its code.
    pub kind: Kind,
    /// Who spawned it, and the operation that hears of its end; `None` from
    /// outside.
    pub parent: Option<(ProcessId, Op)>,
    /// Whether the parent's operation is told of its end, or of the refusal.
    pub watched: bool,
    /// It goes its own way: what is said to the parent's children is not for it.
    pub detached: bool,
    /// What the process is sent if it is there already, is this parent's child,
    /// and has ended or is down.
    pub revive: Option<Content>,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
    /// Its first turn's events as a JSON array: `WorkflowStarted`, or for a
    /// fork or an import a whole history.
    pub turns: Vec<FirstTurn>,
    /// Its status and next wake-up after these.
    pub status: Status,
    /// When it is to be woken.
    pub wake_at: Option<Millis>,
    /// Where its current segment begins.
    pub segment: Seq,
    /// How it ended, if it is the import of one that has.
    pub exit: Option<Exit>,
    /// State that queries may read.
    pub state: Vec<(String, Payload)>,
    /// Questions it has open.
    pub asks: Vec<AskChange>,
    /// Ends of others it hears of.
    pub watches: Vec<Watch>,
}

impl Spawn {
    /// Every payload in it, the texts of turns aside.
    pub(crate) fn payloads_mut(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        parts_mut(&mut self.exit, &mut self.asks, &mut self.state, visit);
    }

    /// A process that begins at `at` with one event, still to be encoded:
    /// nobody's child, the root of its own request.
    pub fn begin(id: ProcessId, kind: Kind, at: Millis) -> Spawn {
        Spawn {
            root: id.to_string(),
            id,
            kind,
            parent: None,
            watched: false,
            detached: false,
            revive: None,
            hops: 0,
            turns: vec![FirstTurn { at, body: String::new(), count: 1 }],
            status: Status::Running,
            wake_at: None,
            segment: Seq(1),
            exit: None,
            state: Vec::new(),
            asks: Vec::new(),
            watches: Vec::new(),
        }
    }
}

/// A turn a process is started with.
#[derive(Clone, Debug)]
pub struct FirstTurn {
    /// When.
    pub at: Millis,
    /// Its events as a JSON array.
    pub body: String,
    /// How many.
    pub count: usize,
}

/// `op` of the committing process wants to hear of the end of `target`. A
/// target that has ended or does not exist is answered in the same commit.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Who hears of it.
    pub op: Op,
    /// Whose end.
    pub target: ProcessId,
}

/// A change of the list of open questions.
#[derive(Clone, Debug)]
pub enum AskChange {
    /// A new question.
    Open {
        /// The operation that waits.
        op: Op,
        /// The question.
        spec: AskSpec,
    },
    /// Answered, timed out or withdrawn.
    Close {
        /// The operation that waited.
        op: Op,
    },
}

/// What became of one commit of a group.
pub type Outcome = Result<Receipt, Refusal>;

/// A commit that is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Every message it appended, to whom, in order: its sends, and what the
    /// store added (exits to watchers, replies that cannot come).
    pub delivered: Vec<Delivered>,
    /// One for each of its spawns, in order.
    pub spawned: Vec<Spawned>,
    /// Sends that no mailbox took; they are in the dead letters. A call among
    /// them was answered `no_process` in the same commit.
    pub undeliverable: Vec<Undeliverable>,
    /// One for each of its publishes, in order.
    pub published: Vec<Published>,
    /// The budgets it has changed, as they are now.
    pub accounts: Vec<Account>,
}

/// A message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Whose mailbox.
    pub to: ProcessNo,
    /// The message.
    pub message: Message,
}

/// What came of a spawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawned {
    /// The process of that id.
    pub no: ProcessNo,
    /// Whether this commit made it. `false`: it was there before; a watching
    /// parent that had not started it itself was sent an exit of kind
    /// `already_exists`.
    pub created: bool,
}

/// A send that no mailbox took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undeliverable {
    /// Its place among the commit's sends.
    pub send: usize,
    /// The target's status if it has ended, `None` if there is none.
    pub ended: Option<Status>,
}

/// Why a commit was not taken. Nothing of it happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The journal is not where the commit expected it: this turn, or another,
    /// has been committed already. Reload the process.
    #[error("the journal has moved on: expected {expected} events, found {found:?}")]
    Stale {
        /// What the commit expected.
        expected: Seq,
        /// What is there; `None` if there is no such process.
        found: Option<Seq>,
    },
    /// Another holder has the shard's lease. Stop.
    #[error("the lease of shard {shard} has passed to another node")]
    Fenced {
        /// Which shard.
        shard: Shard,
    },
    /// A dead letter it takes away is not there, or not any more.
    #[error("there is no dead letter {no}")]
    NoLetter {
        /// Its number.
        no: i64,
    },
    /// A request with this key was done before.
    #[error("a request with the key `{key}` was done before")]
    Repeated {
        /// The key.
        key: String,
        /// What came of it.
        done: Box<Done>,
    },
}
