//! What the end of a process makes of a draft: watchers are told, questions
//! closed, mail left over is given up.

use super::draft::{Deciding, Draft, Letter};
use super::facts::Child;
use super::mailbox::{NewMail, encode};
use super::watch::Watching;
use crate::{DeadLetter, Error, ToChildren, Turn, notice};
use greenroom_model::{Message, Origin, ProcessNo, Status};

impl Draft<'_> {
    /// A process has ended and is kept: its mailbox and watchers stay.
    pub fn hold(&mut self, turn: &Turn) -> Result<(), Error> {
        if let Some(exit) = &turn.exit {
            self.exits.push((turn.process, encode(exit)?));
        }
        Ok(())
    }

    /// Messages it took that have ended it too often.
    pub fn give_up_taken(&mut self, deciding: &mut Deciding<'_>, turn: &Turn) {
        for given_up in &turn.given_up {
            let no = deciding.meta.next_letter();
            self.dead.push(DeadLetter {
                no,
                to: turn.id.clone(),
                from: given_up.from.clone(),
                content: given_up.content.clone(),
                root: given_up.root.clone(),
                hops: given_up.hops,
                crashes: given_up.crashes.clone(),
                at: deciding.at,
                reason: given_up.reason.clone(),
            });
        }
    }

    /// What a process says to all its children that have not ended.
    pub fn tell_children(&mut self, deciding: &mut Deciding<'_>, turn: &Turn, said: &[ToChildren]) {
        if said.is_empty() {
            return;
        }
        let (root, hops) = self.story(turn.process);
        let new = self.processes.iter().filter_map(|new| {
            let (parent, op) = new.parent?;
            let (no, detached) = (new.row.no, new.row.detached);
            (*parent == turn.id).then_some(Child { no, op: *op, detached, direct: true })
        });
        let mut children: Vec<Child> = self.facts.children(turn.process).to_vec();
        children.extend(new);
        let spawned: Vec<ProcessNo> = (deciding.receipt.spawned.iter())
            .map(|spawned| if spawned.created { spawned.no } else { ProcessNo(0) })
            .collect();
        let told = said.iter().flat_map(|said| {
            let later = spawned.get(said.spawns..).unwrap_or_default();
            let meant = children
                .iter()
                .filter(|child| child.is_meant(said.whom) && !later.contains(&child.no))
                .filter(|child| child.no != turn.process);
            meant.map(move |child| (said, child.no))
        });
        for (said, no) in told {
            let alive = |status: Status| !status.is_ended();
            if self.facts.numbered(no).is_some_and(|known| alive(known.status)) {
                let from = Origin::Process(turn.id.clone());
                let content = said.content.clone();
                self.append(deciding, no, Letter { from, content, root: root.clone(), hops });
            }
        }
    }

    pub fn story(&self, no: ProcessNo) -> (String, u32) {
        let story = self.facts.numbered(no).and_then(|known| known.story.as_ref());
        story.map(|story| (story.root.clone(), story.hops)).unwrap_or_default()
    }

    /// Takes the end of the turn's process in.
    pub fn end(&mut self, deciding: &mut Deciding<'_>, turn: &Turn) -> Result<(), Error> {
        let no = turn.process;
        self.ended.push(no);
        if let Some(exit) = &turn.exit {
            self.exits.push((no, encode(exit)?));
        }
        self.asks.retain(|ask| ask.process != no);
        self.tell_watchers(deciding, turn);
        for message in self.left_over(turn) {
            let Message { from, content, root, hops, .. } = message;
            self.tell_children(deciding, turn, &ToChildren::passed_on(&content));
            let letter = Letter { from, content, root, hops };
            self.give_up(deciding, &turn.id, true, letter, notice::LEFT_OVER.to_owned());
        }
        Ok(())
    }

    fn tell_watchers(&mut self, deciding: &mut Deciding<'_>, turn: &Turn) {
        let no = turn.process;
        let mut watching = self.facts.take_watchers(no);
        // What the store held an earlier commit of the run may have taken away.
        watching.retain(|one| !self.is_given_up(*one));
        watching.extend(self.watches.iter().filter(|watching| watching.target == no));
        self.watches.retain(|watching| watching.target != no && watching.watcher != no);
        watching.sort_unstable();
        watching.dedup();
        let (root, hops) = self.story(no);
        for Watching { watcher, op, .. } in watching.into_iter().filter(|one| one.watcher != no) {
            let Some(watcher) = self.facts.numbered(watcher).map(|known| known.id.clone()) else {
                continue;
            };
            let content = notice::exited(op, &turn.id, turn.exit.clone());
            let from = Origin::Process(turn.id.clone());
            self.tell(deciding, &watcher, Letter { from, content, root: root.clone(), hops });
        }
    }

    /// Its mailbox as it stands: what the store held, less what this turn
    /// took, and what earlier commits of the run appended.
    fn left_over(&mut self, turn: &Turn) -> Vec<Message> {
        let no: ProcessNo = turn.process;
        let mut mail = self.facts.take_mail(no);
        let all: Vec<NewMail> = std::mem::take(&mut self.mail);
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|mail| mail.to == no);
        self.mail = others;
        mail.extend(own.into_iter().map(|mail| mail.message));
        mail.retain(|message| !turn.consumed.contains(&message.no));
        mail
    }
}
