//! A run of commits that can be carried out together: none moves a process on
//! that another has moved on already.

use super::dialect::Tx;
use super::draft::Draft;
use super::facts::Facts;
use super::header::Meta;
use super::turn::Append;
use super::value::Value;
use super::{account, dead, hub, process, request, trace};
use crate::{Commit, Error, Outcome, Refusal, Turn};
use greenroom_model::{Mark, Millis, ProcessNo, Seq};
use std::collections::HashSet;

/// The commits of a run, with their places in the group.
#[derive(Default)]
pub(super) struct Run<'g> {
    commits: Vec<(usize, &'g Commit)>,
    moved: HashSet<ProcessNo>,
    keys: HashSet<&'g str>,
    /// Its one commit must see the tables as they are.
    alone: bool,
}

impl<'g> Run<'g> {
    /// Whether the commit may join.
    pub fn takes(&self, commit: &Commit) -> bool {
        let moved = commit.turn.as_ref().is_some_and(|turn| self.moved.contains(&turn.process));
        let asked = commit.request.as_ref().is_some_and(|it| self.keys.contains(it.key.as_str()));
        // A letter it takes away must be one that the store has by then.
        let first = commit.letters.is_empty() || self.commits.is_empty();
        let alone = self.alone || commit.is_alone() && !self.commits.is_empty();
        !moved && !asked && first && !alone
    }

    /// Takes it in.
    pub fn push(&mut self, place: usize, commit: &'g Commit) {
        self.moved.extend(commit.turn.as_ref().map(|turn| turn.process));
        self.keys.extend(commit.request.as_ref().map(|request| request.key.as_str()));
        self.alone = commit.is_alone();
        self.commits.push((place, commit));
    }

    /// Carries the run out.
    pub fn carry_out(
        mut self,
        tx: &mut dyn Tx,
        meta: &mut Meta,
        outcomes: &mut [Outcome],
    ) -> Result<(), Error> {
        self.refuse_repeated(tx, outcomes)?;
        self.refuse_without_letter(tx, outcomes)?;
        let facts = Facts::gather(tx, &self.commits)?;
        self.append(tx, meta, outcomes)?;
        let mut draft = Draft::new(facts);
        for (place, commit) in &self.commits {
            meta.see(commit.at);
            let mut receipt = draft.take(meta, commit)?;
            if self.alone {
                draft.write(tx)?;
                hub::work(tx, meta, commit, &mut receipt)?;
            }
            draft.note_done(commit, &receipt)?;
            outcomes[*place] = Ok(receipt);
        }
        if !self.alone {
            draft.write(tx)?;
        }
        account::work(tx, &self.commits, outcomes)?;
        draft.write_requests(tx)
    }

    fn refuse_repeated(&mut self, tx: &mut dyn Tx, outcomes: &mut [Outcome]) -> Result<(), Error> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = self.keys.iter().copied().collect();
        let known = request::known(tx, &keys)?;
        self.commits.retain(|(place, commit)| match &commit.request {
            None => true,
            Some(request) => match known.get(&request.key) {
                Some(kept) if kept.until > commit.at => {
                    let (key, done) = (request.key.clone(), Box::new(kept.done.clone()));
                    outcomes[*place] = Err(Refusal::Repeated { key, done });
                    false
                }
                _ => true,
            },
        });
        Ok(())
    }

    /// Only the first of a run takes letters away.
    fn refuse_without_letter(
        &mut self,
        tx: &mut dyn Tx,
        outcomes: &mut [Outcome],
    ) -> Result<(), Error> {
        let Some((place, commit)) = self.commits.first() else { return Ok(()) };
        if commit.letters.is_empty() {
            return Ok(());
        }
        if let Some(no) = dead::missing(tx, &commit.letters)? {
            outcomes[*place] = Err(Refusal::NoLetter { no });
            self.commits.remove(0);
        }
        Ok(())
    }

    /// Appends the turns; those that are refused leave the run.
    fn append(
        &mut self,
        tx: &mut dyn Tx,
        meta: &mut Meta,
        outcomes: &mut [Outcome],
    ) -> Result<(), Error> {
        let turns = self
            .commits
            .iter()
            .filter_map(|(_, commit)| commit.turn.as_ref().map(|turn| (turn, commit.at)));
        let appends: Vec<Append<'_>> = turns
            .map(|(turn, at)| {
                // One without events leaves no turn to be numbered.
                let no = if turn.count == 0 { 0 } else { meta.next_turn() };
                append(turn, at, no)
            })
            .collect();
        let passed = tx.append(&appends)?;
        for (turn, _) in appends.iter().zip(&passed).filter(|(_, passed)| **passed) {
            if turn.count != 0 {
                meta.appended(turn.no, turn.at);
            }
        }
        let roots = self.commits.iter().filter_map(|&(_, commit)| commit.turn.as_ref());
        let traced: Vec<(Append<'_>, &[(String, Seq)])> = appends
            .iter()
            .zip(&passed)
            .zip(roots)
            .filter(|((turn, passed), of)| **passed && turn.count != 0 && !of.roots.is_empty())
            .map(|((turn, _), of)| (*turn, of.roots.as_slice()))
            .collect();
        let mut passed = passed.into_iter();
        let mut stale = Vec::new();
        self.commits.retain(|(place, commit)| {
            let Some(turn) = &commit.turn else {
                return true;
            };
            let passed = passed.next() == Some(true);
            if !passed {
                stale.push((*place, turn));
            }
            passed
        });
        for (turn, roots) in traced {
            trace::insert(tx, &turn, roots)?;
        }
        refuse_stale(tx, &stale, outcomes)?;
        for (_, commit) in &self.commits {
            if let Some(Turn { process, kind: Some(kind), .. }) = &commit.turn {
                process::set_kind(tx, *process, kind)?;
            }
        }
        Ok(())
    }
}

fn append(turn: &Turn, at: Millis, no: i64) -> Append<'_> {
    let seq = turn.expect_seq.plus(turn.count);
    let wake_at = turn.wake_at.filter(|_| !turn.status.is_ended());
    Append {
        no,
        process: turn.process,
        expect_seq: turn.expect_seq,
        count: turn.count,
        at,
        sum: turn.sum,
        body: &turn.body,
        segment: turn.segment,
        status: turn.status,
        wake_at,
        mark: Mark::of(&turn.id, seq, turn.sum, turn.segment, turn.status, wake_at, at),
    }
}

fn refuse_stale(
    tx: &mut dyn Tx,
    stale: &[(usize, &Turn)],
    outcomes: &mut [Outcome],
) -> Result<(), Error> {
    let values: Vec<Value<'_>> = stale.iter().map(|(_, turn)| Value::Int(turn.process.0)).collect();
    let found = tx.query_each("select seq from process where no = $1", 1, &values)?;
    for ((place, turn), rows) in stale.iter().zip(found) {
        let row = rows.into_iter().next();
        let found = row.map(|mut row| Ok::<_, Error>(Seq(row.int()? as u64))).transpose()?;
        outcomes[*place] = Err(Refusal::Stale { expected: turn.expect_seq, found });
    }
    Ok(())
}
