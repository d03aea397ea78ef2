//! Publish and subscribe: messages to all who want them.

use super::core::{Shared, lock};
use super::handle::Ctx;
use super::operation::{Operation, payload, read_value};
use super::receive::Recv;
use greenroom_journal::Published;
use greenroom_model::{
    Audience, Event, Failure, Payload, Place, ProcessId, ProcessNo, failure, pattern,
};
use serde::Serialize;
use std::future::Future;

impl Ctx {
    /// From now on what is published under a topic of this pattern comes as an
    /// ordinary message with its topic. Between dots `*` stands for any one
    /// segment, and `>` at the end for one or more (as in NATS). It lasts until
    /// [`unsubscribe`](Ctx::unsubscribe) or the process's final end.
    ///
    /// # Errors
    /// `bad_name` if it cannot be a pattern.
    pub fn subscribe(&self, pattern: &str) -> Result<(), Failure> {
        self.join(Place::Topic(pattern.to_owned()))?;
        lock(self.core("a subscription")?).subscribed.insert(pattern.to_owned());
        Ok(())
    }

    /// No longer hears what is published under this pattern.
    pub fn unsubscribe(&self, pattern: &str) {
        if let Ok(core) = self.core("a subscription") {
            lock(core).subscribed.remove(pattern);
        }
        self.leave(Place::Topic(pattern.to_owned()));
    }

    /// Takes the next message of this pattern; subscribes to it when it is first
    /// called.
    pub fn on_event(&self, pattern: &str) -> Recv {
        let core = self.core("a subscription");
        let known = core.is_ok_and(|core| lock(core).subscribed.contains(pattern));
        let problem = if known { None } else { self.subscribe(pattern).err() };
        self.recv().topic(pattern).unless(problem)
    }

    /// Appends a message to the mailbox of each process that has subscribed to
    /// this topic, once to each, with this turn's commit; says how many they
    /// were. Those beyond the first 1,000 are told by further commits of the
    /// same operation, as long as the process lives.
    ///
    /// # Errors
    /// `bad_name` if it cannot be a topic.
    pub fn publish<T: Serialize + ?Sized>(
        &self,
        topic: &str,
        body: &T,
    ) -> impl Future<Output = Result<u64, Failure>> + use<T> {
        let problem = pattern::check_topic(topic).err();
        let problem = problem.map(|why| Failure::fatal(failure::BAD_NAME, why));
        self.publish_to(Audience::Subscribers, topic, payload(body), problem)
    }

    /// The same to each process in a group.
    pub fn publish_to_group<T: Serialize + ?Sized>(
        &self,
        group: &str,
        topic: &str,
        body: &T,
    ) -> impl Future<Output = Result<u64, Failure>> + use<T> {
        self.publish_to(Audience::Group(group.to_owned()), topic, payload(body), None)
    }

    /// Sends a message to one process of a group, drawn at random, and says
    /// which.
    ///
    /// # Errors
    /// `no_process` if nobody is in it.
    pub fn send_to_one<T: Serialize + ?Sized>(
        &self,
        group: &str,
        topic: &str,
        body: &T,
    ) -> impl Future<Output = Result<ProcessId, Failure>> + use<T> {
        let (ctx, members) = (self.clone(), self.members(group));
        let nobody = format!("no process is in the group {group}");
        let (topic, body) = (topic.to_owned(), payload(body));
        async move {
            let members = members.await?;
            let drawn = (ctx.random() * members.len() as f64) as usize;
            let nobody = || Failure::fatal(failure::NO_PROCESS, nobody);
            let to = members.get(drawn).ok_or_else(nobody)?;
            ctx.send(to, &topic, &body?).await?;
            Ok(to.clone())
        }
    }

    fn publish_to(
        &self,
        to: Audience,
        topic: &str,
        body: Result<Payload, Failure>,
        problem: Option<Failure>,
    ) -> impl Future<Output = Result<u64, Failure>> + use<> {
        let core = self.core("`publish`").cloned();
        let topic = topic.to_owned();
        async move {
            let core = core?;
            if let Some(problem) = problem {
                return Err(problem);
            }
            let (body, mut told, mut after) = (body?, 0, None);
            loop {
                let published = some(&core, &to, &topic, &body, (after, told)).await?;
                told += published.told;
                after = published.after;
                if after.is_none() {
                    return Ok(told);
                }
            }
        }
    }
}

/// One commit's part of a publish.
fn some(
    core: &Shared,
    to: &Audience,
    topic: &str,
    body: &Payload,
    (after, told): (Option<ProcessNo>, u64),
) -> Operation<Published> {
    let (to, topic, body) = (to.clone(), topic.to_owned(), body.clone());
    Operation::new(
        core,
        move |core| {
            let op = core.number();
            let at_most = u32::try_from(told).ok();
            let publish = Event::Published { op, to, topic, body, after, at_most };
            match core.full_of_the_last(op) {
                Some(to) => core.publish_later(op, to, publish),
                None => core.do_paid(op, vec![publish])?,
            }
            Ok(op)
        },
        read_value,
    )
}
