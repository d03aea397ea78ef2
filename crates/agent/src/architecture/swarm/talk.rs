//! A talk as the swarm's process counts it: who was told how much, who has taken in
//! how much. Quiet is exact: a member's messages come before its word that it is
//! idle, and that word says what it has taken in. Pure.

#[cfg(test)]
mod tests;

use crate::agent::peer::ALL;

/// The members and what they were told.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub members: Vec<Counted>,
    /// How many messages were handed on.
    pub messages: u64,
    /// How many there may be.
    pub most: u64,
}

/// A member.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub name: String,
    /// How many messages it was told.
    pub told: u64,
    /// How many of them it had taken in when it was last idle.
    pub heard: Option<u64>,
    /// What it said last.
    pub words: Option<String>,
    /// Why it has ended, if it has.
    pub gone: Option<String>,
}

/// No more messages may be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsedUp;

impl Counted {
    /// Whether it will say nothing more by itself.
    pub fn is_quiet(&self) -> bool {
        self.gone.is_some() || self.heard == Some(self.told)
    }
}

impl Talk {
    pub fn new(members: &[String], most: u64) -> Talk {
        let member = |name: &String| Counted { name: name.clone(), ..Counted::default() };
        Talk { members: members.iter().map(member).collect(), messages: 0, most }
    }

    /// Whether nobody has anything to do.
    pub fn is_quiet(&self) -> bool {
        self.members.iter().all(Counted::is_quiet)
    }

    /// Who hears what `from` tells `to`: those who are there.
    pub fn hearers(&self, from: usize, to: &str) -> Vec<usize> {
        let is_meant = |(place, member): &(usize, &Counted)| {
            *place != from && member.gone.is_none() && (to == ALL || member.name == to)
        };
        self.members.iter().enumerate().filter(is_meant).map(|(place, _)| place).collect()
    }

    /// Counts a message to a member; how many it was told with this one.
    pub fn count(&mut self, to: usize) -> Result<u64, UsedUp> {
        if self.messages >= self.most {
            return Err(UsedUp);
        }
        self.messages += 1;
        self.members[to].told += 1;
        Ok(self.members[to].told)
    }

    /// A member is idle.
    pub fn idle(&mut self, member: usize, heard: u64, words: String) {
        let member = &mut self.members[member];
        member.heard = Some(heard);
        if !words.is_empty() {
            member.words = Some(words);
        }
    }
}
