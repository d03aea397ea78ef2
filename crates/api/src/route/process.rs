//! Processes: start one, get one, list them.

use crate::extract::{Asked, Body, Change, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{ListQuery, Process, Processes, StartRequest, Started};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use greenroom_model::{ProcessId, ProcessNo, Status};
use greenroom_runtime::journal::{Listing, ProcessRow};
use greenroom_runtime::{self as runtime, BlockedBy, Node};
use std::collections::HashMap;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// 201 if this request started it, 200 if it was there.
pub async fn start(
    Change(node): Change,
    By(by): By,
    Body(request): Body<StartRequest>,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    let StartRequest { kind, key, input, budget } = request;
    let input = input.payload()?;
    let request = runtime::StartRequest { kind, key, input, budget, by };
    let started = node.start_process(request).await?;
    let status = if started.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Started { id: started.id, created: started.created })))
}

/// One process.
pub async fn get(State(node): State<Node>, Target(id): Target) -> Result<Json<Process>, Refusal> {
    let row = node.examined(&id).await?;
    let queue = queues(&node, std::slice::from_ref(&row)).remove(&row.no);
    let blocked_by = blocks(&node, std::slice::from_ref(&row)).remove(&row.no);
    Ok(Json(Process { queue, blocked_by, ..Process::from(row) }))
}

/// The process that spawned it, the one that spawned that, and so on.
pub async fn ancestors(
    State(node): State<Node>,
    Target(id): Target,
) -> Result<Json<Processes>, Refusal> {
    let rows = node.ancestors(&id).await?;
    Ok(Json(Processes { processes: rows.into_iter().map(Process::from).collect() }))
}

/// Some processes.
pub async fn list(
    State(node): State<Node>,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Processes>, Refusal> {
    let rows = node.list(listing(query)?).await?;
    let (mut queues, mut blocks) = (queues(&node, &rows), blocks(&node, &rows));
    let shown = |row: ProcessRow| {
        let (queue, blocked_by) = (queues.remove(&row.no), blocks.remove(&row.no));
        Process { queue, blocked_by, ..Process::from(row) }
    };
    Ok(Json(Processes { processes: rows.into_iter().map(shown).collect() }))
}

/// The queues in which they wait.
fn queues(node: &Node, rows: &[ProcessRow]) -> HashMap<ProcessNo, String> {
    let running = rows.iter().filter(|row| row.status == Status::Running).map(|row| row.no);
    let queued = node.queued(&running.collect()).into_iter();
    queued.map(|(no, queue)| (no, queue.to_string())).collect()
}

/// What they wait for that others have.
fn blocks(node: &Node, rows: &[ProcessRow]) -> HashMap<ProcessNo, BlockedBy> {
    let blocked = rows.iter().filter(|row| row.status == Status::Blocked).map(|row| row.no);
    node.blocked_by(&blocked.collect())
}

fn listing(query: ListQuery) -> Result<Listing, Refusal> {
    Ok(Listing {
        statuses: query.status.as_deref().map(statuses).transpose()?.unwrap_or_default(),
        kind: query.kind,
        parent: query.parent.as_deref().map(ProcessId::parse).transpose()?,
        root: query.root,
        after: query.after.map(ProcessNo),
        newest_first: query.newest,
        limit: query.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX),
    })
}

fn statuses(words: &str) -> Result<Vec<Status>, Refusal> {
    words.split(',').filter(|word| !word.is_empty()).map(status).collect()
}

fn status(word: &str) -> Result<Status, Refusal> {
    Status::ALL.into_iter().find(|status| status.word() == word).ok_or_else(|| {
        let known: Vec<_> = Status::ALL.iter().map(|status| status.word()).collect();
        Refusal::bad_request(format!("no status `{word}`; there are: {}", known.join(", ")))
    })
}
