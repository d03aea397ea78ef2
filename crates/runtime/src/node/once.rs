//! Requests with a key: carried out once, however often they are repeated. The
//! key is written in the same commit as what the request does, so a crash
//! leaves both or neither.

use super::handle::Node;
use crate::engine::{Answer, External};
use crate::{Error, Result};
use greenroom_journal::{Done, Receipt, Request};
use greenroom_model::{ProcessId, Sum};
use std::sync::Arc;

/// The longest key, in bytes.
const KEY_MAX_BYTES: usize = 200;

/// What somebody asks for, and the key to know it by if it comes again.
pub(super) struct Wish {
    key: Option<Arc<str>>,
    asks: Sum,
}

impl Wish {
    /// One that may be carried out again.
    pub fn none() -> Wish {
        Wish { key: None, asks: Sum::default() }
    }
}

/// A request that has been carried out, now or before.
pub(super) struct Carried {
    pub receipt: Receipt,
    /// What was noted when it was first carried out; `None`: just now.
    pub before: Option<String>,
}

impl Carried {
    /// The id that was noted, if it was carried out before.
    pub fn note(&self, now: ProcessId) -> Result<ProcessId> {
        self.before.as_ref().map_or(Ok(now), |note| Ok(note.parse()?))
    }
}

impl Node {
    /// The same node, for one change: asked for again under this key, it is not
    /// done again and the answer is the same, for as long as keys are kept (a
    /// day). The key is unique in the store.
    ///
    /// # Errors
    /// `bad_request` if it cannot be a key. The change itself then fails as
    /// `key_reused` if the key was used for another request.
    pub fn once(&self, key: &str) -> Result<Node> {
        let plain = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if key.is_empty() || key.len() > KEY_MAX_BYTES || !plain {
            let words = "a request's key has 1 to 200 plain characters";
            return Err(Error::BadRequest(words.to_owned()));
        }
        Ok(Node { request_key: Some(key.into()), ..self.clone() })
    }

    /// The same node, for one part of a change that takes several commits.
    pub(super) fn part(&self, part: u64) -> Node {
        let key = self.request_key.as_ref().map(|key| match part {
            0 => key.clone(),
            part => format!("{key}#{part}").into(),
        });
        Node { request_key: key, ..self.clone() }
    }

    /// A wish for this change with these particulars.
    pub(super) fn wish(&self, change: &str, particulars: &[&str]) -> Wish {
        if self.request_key.is_none() {
            return Wish::none();
        }
        let mut text = change.to_owned();
        for particular in particulars {
            // The length goes first, so that no two wishes give one text.
            text.push_str(&format!(" {}:{particular}", particular.len()));
        }
        Wish { key: self.request_key.clone(), asks: Sum::of_text(&text) }
    }

    /// What came of the wish, if it has been carried out before: looked at
    /// before anything is checked that the change itself has changed.
    pub(super) async fn done(&self, wish: &Wish) -> Result<Option<Done>> {
        let Some(key) = wish.key.clone() else {
            return Ok(None);
        };
        let at = self.env.now();
        let wanted = key.clone();
        let done = self.read(move |journal| Ok(journal.request(&wanted, at)?)).await?;
        match done {
            Some(done) if done.asks != wish.asks => Err(reused(&key)),
            done => Ok(done),
        }
    }

    /// The wish as its commit carries it.
    pub(super) fn keyed(&self, wish: Wish, note: &str) -> Option<Request> {
        let until = self.env.now().after(self.engine.options.request_kept);
        let Wish { key, asks } = wish;
        key.map(|key| Request { key: key.to_string(), asks, note: note.to_owned(), until })
    }

    /// Has something appended or started, durably.
    pub(super) async fn request(&self, mut external: External) -> Result<Carried> {
        if external.is_large() {
            let moving = move |journal: &dyn greenroom_journal::Journal| {
                external.move_large(journal)?;
                Ok(external)
            };
            external = self.read(moving).await?;
        }
        let gone = || Error::Stopped { why: "its threads have ended".to_owned() };
        let asked = external.request.as_ref().map(|request| (request.key.clone(), request.asks));
        match self.engine.request(external).await.map_err(|_| gone())?? {
            Answer::Receipt(receipt) => Ok(Carried { receipt, before: None }),
            Answer::Repeated(done) => match asked {
                Some((key, asks)) if asks != done.asks => Err(reused(&key)),
                _ => Ok(Carried { receipt: done.receipt, before: Some(done.note) }),
            },
        }
    }
}

fn reused(key: &str) -> Error {
    Error::KeyReused { key: key.to_owned() }
}
