//! Names, groups and topics: who is found where, and messages by way of them.

use crate::extract::{Asked, Body, Change};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{
    GroupRequest, MessageRequest, MessageTaken, Place as Shown, Places, PlacesQuery, Published,
    TopicRequest,
};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use greenroom_model::Place;
use greenroom_runtime::{Node, PublishRequest, SendRequest};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

async fn places(
    node: Node,
    sort: fn(String) -> Place,
    query: PlacesQuery,
) -> Result<Json<Places>, Refusal> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let rows = node.places(sort(query.name.unwrap_or_default()), limit).await?;
    let shown = |row: greenroom_runtime::journal::PlaceRow| Shown {
        name: row.place.text().to_owned(),
        process: row.process,
    };
    Ok(Json(Places { places: rows.into_iter().map(shown).collect() }))
}

/// Names, and who has them.
pub async fn names(
    State(node): State<Node>,
    Asked(query): Asked<PlacesQuery>,
) -> Result<Json<Places>, Refusal> {
    places(node, Place::Name, query).await
}

/// Groups, and who is in them.
pub async fn groups(
    State(node): State<Node>,
    Asked(query): Asked<PlacesQuery>,
) -> Result<Json<Places>, Refusal> {
    places(node, Place::Group, query).await
}

/// Patterns, and who has subscribed to them.
pub async fn subscriptions(
    State(node): State<Node>,
    Asked(query): Asked<PlacesQuery>,
) -> Result<Json<Places>, Refusal> {
    places(node, Place::Topic, query).await
}

/// 202: it is in the mailbox of who has the name, and durable.
pub async fn send(
    Change(node): Change,
    Path(name): Path<String>,
    By(by): By,
    Body(request): Body<MessageRequest>,
) -> Result<(StatusCode, Json<MessageTaken>), Refusal> {
    let to = node.named(&name).await?;
    let body = request.body.payload()?;
    let sent = node.send(&to, SendRequest { topic: request.topic, body, by }).await?;
    Ok((StatusCode::ACCEPTED, Json(MessageTaken { repeated: sent.repeated })))
}

/// 202: it is in the mailboxes of all who have subscribed, and durable.
pub async fn publish(
    Change(node): Change,
    Path(topic): Path<String>,
    By(by): By,
    Body(request): Body<TopicRequest>,
) -> Result<(StatusCode, Json<Published>), Refusal> {
    let body = request.body.payload()?;
    let told = node.publish(PublishRequest { topic, group: None, body, by }).await?;
    Ok((StatusCode::ACCEPTED, Json(Published { told })))
}

/// 202: it is in the mailboxes of all who are in the group, and durable.
pub async fn publish_to_group(
    Change(node): Change,
    Path(group): Path<String>,
    By(by): By,
    Body(request): Body<GroupRequest>,
) -> Result<(StatusCode, Json<Published>), Refusal> {
    let (topic, body) = (request.topic, request.body.payload()?);
    let told = node.publish(PublishRequest { topic, group: Some(group), body, by }).await?;
    Ok((StatusCode::ACCEPTED, Json(Published { told })))
}
