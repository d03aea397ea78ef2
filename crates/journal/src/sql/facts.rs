//! What a run's commits must know of the store before it is changed: the
//! processes they name, and the watchers and mail of those that end. Gathers
//! rows; decides nothing.

use super::dialect::Tx;
use super::mailbox;
use super::process::{BRIEF, Brief, COLUMNS, Kept};
use super::value::Value;
use super::watch::{self, Watching};
use crate::{Commit, Error, ToChildren, Turn, Whom};
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
    children: HashMap<ProcessNo, Vec<Child>>,
}

/// A child of a process, or of one of its children that has ended.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub no: ProcessNo,
    pub op: Op,
    pub detached: bool,
    pub direct: bool,
}

impl Child {
    /// Whether what is said to these is for it.
    pub fn is_meant(self, whom: Whom) -> bool {
        let supervised = self.op == Op(0) && self.direct;
        match whom {
            Whom::Supervised => supervised,
            Whom::Others => !supervised && !self.detached,
        }
    }
}

impl Facts {
    /// Asks for everything these commits name.
    pub fn gather(tx: &mut dyn Tx, commits: &[(usize, &Commit)]) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        let mut wanted = Wanted::default();
        commits.iter().for_each(|(_, commit)| wanted.take(commit));
        facts.gather_endings(tx, &mut wanted)?;
        for turn in commits.iter().filter_map(|(_, commit)| commit.turn.as_ref()) {
            let left = facts.mail.get(&turn.process).into_iter().flatten();
            let mut left = left.filter(|message| !turn.consumed.contains(&message.no));
            if left.any(|message| !ToChildren::passed_on(&message.content).is_empty()) {
                wanted.parents.push((turn.process, &turn.id, true));
            }
        }
        for (no, id, deep) in &wanted.parents {
            facts.read_children(tx, *no, id, *deep)?;
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

    /// The children of a process that have not ended; `deep`: for those that
    /// have, theirs.
    fn read_children(
        &mut self,
        tx: &mut dyn Tx,
        parent: ProcessNo,
        id: &ProcessId,
        deep: bool,
    ) -> Result<(), Error> {
        let ended = Status::ENDED_MIN;
        let sql = match deep {
            false => format!(
                "select {COLUMNS} from process where parent = $1 and status < {ended} order by no"
            ),
            true => format!(
                "with recursive above (id) as (select cast($1 as text) union \
                 select p.id from process p join above a on p.parent = a.id \
                 where p.status >= {ended} and p.detached = 0) \
                 select {COLUMNS} from process where parent in (select id from above) \
                 and status < {ended} order by no"
            ),
        };
        let mut children = Vec::new();
        for row in tx.query(&sql, &[Value::Text(id.as_str())])? {
            let Kept { row, .. } = Kept::read(row)?;
            let direct = row.parent.as_ref() == Some(id);
            let detached = row.detached;
            children.extend(row.parent_op.map(|op| Child { no: row.no, op, detached, direct }));
            let (root, hops, exit) = (row.root, row.hops, row.exit);
            let parent = row.parent.zip(row.parent_op);
            let story = Story { root, hops, exit, parent };
            self.learn(row.no, row.id, row.status, Some(story));
        }
        self.children.insert(parent, children);
        Ok(())
    }

    /// The children of a process that had not ended before this run.
    pub fn children(&self, no: ProcessNo) -> &[Child] {
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
    parents: Vec<(ProcessNo, &'g ProcessId, bool)>,
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
        if !turn.watches.is_empty() || !turn.links.is_empty() || !turn.unlinks.is_empty() {
            self.whole.extend(turn.watches.iter().map(|watch| &watch.target));
            self.whole.extend(turn.links.iter().chain(&turn.unlinks));
            self.whole_numbers.insert(turn.process);
        }
        if turn.status.is_ended() {
            self.ending.push(turn.process);
        }
        if !turn.to_children.is_empty() {
            let deep = turn.to_children.iter().any(|said| said.whom != Whom::Supervised);
            self.parents.push((turn.process, &turn.id, deep));
        }
        if !turn.to_children.is_empty() || !turn.given_up.is_empty() {
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
