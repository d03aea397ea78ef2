//! What a commit does with names, groups and topics. Such a commit is carried
//! out by itself, after all else of it is written: it sees the tables as they
//! are.

use super::dialect::Tx;
use super::header::Meta;
use super::mailbox::{self, NewMail};
use super::place;
use super::process::read_id;
use super::value::Value;
use crate::hub::{self, HubWork, LOOKUP_MAX, PUBLISH_MAX, Publish};
use crate::{Commit, Delivered, Error, Receipt, Turn};
use greenroom_model::{
    Content, Lookup, Message, MessageNo, Origin, Place, ProcessId, ProcessNo, Status,
};

/// Does it all, in order.
pub(super) fn work(
    tx: &mut dyn Tx,
    meta: &mut Meta,
    commit: &Commit,
    receipt: &mut Receipt,
) -> Result<(), Error> {
    let mut desk = Desk { meta, commit, receipt, mail: Vec::new(), heard: None };
    for work in &commit.hub {
        desk.work(tx, work)?;
    }
    mailbox::insert(tx, &desk.mail)
}

struct Desk<'a> {
    meta: &'a mut Meta,
    commit: &'a Commit,
    receipt: &'a mut Receipt,
    mail: Vec<NewMail>,
    /// What answers carry: read once.
    heard: Option<(String, u32)>,
}

impl<'a> Desk<'a> {
    /// The turn of a process that has not ended: who has ended is nowhere and
    /// hears nothing.
    fn turn(&self) -> Option<&'a Turn> {
        self.commit.turn.as_ref().filter(|turn| !turn.status.is_ended())
    }

    fn work(&mut self, tx: &mut dyn Tx, work: &HubWork) -> Result<(), Error> {
        if let HubWork::Publish(publish) = work {
            return self.publish(tx, publish);
        }
        let Some(turn) = self.turn() else { return Ok(()) };
        match work {
            HubWork::Join { place, op } => {
                let key = place.key();
                let holder = match place {
                    Place::Name(_) => place::at(tx, &key, 1)?.into_iter().next(),
                    _ => None,
                };
                let answer = match holder.filter(|holder| *holder != turn.id) {
                    Some(by) => op.map(|op| hub::taken(op, place, &by)),
                    None => {
                        place::insert(tx, &key, turn.process)?;
                        op.map(|op| hub::answer(op, &true))
                    }
                };
                answer.map_or(Ok(()), |answer| self.tell(tx, turn, answer))
            }
            HubWork::Leave { place } => place::delete(tx, &place.key(), turn.process),
            HubWork::LeaveAll => place::clear(tx, &[turn.process]),
            HubWork::Lookup { op, lookup } => {
                let answer = match lookup {
                    Lookup::Name(name) => {
                        let key = Place::Name(name.clone()).key();
                        hub::answer(*op, &place::at(tx, &key, 1)?.first())
                    }
                    Lookup::Group(group) => {
                        let key = Place::Group(group.clone()).key();
                        hub::answer(*op, &place::at(tx, &key, LOOKUP_MAX)?)
                    }
                    Lookup::Children => hub::answer(*op, &children(tx, &turn.id)?),
                };
                self.tell(tx, turn, answer)
            }
            HubWork::Publish(_) => Ok(()),
        }
    }

    fn publish(&mut self, tx: &mut dyn Tx, publish: &Publish) -> Result<(), Error> {
        let mut reached = place::reached(tx, &publish.keys(), publish.after, PUBLISH_MAX + 1)?;
        let published = publish.cut(&mut reached);
        for to in reached {
            let content = publish.content.clone();
            self.append(to, publish.from.clone(), content, &publish.root, publish.hops);
        }
        self.receipt.published.push(published);
        match (publish.op, self.turn()) {
            (Some(op), Some(turn)) => self.tell(tx, turn, hub::answer(op, &published)),
            _ => Ok(()),
        }
    }

    fn tell(&mut self, tx: &mut dyn Tx, turn: &Turn, content: Content) -> Result<(), Error> {
        let (root, hops) = match &self.heard {
            Some(heard) => heard.clone(),
            None => {
                let kept = super::process::by_no(tx, turn.process)?;
                let heard = kept.map(|kept| (kept.row.root, kept.row.hops)).unwrap_or_default();
                self.heard.insert(heard).clone()
            }
        };
        self.append(turn.process, Origin::Runtime, content, &root, hops);
        Ok(())
    }

    fn append(&mut self, to: ProcessNo, from: Origin, content: Content, root: &str, hops: u32) {
        let no = MessageNo(self.meta.next_message());
        let message = Message { no, from, content, root: root.to_owned(), hops };
        self.receipt.delivered.push(Delivered { to, message: message.clone() });
        self.mail.push(NewMail { to, message, at: self.commit.at });
    }
}

/// The first of its children that have not ended.
fn children(tx: &mut dyn Tx, id: &ProcessId) -> Result<Vec<ProcessId>, Error> {
    let sql = format!(
        "select id from process where parent = $1 and status < {} order by no limit $2",
        Status::ENDED_MIN
    );
    let limit = Value::Int(super::list::limit(LOOKUP_MAX));
    let rows = tx.query(&sql, &[Value::Text(id.as_str()), limit])?;
    rows.into_iter().map(|mut row| read_id(&row.text()?)).collect()
}
