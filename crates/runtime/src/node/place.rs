//! Names, groups and topics, from outside.

use super::handle::Node;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{HubWork, PlaceRow, Places, Publish};
use greenroom_model::{
    Audience, Content, Origin, Payload, Place, ProcessId, ProcessNo, pattern as topics,
};

/// A message to all who want it.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// Its topic.
    pub topic: String,
    /// To a group, rather than to those who have subscribed to the topic.
    pub group: Option<String>,
    /// What it says.
    pub body: Payload,
    /// Who says it.
    pub by: String,
}

impl Node {
    /// Who is found where: all names, groups or subscriptions, or with a text
    /// only that one.
    pub async fn places(&self, like: Place, limit: usize) -> Result<Vec<PlaceRow>> {
        self.read(move |journal| Ok(journal.places(&Places { like, limit })?)).await
    }

    /// The process that has this name.
    ///
    /// # Errors
    /// `no_name`.
    pub async fn named(&self, name: &str) -> Result<ProcessId> {
        let found = self.places(Place::Name(name.to_owned()), 1).await?;
        let found = found.into_iter().next().filter(|_| !name.is_empty());
        found.map(|row| row.process).ok_or_else(|| Error::NoName { name: name.to_owned() })
    }

    /// Appends a message to the mailbox of each process that wants it, and says
    /// how many they are. Durable when it returns. To more than 1,000 it goes in
    /// several commits; asked again under the same key, it goes on with the rest.
    ///
    /// # Errors
    /// `bad_request` if the topic or group cannot be one.
    pub async fn publish(&self, request: PublishRequest) -> Result<u64> {
        let PublishRequest { topic, group, body, by } = request;
        match &group {
            None => topics::check_topic(&topic).map_err(Error::BadRequest)?,
            Some(group) => Place::Group(group.clone()).check().map_err(Error::BadRequest)?,
        }
        let particulars =
            [topic.as_str(), group.as_deref().unwrap_or(""), body.text().unwrap_or("")];
        let to = group.clone().map_or(Audience::Subscribers, Audience::Group);
        let (mut told, mut after) = (0, ProcessNo::default());
        for part in 0_u64.. {
            let node = self.part(part);
            let wish = node.wish("publish", &particulars);
            let publish = Publish {
                at_most: None,
                op: None,
                to: to.clone(),
                topic: topic.clone(),
                from: Origin::External(by.clone()),
                content: Content::User {
                    topic: topic.clone(),
                    body: body.clone(),
                    reply_to: None,
                    carried: None,
                },
                root: format!("topic:{topic}"),
                hops: 0,
                after,
            };
            let receipt = match node.done(&wish).await? {
                Some(done) => done.receipt,
                None => {
                    let (hub, request) = (vec![HubWork::Publish(publish)], node.keyed(wish, ""));
                    node.request(External { hub, request, ..External::default() }).await?.receipt
                }
            };
            let published = receipt.published.first().copied().unwrap_or_default();
            told += published.told;
            match published.after {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(told)
    }
}
