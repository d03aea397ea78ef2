//! One loop: takes the next process, polls it, puts it back.

use super::address::Address;
use super::cell::{Body, Cell, MAILBOX_MAX, OPERATIONS_MAX, State};
use super::here::{self, Here, Running, with_here};
use super::mail::{Control, Envelope};
use super::pool::Pool;
use super::waker::{Rope, wake};
use crate::failed::panicked;
use greenroom_model::{Exit, Failure, Payload, failure};
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

/// How often in a row the process that was sent to last goes first.
const NEXT_MAX: u32 = 32;
/// Every so many polls, what comes from outside goes first.
const OUTSIDE_EVERY: u32 = 61;
/// A mailbox that has grown larger than this is made small again when empty.
const MAILBOX_KEPT: usize = 64;

pub(crate) struct Loop {
    pool: Arc<Pool>,
    queue: usize,
    /// While it is not on a thread.
    here: Option<Here>,
    rope: Rope,
    in_a_row: u32,
    polls: u32,
}

/// What a cell gives to the loop that polls it.
struct Taken {
    body: Body,
    mail: VecDeque<Envelope>,
    control: Vec<Control>,
    no_room: Vec<Address>,
}

impl Loop {
    pub fn new(pool: Arc<Pool>, queue: usize) -> Loop {
        let here =
            Here { pool: pool.clone(), queue, next: None, places: Vec::new(), running: None };
        let rope = Rope::new(&pool);
        Loop { pool, queue, here: Some(here), rope, in_a_row: 0, polls: 0 }
    }

    /// Polls processes, at most `max` times; `false`: there is nothing to do.
    pub fn run(&mut self, max: usize) -> bool {
        let before = here::replace(self.here.take());
        let mut more = true;
        for _ in 0..max {
            let Some(address) = self.next() else {
                more = false;
                break;
            };
            self.poll(address);
        }
        self.here = here::replace(before);
        more
    }

    fn next(&mut self) -> Option<Address> {
        let turns = &self.pool.turns;
        self.polls = self.polls.wrapping_add(1);
        if self.polls.is_multiple_of(OUTSIDE_EVERY)
            && let Some(address) = turns.pop(turns.outside())
        {
            return Some(address);
        }
        if self.in_a_row < NEXT_MAX
            && let Some(address) = with_here(|here| here.next.take()).flatten()
        {
            self.in_a_row += 1;
            return Some(address);
        }
        self.in_a_row = 0;
        turns
            .pop(self.queue)
            .or_else(|| with_here(|here| here.next.take()).flatten())
            .or_else(|| turns.steal(self.queue))
    }

    fn poll(&mut self, address: Address) {
        let Some(Taken { body, mail, control, no_room }) = self.take(address) else {
            return;
        };
        no_room.iter().for_each(|sender| wake(&self.pool, *sender));
        let Body { mut work, code, root, parent, mut desk } = body;
        let wakers = match (&mut desk, control.is_empty()) {
            (None, true) => Vec::new(),
            (desk, _) => desk.get_or_insert_default().take_in(control),
        };
        let waker = self.rope.tie(&self.pool, address);
        let bell = waker.data().addr();
        with_here(|here| {
            let operations_left = OPERATIONS_MAX;
            here.running = Some(Running {
                address,
                code,
                root,
                parent,
                desk,
                mail,
                operations_left,
                again: false,
                bell,
            });
        });
        if !wakers.is_empty() {
            wakers.into_iter().for_each(std::task::Waker::wake);
            // They have woken the process, which is about to be polled anyway.
            with_here(|here| here.running.as_mut().map(|running| running.again = false));
        }
        let mut context = Context::from_waker(waker);
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut context)));
        let Some(Running { code, root, parent, desk, mail, again, .. }) =
            with_here(|here| here.running.take()).flatten()
        else {
            return;
        };
        let exit = exit_of(polled, desk.as_ref().and_then(|desk| desk.cancelled.as_ref()));
        self.put_back(address, Body { work, code, root, parent, desk }, mail, again, exit);
    }

    fn take(&self, address: Address) -> Option<Taken> {
        let mut cell = self.pool.at_work(address)?;
        if cell.state != State::Queued {
            return None;
        }
        let body = cell.body.take()?;
        cell.state = State::Running;
        let mail = std::mem::take(&mut cell.mail);
        let fresh = std::mem::take(&mut cell.fresh);
        cell.full = mail.len() >= MAILBOX_MAX;
        let room = if cell.full { 0 } else { MAILBOX_MAX };
        let (control, no_room) = match &mut cell.more {
            None => Default::default(),
            Some(more) => {
                let control = if fresh { Vec::new() } else { std::mem::take(&mut more.control) };
                (control, more.let_go(room))
            }
        };
        Some(Taken { body, mail, control, no_room })
    }

    fn put_back(
        &self,
        address: Address,
        body: Body,
        mail: VecDeque<Envelope>,
        again: bool,
        exit: Option<Exit>,
    ) {
        let Some(mut cell) = self.pool.table.cell(address.place()) else {
            return;
        };
        put_back_mail(&mut cell, mail);
        cell.full = false;
        let kill = cell.more.as_mut().and_then(|more| more.kill.take());
        if let Some(exit) = exit.or(kill.map(Exit::Killed)) {
            drop(cell);
            return self.pool.end(address, body, exit);
        }
        cell.body = Some(body);
        let room = MAILBOX_MAX.saturating_sub(cell.mail.len());
        let (mut more_to_do, mut let_go) = (false, Vec::new());
        if let Some(more) = &mut cell.more {
            // Those who were let go before may not have sent anything.
            if room > MAILBOX_MAX / 2 {
                let_go = more.let_go(room);
                more_to_do = !more.no_room.is_empty();
            }
            more_to_do |= !more.control.is_empty();
        }
        let queued = again || more_to_do || cell.state == State::Again;
        cell.state = if queued { State::Queued } else { State::Idle };
        drop(cell);
        if queued {
            self.pool.turns.push(self.queue, address);
        }
        let_go.iter().for_each(|sender| wake(&self.pool, *sender));
    }
}

/// What was not taken goes before what has come since.
fn put_back_mail(cell: &mut Cell, mut mail: VecDeque<Envelope>) {
    if mail.is_empty() && (!cell.mail.is_empty() || mail.capacity() > MAILBOX_KEPT) {
        return;
    }
    if !cell.mail.is_empty() {
        mail.append(&mut cell.mail);
    }
    cell.mail = mail;
}

fn exit_of(
    polled: Result<Poll<Result<Payload, Failure>>, Box<dyn Any + Send>>,
    cancelled: Option<&String>,
) -> Option<Exit> {
    match polled {
        Ok(Poll::Pending) => None,
        Ok(Poll::Ready(Ok(result))) => Some(Exit::Normal(result)),
        Ok(Poll::Ready(Err(failure))) => Some(match cancelled {
            Some(reason) if failure.is(failure::CANCELLED) => Exit::Cancelled(reason.clone()),
            _ => Exit::Error(failure),
        }),
        Err(panic) => Some(Exit::Error(panicked(&*panic))),
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // The first loop to end takes all processes along; who waits for one of
        // them from outside learns that it is gone.
        for place in self.pool.table.places() {
            let cell = self.pool.table.cell(place);
            let held = cell.map(|mut cell| (cell.body.take(), cell.more.take()));
            let _ = catch_unwind(AssertUnwindSafe(|| drop(held)));
        }
    }
}
