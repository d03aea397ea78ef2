//! Dead letters: messages that no process took. Look at them, send them again,
//! drop them.

use super::handle::Node;
use super::send::taken;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{DeadLetter, Journal, LetterListing, Outgoing, fetch_content};
use greenroom_model::{Content, Millis, ProcessId};

/// The most letters one request sends again or drops by number.
const NAMED_MAX: usize = 1_000;
/// How many are dropped with one commit.
const DROPPED_AT_ONCE: usize = 500;

impl Node {
    /// The newest dead letters.
    pub async fn dead(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        self.read(move |journal| Ok(journal.dead(limit)?)).await
    }

    /// Dead letters, newest first.
    pub async fn letters(&self, listing: LetterListing) -> Result<Vec<DeadLetter>> {
        self.read(move |journal| Ok(journal.letters(&listing)?)).await
    }

    /// One of them, large payloads in full.
    pub async fn letter(&self, no: i64) -> Result<DeadLetter> {
        self.read(move |journal| {
            let mut letter = find(journal, no)?;
            fetch_content(journal, &mut letter.content)?;
            Ok(letter)
        })
        .await
    }

    /// Sends dead letters again, all of them or none: each is a new message from
    /// its first sender, to the same process or to another one, in the same
    /// commit that takes the letter away. Who waited for a reply has had one
    /// (`no_process` or `poison`), so none is sent.
    ///
    /// # Errors
    /// `no_letter`; `no_process` or `ended` if nobody would take it.
    pub async fn requeue(&self, letters: &[i64], to: Option<&ProcessId>) -> Result<()> {
        let letters = named(letters)?;
        let wish =
            self.wish("requeue", &[&format!("{letters:?}"), to.map_or("", ProcessId::as_str)]);
        if self.done(&wish).await?.is_some() {
            return Ok(());
        }
        let (numbers, to) = (letters.clone(), to.cloned());
        let sends = self.read(move |journal| sends(journal, &numbers, to.as_ref())).await?;
        let request = self.keyed(wish, "");
        let targets: Vec<ProcessId> = sends.iter().map(|send| send.to.clone()).collect();
        let external = External { sends, letters, request, ..External::default() };
        let receipt = self.request(external).await?.receipt;
        // One that ended just now: the letter is a new dead letter.
        let lost = receipt.undeliverable.first().and_then(|lost| targets.get(lost.send));
        lost.map_or(Ok(()), |to| taken(to, &receipt))
    }

    /// Drops dead letters, all of them or none.
    ///
    /// # Errors
    /// `no_letter` if one of them is not there.
    pub async fn drop_letters(&self, letters: &[i64]) -> Result<()> {
        let letters = named(letters)?;
        let wish = self.wish("drop", &[&format!("{letters:?}")]);
        if self.done(&wish).await?.is_some() {
            return Ok(());
        }
        let request = self.keyed(wish, "");
        self.request(External { letters, request, ..External::default() }).await.map(drop)
    }

    /// Drops the dead letters of a listing that were given up before a time; its
    /// limit does not count. Says how many went.
    pub async fn drop_all_letters(&self, listing: LetterListing, before: Millis) -> Result<u64> {
        let mut page = LetterListing { limit: DROPPED_AT_ONCE, ..listing };
        let mut dropped = 0;
        loop {
            let found = self.letters(page.clone()).await?;
            let Some(last) = found.last() else { return Ok(dropped) };
            page.before = Some(last.no);
            let old = found.iter().filter(|letter| letter.at < before);
            let mut letters: Vec<i64> = old.map(|letter| letter.no).collect();
            // Somebody else may be at them at the same time.
            while !letters.is_empty() {
                let external = External { letters: letters.clone(), ..External::default() };
                match self.request(external).await {
                    Ok(_) => dropped += std::mem::take(&mut letters).len() as u64,
                    Err(Error::NoLetter { no }) => letters.retain(|letter| *letter != no),
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// In order, each once.
fn named(letters: &[i64]) -> Result<Vec<i64>> {
    let mut letters = letters.to_vec();
    letters.sort_unstable();
    letters.dedup();
    if letters.is_empty() || letters.len() > NAMED_MAX {
        let words = format!("name 1 to {NAMED_MAX} dead letters by their numbers");
        return Err(Error::BadRequest(words));
    }
    Ok(letters)
}

fn find(journal: &dyn Journal, no: i64) -> Result<DeadLetter> {
    let listing = LetterListing { before: no.checked_add(1), limit: 1, ..Default::default() };
    let found = journal.letters(&listing)?.pop().filter(|letter| letter.no == no);
    found.ok_or(Error::NoLetter { no })
}

/// The letters as messages, to processes that would take them.
fn sends(journal: &dyn Journal, letters: &[i64], to: Option<&ProcessId>) -> Result<Vec<Outgoing>> {
    let mut sends = Vec::with_capacity(letters.len());
    for no in letters {
        let letter = find(journal, *no)?;
        let to = to.cloned().unwrap_or(letter.to);
        match journal.find(&to)? {
            None => return Err(Error::NoProcess { id: to }),
            Some(row) if row.status.is_ended() => {
                return Err(Error::Ended { id: to, status: row.status });
            }
            Some(_) => {}
        }
        let content = match letter.content {
            // Somebody wants it again, who knows that it is late.
            Content::User { topic, body, .. } => {
                Content::User { topic, body, reply_to: None, carried: None }
            }
            other => other,
        };
        // So it is no longer far from who asked for it.
        let (from, root, hops) = (letter.from, letter.root, 0);
        sends.push(Outgoing { to, from, content, root, hops });
    }
    Ok(sends)
}
