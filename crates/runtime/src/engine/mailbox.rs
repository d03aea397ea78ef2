//! The messages a process in memory has not taken, oldest first, in two lanes.
//! Remembers how far each filter has looked, so that a receive that leaves many
//! messages lying does not look at them again. Knows no process.

use greenroom_model::{Content, Filter, Lane, Message, MessageNo, ReplyTo};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// How many filters are remembered; code that receives by more at a time looks
/// again.
const FILTERS_MAX: usize = 64;
/// What a message takes beside its body, about.
const MESSAGE_BYTES: usize = 200;

#[derive(Default)]
pub(crate) struct Mailbox {
    control: VecDeque<Message>,
    /// The ends of supervised children and linked processes: control, which the
    /// code takes.
    exits: VecDeque<Message>,
    /// How many of them are of linked processes.
    signals: usize,
    user: VecDeque<Message>,
    /// All up to this one has come.
    seen: MessageNo,
    bytes: usize,
    /// Those used last come last.
    looked: VecDeque<Looked>,
    /// What filters have asked of bodies, so that none is parsed twice.
    fields: HashMap<MessageNo, Fields>,
    /// How many messages filters were held against, and bodies parsed.
    #[cfg(test)]
    pub work: (usize, usize),
}

type Fields = Vec<(String, Option<Value>)>;

/// This filter takes no message up to this one.
struct Looked {
    filter: Filter,
    upto: MessageNo,
}

impl Mailbox {
    /// Takes in a message, unless it has come before.
    pub fn add(&mut self, message: Message) {
        if message.no > self.seen {
            self.seen = message.no;
            self.bytes += weight(&message);
            self.signals += usize::from(is_signal(&message));
            self.lane(&message).push_back(message);
        }
    }

    /// Puts a control message back that cannot be dealt with yet.
    pub fn put_back(&mut self, message: Message) {
        self.bytes += weight(&message);
        let lane = self.lane(&message);
        let place = lane.partition_point(|other| other.no < message.no);
        lane.insert(place, message);
    }

    fn lane(&mut self, message: &Message) -> &mut VecDeque<Message> {
        match message.content.lane() {
            Lane::Control if message.content.is_exit_for_code() => &mut self.exits,
            Lane::Control => &mut self.control,
            Lane::User => &mut self.user,
        }
    }

    /// The place of the oldest control message that fits.
    pub fn find_control(&self, fits: impl Fn(&Content) -> bool) -> Option<usize> {
        self.control.iter().position(|message| fits(&message.content))
    }

    /// The control message at a place.
    pub fn control(&self, place: usize) -> Option<&Message> {
        self.control.get(place)
    }

    /// Takes the control message at a place.
    pub fn take_control(&mut self, place: usize) -> Option<Message> {
        let message = self.control.remove(place)?;
        self.bytes -= weight(&message);
        Some(message)
    }

    /// Who waits for a reply to what lies in it.
    pub fn calls(&self) -> impl Iterator<Item = &ReplyTo> {
        self.user.iter().filter_map(|message| match &message.content {
            Content::User { reply_to, .. } => reply_to.as_ref(),
            _ => None,
        })
    }

    /// Takes the oldest end of a linked process.
    pub fn take_signal(&mut self) -> Option<Message> {
        if self.signals == 0 {
            return None;
        }
        let place = self.exits.iter().position(is_signal)?;
        let message = self.exits.remove(place)?;
        self.bytes -= weight(&message);
        self.signals -= 1;
        Some(message)
    }

    /// Takes the oldest message for the code that fits.
    pub fn take(&mut self, filter: &Filter) -> Option<Message> {
        if filter.exits {
            let message = self.exits.pop_front()?;
            self.bytes -= weight(&message);
            self.signals -= usize::from(is_signal(&message));
            return Some(message);
        }
        let last = self.user.back()?.no;
        let looked = self.looked.iter().position(|looked| looked.filter == *filter);
        let looked = looked.and_then(|place| self.looked.remove(place));
        let mut looked =
            looked.unwrap_or_else(|| Looked { filter: filter.clone(), upto: MessageNo(0) });
        let begin = self.user.partition_point(|message| message.no <= looked.upto);
        let place = (begin..self.user.len()).find(|place| self.fits(filter, *place));
        looked.upto = place.map_or(last, |place| self.user[place].no);
        self.looked.push_back(looked);
        if self.looked.len() > FILTERS_MAX {
            self.looked.pop_front();
        }
        let message = self.user.remove(place?)?;
        self.bytes -= weight(&message);
        self.fields.remove(&message.no);
        Some(message)
    }

    fn fits(&mut self, filter: &Filter, place: usize) -> bool {
        #[cfg(test)]
        {
            self.work.0 += 1;
        }
        let Some(message) = self.user.get(place) else { return false };
        if !filter.takes_envelope(message) {
            return false;
        }
        let Some((pointer, wanted)) = &filter.field else { return true };
        let fields = self.fields.entry(message.no).or_default();
        if let Some((_, value)) = fields.iter().find(|(known, _)| known == pointer) {
            return value.as_ref() == Some(wanted);
        }
        #[cfg(test)]
        {
            self.work.1 += 1;
        }
        let value = message.field(pointer);
        let fits = value.as_ref() == Some(wanted);
        fields.push((pointer.clone(), value));
        fits
    }

    /// How many messages of others lie in it.
    pub fn messages(&self) -> usize {
        self.user.len()
    }

    /// Drops the oldest messages that may be, down to so many messages.
    pub fn drop_oldest(&mut self, keep: usize, may: impl Fn(&str) -> bool) -> Vec<Message> {
        let (mut over, mut dropped) = (self.user.len().saturating_sub(keep), Vec::new());
        if over == 0 {
            return dropped;
        }
        for message in std::mem::take(&mut self.user) {
            let content = &message.content;
            if over > 0 && matches!(content, Content::User { topic, .. } if may(topic)) {
                self.bytes -= weight(&message);
                self.fields.remove(&message.no);
                dropped.push(message);
                over -= 1;
            } else {
                self.user.push_back(message);
            }
        }
        dropped
    }

    /// Whether there is a message that may be dropped.
    pub fn has_droppable(&self, may: impl Fn(&str) -> bool) -> bool {
        let droppable = |message: &Message| matches!(&message.content, Content::User { topic, .. } if may(topic));
        self.user.iter().any(droppable)
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn is_signal(message: &Message) -> bool {
    matches!(message.content, Content::ExitSignal { .. })
}

fn weight(message: &Message) -> usize {
    MESSAGE_BYTES + message.content.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::{Origin, Payload};

    fn message(no: i64, topic: &str, body: &str) -> Message {
        let body = Payload::parse(body).expect("json");
        let content = Content::User { topic: topic.into(), body, reply_to: None, carried: None };
        Message { no: MessageNo(no), from: Origin::Runtime, content, root: "r".into(), hops: 0 }
    }

    fn topic(topic: &str) -> Filter {
        Filter { topics: vec![topic.into()], ..Filter::default() }
    }

    fn field(value: i64) -> Filter {
        Filter { field: Some(("/id".into(), value.into())), ..Filter::default() }
    }

    #[test]
    fn what_is_left_lying_is_looked_at_once() {
        let mut mailbox = Mailbox::default();
        (1..=10_000).for_each(|no| mailbox.add(message(no, "other", "1")));
        for no in 10_001..=11_000 {
            assert!(mailbox.take(&topic("wanted")).is_none());
            mailbox.add(message(no, "wanted", "1"));
            assert_eq!(mailbox.take(&topic("wanted")).expect("fits").no, MessageNo(no));
        }
        assert_eq!(mailbox.work.0, 11_000);
        let all = Filter::default();
        let order: Vec<i64> =
            std::iter::from_fn(|| mailbox.take(&all)).map(|message| message.no.0).collect();
        assert_eq!(order, (1..=10_000).collect::<Vec<i64>>(), "and nothing is lost");
        assert_eq!((mailbox.bytes(), mailbox.fields.len()), (0, 0));
    }

    #[test]
    fn no_body_is_parsed_twice() {
        let mut mailbox = Mailbox::default();
        (1..=500).for_each(|no| mailbox.add(message(no, "t", &format!("{{\"id\":{no}}}"))));
        for id in (1..=500).rev() {
            assert_eq!(mailbox.take(&field(id)).expect("fits").no, MessageNo(id));
        }
        assert_eq!(mailbox.work.1, 500);
        assert!(mailbox.fields.is_empty() && mailbox.looked.len() <= FILTERS_MAX);
    }

    #[test]
    fn what_one_filter_leaves_another_finds() {
        let mut mailbox = Mailbox::default();
        mailbox.add(message(1, "a", "1"));
        mailbox.add(message(2, "b", "1"));
        assert!(mailbox.take(&topic("c")).is_none());
        assert_eq!(mailbox.take(&topic("b")).expect("fits").no, MessageNo(2));
        assert_eq!(mailbox.take(&topic("a")).expect("fits").no, MessageNo(1));
        mailbox.add(message(3, "c", "1"));
        assert_eq!(mailbox.take(&topic("c")).expect("fits").no, MessageNo(3));
    }

    #[test]
    fn control_keeps_its_order_when_put_back() {
        let mut mailbox = Mailbox::default();
        for no in 1..=3 {
            mailbox.add(Message { content: Content::Pause, ..message(no, "", "1") });
        }
        let second = mailbox.take_control(1).expect("is there");
        mailbox.put_back(second);
        let order: Vec<i64> =
            std::iter::from_fn(|| mailbox.take_control(0)).map(|message| message.no.0).collect();
        assert_eq!(order, [1, 2, 3]);
    }
}
