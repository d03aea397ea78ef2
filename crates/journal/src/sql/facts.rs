//! What a run's commits must know of the store before it is changed: the
//! processes they name, and the watchers and mail of those that end. Gathers
//! rows; decides nothing.

use super::dialect::Tx;
use super::mailbox;
use super::process::{BRIEF, Brief, COLUMNS, Kept};
use super::value::Value;
use super::watch::{self, Watching};
use crate::{Commit, Error, Turn};
use greenroom_model::{Content, Exit, Message, Op, ProcessId, ProcessNo, Status};
use std::collections::{HashMap, HashSet};

/// A process that a commit names.
pub(super) struct Known {
    pub id: ProcessId,
    pub status: Status,
    /// Only for those of which a commit may need it.
    pub story: Option<Story>,
}

/// What messages about a process carry.
#[derive(Clone)]
pub(super) struct Story {
    pub root: String,
    pub hops: u32,
    pub exit: Option<Exit>,
    pub parent: Option<(ProcessId, Op)>,
}

/// All that was gathered, kept up to date by the draft.
#[derive(Default)]
pub(super) struct Facts {
    processes: HashMap<ProcessNo, Known>,
    numbers: HashMap<ProcessId, ProcessNo>,
    watchers: HashMap<ProcessNo, Vec<Watching>>,
    mail: HashMap<ProcessNo, Vec<Message>>,
    children: HashMap<ProcessNo, Vec<(ProcessNo, Op)>>,
}

impl Facts {
    /// Asks for everything these commits name.
    pub fn gather(tx: &mut dyn Tx, commits: &[(usize, &Commit)]) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        let mut wanted = Wanted::default();
        commits.iter().for_each(|(_, commit)| wanted.take(commit));
        facts.gather_endings(tx, &mut wanted)?;
        for (no, id) in &wanted.parents {
            facts.read_children(tx, *no, id)?;
        }
        facts.read_whole(tx, "id", texts(&wanted.whole))?;
        facts.read_whole(tx, "no", numbers(&wanted.whole_numbers))?;
        wanted.names.retain(|id| !facts.numbers.contains_key(*id));
        facts.read_brief(tx, "id", texts(&wanted.names))?;
        // Callers whose letters lie in the mailboxes of those that end.
        let callers: Vec<ProcessId> = facts.mail.values().flatten().filter_map(caller).collect();
        let callers: HashSet<&ProcessId> =
            callers.iter().filter(|id| !facts.numbers.contains_key(*id)).collect();
        facts.read_brief(tx, "id", texts(&callers))?;
        let watching = facts.watchers.values().flatten().map(|watching| watching.watcher);
        let watching: HashSet<ProcessNo> =
            watching.filter(|no| !facts.processes.contains_key(no)).collect();
        facts.read_brief(tx, "no", numbers(&watching))?;
        Ok(facts)
    }

    /// Of these processes, whole.
    pub fn of<'a>(
        tx: &mut dyn Tx,
        names: impl Iterator<Item = &'a ProcessId>,
        by_number: impl Iterator<Item = ProcessNo>,
    ) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        facts.read_whole(tx, "id", texts(&names.collect()))?;
        facts.read_whole(tx, "no", numbers(&by_number.collect()))?;
        Ok(facts)
    }

    fn gather_endings(&mut self, tx: &mut dyn Tx, wanted: &mut Wanted<'_>) -> Result<(), Error> {
        let ending = &wanted.ending;
        if ending.is_empty() {
            return Ok(());
        }
        self.watchers.extend(ending.iter().copied().zip(watch::of_each(tx, ending)?));
        self.mail.extend(ending.iter().copied().zip(mailbox::of_each(tx, ending)?));
        wanted.whole_numbers.extend(ending.iter().copied());
        Ok(())
    }

    /// The children of a process that have not ended.
    fn read_children(
        &mut self,
        tx: &mut dyn Tx,
        parent: ProcessNo,
        id: &ProcessId,
    ) -> Result<(), Error> {
        let sql = format!(
            "select {COLUMNS} from process where parent = $1 and status < {} order by no",
            Status::ENDED_MIN
        );
        let mut children = Vec::new();
        for row in tx.query(&sql, &[Value::Text(id.as_str())])? {
            let Kept { row, .. } = Kept::read(row)?;
            children.extend(row.parent_op.map(|op| (row.no, op)));
            let (root, hops, exit) = (row.root, row.hops, row.exit);
            let parent = row.parent.zip(row.parent_op);
            let story = Story { root, hops, exit, parent };
            self.learn(row.no, row.id, row.status, Some(story));
        }
        self.children.insert(parent, children);
        Ok(())
    }

    /// The children of a process that had not ended before this run.
    pub fn children(&self, no: ProcessNo) -> &[(ProcessNo, Op)] {
        self.children.get(&no).map_or(&[], Vec::as_slice)
    }

    fn read_whole(&mut self, tx: &mut dyn Tx, by: &str, keys: Vec<Value<'_>>) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let select = format!("select {COLUMNS} from process");
        for row in tx.find(&select, by, &keys)? {
            let row = Kept::read_whatever(row)?.0.row;
            let parent = row.parent.zip(row.parent_op);
            let story = Story { root: row.root, hops: row.hops, exit: row.exit, parent };
            self.learn(row.no, row.id, row.status, Some(story));
        }
        Ok(())
    }

    fn read_brief(&mut self, tx: &mut dyn Tx, by: &str, keys: Vec<Value<'_>>) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let select = format!("select {BRIEF} from process");
        for row in tx.find(&select, by, &keys)? {
            let Brief { no, id, status } = Brief::read(row)?;
            self.learn(no, id, status, None);
        }
        Ok(())
    }

    /// Notes a process that is there.
    pub fn learn(&mut self, no: ProcessNo, id: ProcessId, status: Status, story: Option<Story>) {
        self.numbers.insert(id.clone(), no);
        let known = self.processes.entry(no).or_insert(Known { id, status, story: None });
        known.status = status;
        if story.is_some() {
            known.story = story;
        }
    }

    /// Notes what a turn changes.
    pub fn moved(&mut self, turn: &Turn) {
        let Some(known) = self.processes.get_mut(&turn.process) else {
            return;
        };
        known.status = turn.status;
        if let Some(story) = &mut known.story {
            story.exit = turn.exit.clone();
        }
    }

    /// A process by name.
    pub fn named(&self, id: &ProcessId) -> Option<(ProcessNo, &Known)> {
        let no = *self.numbers.get(id)?;
        Some((no, self.processes.get(&no)?))
    }

    /// A process by number.
    pub fn numbered(&self, no: ProcessNo) -> Option<&Known> {
        self.processes.get(&no)
    }

    /// Who watches a process that ends, by what the store held.
    pub fn take_watchers(&mut self, no: ProcessNo) -> Vec<Watching> {
        self.watchers.remove(&no).unwrap_or_default()
    }

    /// The mail of a process that ends, by what the store held.
    pub fn take_mail(&mut self, no: ProcessNo) -> Vec<Message> {
        self.mail.remove(&no).unwrap_or_default()
    }
}

/// What is to be asked for.
#[derive(Default)]
struct Wanted<'g> {
    /// With their stories.
    whole: HashSet<&'g ProcessId>,
    whole_numbers: HashSet<ProcessNo>,
    /// Only whether they can be sent to.
    names: HashSet<&'g ProcessId>,
    ending: Vec<ProcessNo>,
    /// Whose children are spoken to.
    parents: Vec<(ProcessNo, &'g ProcessId)>,
}

impl<'g> Wanted<'g> {
    fn take(&mut self, commit: &'g Commit) {
        let own = commit.turn.as_ref().map(|turn| &turn.id);
        for spawn in &commit.spawns {
            self.whole.insert(&spawn.id);
            self.whole.extend(spawn.watches.iter().map(|watch| &watch.target));
            let parent = spawn.parent.as_ref().map(|(id, _)| id);
            let hears = spawn.watched || spawn.revive.is_some();
            self.names.extend(parent.filter(|id| hears && own != Some(id)));
        }
        for send in &commit.sends {
            self.names.insert(&send.to);
            if let Content::User { reply_to: Some(reply_to), .. } = &send.content {
                self.names.extend(Some(&reply_to.process).filter(|id| own != Some(id)));
            }
        }
        let Some(turn) = &commit.turn else { return };
        if !turn.watches.is_empty() {
            self.whole.extend(turn.watches.iter().map(|watch| &watch.target));
            self.whole_numbers.insert(turn.process);
        }
        if turn.status.is_ended() {
            self.ending.push(turn.process);
        }
        if turn.to_children.is_some() {
            self.parents.push((turn.process, &turn.id));
        }
        if turn.to_children.is_some() || !turn.given_up.is_empty() {
            self.whole_numbers.insert(turn.process);
        }
    }
}

fn caller(message: &Message) -> Option<ProcessId> {
    match &message.content {
        Content::User { reply_to: Some(reply_to), .. } => Some(reply_to.process.clone()),
        _ => None,
    }
}

fn texts<'a>(ids: &HashSet<&'a ProcessId>) -> Vec<Value<'a>> {
    ids.iter().map(|id| Value::Text(id.as_str())).collect()
}

fn numbers(numbers: &HashSet<ProcessNo>) -> Vec<Value<'static>> {
    numbers.iter().map(|no| Value::Int(no.0)).collect()
}
