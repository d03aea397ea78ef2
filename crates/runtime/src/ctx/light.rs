//! What a `Ctx` does at once for an ephemeral process. Used elsewhere than in
//! that process's own code, these do nothing or say so.

use super::chance::Chance;
use super::pay::used_up;
use crate::ephemeral::{
    Address, Control, Envelope, Held, NewProcess, Restarts, Sent, is_full, not_here, pool_of,
    with_running, with_sending,
};
use greenroom_model::{
    Content, Failure, InHand, Kind, Millis, Origin, Payload, ProcessId, ReplyTo,
};
use std::time::Duration;

/// The kind of a process that is asked for it from elsewhere.
fn nowhere() -> Kind {
    Kind { name: "ephemeral".into(), version: 0 }
}

pub(super) fn id(address: Address) -> ProcessId {
    with_running(address, |running, _| running.id()).unwrap_or_else(|| address.id(&nowhere()))
}

pub(super) fn parent(address: Address) -> Option<ProcessId> {
    with_running(address, |running, _| match (&running.parent, &running.root.origin) {
        (Some(parent), _) | (None, Origin::Process(parent)) => Some(parent.clone()),
        _ => None,
    })?
}

/// Its durable ancestor's, whose name it sends in.
pub(super) fn envelope(address: Address) -> InHand {
    let envelope = with_running(address, |running, _| running.root.envelope.clone());
    let none =
        || InHand { root: String::new(), hops: 0, cause: None, deadline: None, account: None };
    envelope.unwrap_or_else(none)
}

pub(super) fn kind(address: Address) -> Kind {
    with_running(address, |running, _| running.code.kind.clone()).unwrap_or_else(nowhere)
}

pub(super) fn now(address: Address) -> Millis {
    with_running(address, |_, pool| pool.env.now()).unwrap_or(Millis(0))
}

pub(super) fn chance<R>(address: Address, draw: impl FnOnce(&mut Chance) -> R) -> R {
    let drawn = with_running(address, |running, pool| {
        let chance = &mut running.desk().chance;
        chance.get_or_insert_with(|| Chance::new(pool.env.seed())).clone()
    });
    let mut chance = drawn.unwrap_or_else(|| Chance::new(0));
    let drawn = draw(&mut chance);
    with_running(address, |running, _| running.desk().chance = Some(chance));
    drawn
}

pub(super) fn send(
    address: Address,
    to: &ProcessId,
    topic: &str,
    body: Payload,
) -> Result<(), Failure> {
    let Some(target) = Address::of(to) else {
        let content =
            Content::User { topic: topic.to_owned(), body, reply_to: None, carried: None };
        return post(address, to, content);
    };
    let sent = with_sending(address, |running, pool| {
        let envelope = Envelope { from: running.id(), topic: topic.into(), body, call: None };
        match pool.send(target, envelope, None) {
            Sent::Yes { queued } => (Ok(()), queued.then_some(target)),
            // As for any process: a message to nobody is nobody's failure.
            Sent::Nobody => (Ok(()), None),
            Sent::Full(_) => (Err(is_full()), None),
        }
    });
    sent.unwrap_or_else(|| Err(not_here()))
}

/// To a durable process, in the name of the durable ancestor.
fn post(address: Address, to: &ProcessId, content: Content) -> Result<(), Failure> {
    let (root, pool) = with_running(address, |running, pool| (running.root.clone(), pool.clone()))
        .ok_or_else(not_here)?;
    let posted = root.post(&pool.post, &*pool.env, to.clone(), content);
    posted.map_err(|account| used_up(&account))
}

pub(super) fn answer(address: Address, to: &ReplyTo, result: Result<Payload, Failure>) {
    let Ok(pool) = pool_of(address) else { return };
    with_running(address, |running, _| running.desk().owed.retain(|owed| owed != to));
    pool.reply(to, result);
}

pub(super) fn cancel(address: Address, target: &ProcessId, reason: &str) {
    let Some(target_address) = Address::of(target) else {
        let content = Content::cancel(reason);
        // A process that is not being polled has nobody to tell.
        let _ = post(address, target, content);
        return;
    };
    if let Ok(pool) = pool_of(address) {
        // Who has ended need not be cancelled.
        drop(pool.control(target_address, Control::Cancel { reason: reason.to_owned() }));
    }
}

pub(super) fn cancelled(address: Address) -> Option<String> {
    with_running(address, |running, _| running.desk.as_ref()?.cancelled.clone())?
}

pub(super) fn set(address: Address, key: &str, value: Payload) -> Result<(), Failure> {
    with_running(address, |running, _| running.desk().state.insert(key.to_owned(), value))
        .map(drop)
        .ok_or_else(not_here)
}

pub(super) fn get(address: Address, key: &str) -> Option<Payload> {
    with_running(address, |running, _| running.desk.as_ref()?.state.get(key).cloned())?
}

pub(super) fn emit(address: Address, value: Payload) -> Result<(), Failure> {
    let root = with_running(address, |running, _| running.root.clone()).ok_or_else(not_here)?;
    if let Some(emit) = &root.emit {
        emit(value);
    }
    Ok(())
}

/// Starts a child, which ends with this process at the latest.
pub(super) fn spawn(
    address: Address,
    kind: &str,
    input: Payload,
    restarts: Option<(u32, Duration)>,
) -> Result<Held, Failure> {
    let (pool, parent, root) =
        with_running(address, |running, pool| (pool.clone(), running.id(), running.root.clone()))
            .ok_or_else(not_here)?;
    let Some(code) = pool.code(kind).cloned() else {
        let words = format!("no kind `{kind}` is registered");
        return Err(Failure::fatal("unknown_kind", words));
    };
    let new = NewProcess {
        code: code.clone(),
        input,
        root,
        parent: Some(parent),
        restarts: restarts.map(|(max, period)| Restarts { max, period }),
        handles: 1,
        watcher: None,
    };
    let child = pool.spawn(new)?;
    with_running(address, |running, pool| {
        running.desk().add_child(child, |child| pool.at_work(child).is_some());
    });
    Ok(Held::new(pool, child, code))
}
