//! Schedules: make one, look at them, tell one what to do.

use crate::extract::{Asked, Body, Change};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{
    Changed, ScheduleQuery, ScheduleRequest, ScheduleRun, Scheduled, Schedules, Started,
};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use greenroom_model::ProcessId;
use greenroom_runtime::{Error, Node};

const UPCOMING_DEFAULT: usize = 5;
const UPCOMING_MAX: usize = 1_000;

/// 201 if this request made it, 200 if it was there (and was replaced, if that
/// was asked for).
pub async fn add(
    Change(node): Change,
    By(by): By,
    Body(request): Body<ScheduleRequest>,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    let ScheduleRequest { name, spec, replace } = request;
    let started = node.schedule(&name, spec, replace, &by).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Started { id: started.id, created: started.created })))
}

/// All of them, with their next times.
pub async fn list(State(node): State<Node>) -> Result<Json<Schedules>, Refusal> {
    let found = node.schedules().await?;
    Ok(Json(Schedules { schedules: found.into_iter().map(Scheduled::from).collect() }))
}

/// One of them, with its next few times.
pub async fn get(
    State(node): State<Node>,
    Path(name): Path<String>,
    Asked(query): Asked<ScheduleQuery>,
) -> Result<Json<Scheduled>, Refusal> {
    let next = query.next.unwrap_or(UPCOMING_DEFAULT).min(UPCOMING_MAX);
    Ok(Json(node.scheduled(&name, next).await?.into()))
}

/// 202: it has been told to start now.
pub async fn run(
    Change(node): Change,
    Path(name): Path<String>,
    By(by): By,
    Body(request): Body<ScheduleRun>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.run_schedule_now(&name, request.input.payload()?, &by).await?;
    told(&name)
}

/// 202: it has been triggered.
pub async fn trigger(
    Change(node): Change,
    Path(name): Path<String>,
    By(by): By,
    Body(request): Body<ScheduleRun>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.trigger_schedule(&name, request.input.payload()?, &by).await?;
    told(&name)
}

/// 202: it has been told to start nothing any more.
pub async fn delete(
    Change(node): Change,
    Path(name): Path<String>,
    By(by): By,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.delete_schedule(&name, &by).await?;
    told(&name)
}

fn told(name: &str) -> Result<(StatusCode, Json<Changed>), Refusal> {
    let id = ProcessId::new("schedule", name).map_err(Error::Model)?;
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}
