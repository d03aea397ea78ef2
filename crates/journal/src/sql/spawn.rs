//! What the start of a process makes of a draft.

use super::draft::{Deciding, Draft, Letter};
use super::facts::Story;
use super::mailbox::encode;
use super::process::NewProcess;
use super::state::NewState;
use super::turn::NewTurn;
use crate::{Error, ProcessRow, Spawn, Spawned, Watch, notice};
use greenroom_model::{Origin, ProcessNo, Seq, Shard, Status, Sum};

impl<'g> Draft<'g> {
    /// Starts a process, unless its id is taken.
    pub fn spawn(&mut self, deciding: &mut Deciding<'_>, spawn: &'g Spawn) -> Result<(), Error> {
        let there = self.facts.named(&spawn.id).map(|(no, known)| (no, known.story.as_ref()));
        if let Some((no, story)) = there {
            let own = story.is_some_and(|story| story.parent == spawn.parent);
            deciding.receipt.spawned.push(Spawned { no, created: false });
            if own {
                self.revive(deciding, no, spawn);
                self.watch_child(deciding, spawn);
            } else {
                self.refuse(deciding, spawn);
            }
            return Ok(());
        }
        let no = ProcessNo(deciding.meta.next_process());
        deciding.receipt.spawned.push(Spawned { no, created: true });
        self.begin(deciding, no, spawn)?;
        self.watch_child(deciding, spawn);
        if !spawn.status.is_ended() {
            let asked_at = spawn.turns.last().map_or(deciding.at, |turn| turn.at);
            self.change_asks(no, &spawn.asks, asked_at);
        }
        Ok(())
    }

    /// A supervised child that is there already is started again.
    fn revive(&mut self, deciding: &mut Deciding<'_>, no: ProcessNo, spawn: &Spawn) {
        let status = self.facts.numbered(no).map(|known| known.status);
        let over = status.is_some_and(|status| status.is_ended() || status == Status::Down);
        if let (true, Some(content), Some((parent, _))) = (over, &spawn.revive, &spawn.parent) {
            let (root, hops) = (spawn.root.clone(), spawn.hops);
            let from = Origin::Process(parent.clone());
            let content = content.clone();
            self.append(deciding, no, Letter { from, content, root, hops });
        }
    }

    /// Processes that come with a history hear of each other's ends, in
    /// whatever order they came.
    pub fn watch_from_spawns(&mut self, deciding: &mut Deciding<'_>, spawns: &[Spawn]) {
        for (place, spawn) in spawns.iter().enumerate() {
            let spawned = deciding.receipt.spawned.get(place);
            let Some(no) = spawned.filter(|spawned| spawned.created).map(|spawned| spawned.no)
            else {
                continue;
            };
            if !spawn.status.is_ended() {
                spawn.watches.iter().for_each(|watch| self.watch(deciding, no, watch));
            }
        }
    }

    /// The parent's operation hears of the child's end.
    fn watch_child(&mut self, deciding: &mut Deciding<'_>, spawn: &Spawn) {
        let Some((parent, op)) = spawn.parent.as_ref().filter(|_| spawn.watched) else {
            return;
        };
        if let Some((watcher, _)) = self.facts.named(parent) {
            self.watch(deciding, watcher, &Watch { op: *op, target: spawn.id.clone() });
        }
    }

    /// The parent's operation hears that the id is another's.
    fn refuse(&mut self, deciding: &mut Deciding<'_>, spawn: &Spawn) {
        let hears = spawn.watched || spawn.revive.is_some();
        let Some((parent, op)) = spawn.parent.as_ref().filter(|_| hears) else {
            return;
        };
        let content = notice::already_exists(*op, &spawn.id);
        let (root, hops) = (spawn.root.clone(), spawn.hops);
        self.tell(deciding, parent, Letter { from: Origin::Runtime, content, root, hops });
    }

    fn begin(
        &mut self,
        deciding: &mut Deciding<'_>,
        no: ProcessNo,
        spawn: &'g Spawn,
    ) -> Result<(), Error> {
        let (mut seq, mut sum, mut head) = (Seq(0), Sum::default(), 0);
        for turn in &spawn.turns {
            let (first, prev) = (seq.plus(1), head);
            sum = sum.then(first, turn.at, &turn.body);
            head = deciding.meta.next_turn();
            let (count, at, body) = (turn.count, turn.at, &turn.body);
            self.turns.push(NewTurn {
                no: head,
                prev,
                process: no,
                seq: first,
                count,
                at,
                sum,
                body,
            });
            seq = seq.plus(turn.count);
        }
        let row = ProcessRow {
            no,
            id: spawn.id.clone(),
            kind: spawn.kind.clone(),
            shard: Shard::of(&spawn.id),
            parent: spawn.parent.as_ref().map(|(id, _)| id.clone()),
            parent_op: spawn.parent.as_ref().map(|(_, op)| *op),
            detached: spawn.detached,
            root: spawn.root.clone(),
            hops: spawn.hops,
            seq,
            sum,
            segment: spawn.segment,
            status: spawn.status,
            wake_at: spawn.wake_at.filter(|_| !spawn.status.is_ended()),
            started_at: spawn.turns.first().map_or(deciding.at, |turn| turn.at),
            changed_at: spawn.turns.last().map_or(deciding.at, |turn| turn.at),
            exit: None,
        };
        let story = Story {
            root: spawn.root.clone(),
            hops: spawn.hops,
            exit: spawn.exit.clone(),
            parent: spawn.parent.clone(),
        };
        self.facts.learn(no, spawn.id.clone(), spawn.status, Some(story));
        let exit = spawn.exit.as_ref().map(encode).transpose()?;
        self.processes.push(NewProcess { row, parent: spawn.parent.as_ref(), head, exit });
        let entries = spawn.state.iter();
        self.state.extend(entries.map(|(key, value)| NewState { process: no, key, value }));
        Ok(())
    }
}
