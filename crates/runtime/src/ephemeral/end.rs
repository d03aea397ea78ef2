//! The end of an ephemeral process: who hears of it, and who ends with it.

use super::address::Address;
use super::cell::{Body, Cell, More, State, Watcher};
use super::desk::Desk;
use super::here::{schedule, with_here};
use super::mail::{Control, Envelope};
use super::pool::Pool;
use super::send::no_reply;
use super::spawn::begin;
use super::waker::wake;
use greenroom_model::{Exit, ReplyTo};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Why children end when their parent does.
const PARENT_ENDED: &str = "its parent has ended";

impl Pool {
    /// Ends a process whose body the caller has taken out of its cell, or
    /// begins it again, and ends its children.
    pub fn end(self: &Arc<Self>, address: Address, body: Body, exit: Exit) {
        let mut ending = vec![(address, body, exit)];
        while let Some((address, body, exit)) = ending.pop() {
            for child in self.end_one(address, body, exit) {
                if let Some(body) = self.take_to_kill(child, PARENT_ENDED) {
                    ending.push((child, body, Exit::Killed(PARENT_ENDED.to_owned())));
                }
            }
        }
    }

    /// Ends a process from outside its code.
    pub fn kill(self: &Arc<Self>, address: Address, reason: &str) {
        if let Some(body) = self.take_to_kill(address, reason) {
            self.end(address, body, Exit::Killed(reason.to_owned()));
        }
    }

    /// The body of a process that is to end; one that is being polled ends
    /// after that.
    fn take_to_kill(&self, address: Address, reason: &str) -> Option<Body> {
        let mut cell = self.at_work(address)?;
        let body = cell.body.take();
        if body.is_none() {
            cell.more().kill = Some(reason.to_owned());
        }
        body
    }

    /// Gives back the children.
    fn end_one(self: &Arc<Self>, address: Address, body: Body, exit: Exit) -> Vec<Address> {
        let Body { work, code, root, parent, desk } = body;
        // A destructor of the user's that panics must not take the loop along.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
        let mut desk = desk.unwrap_or_default();
        let children = std::mem::take(&mut desk.children);
        if matches!(exit, Exit::Error(_))
            && let Some(input) = self.begin_again(address)
        {
            self.owe_nothing(&desk);
            // The id stays; all else is as at first.
            let desk = Box::new(Desk::of(desk.id.take()));
            let work = begin(&code, address, input);
            let body = Body { work, code, root, parent, desk: Some(desk) };
            self.put_again(address, body);
            return children;
        }
        let (mail, more) = self.vacate(address, &exit);
        self.owe_nothing(&desk);
        for envelope in mail {
            if let Some(op) = envelope.call {
                self.reply(&ReplyTo { process: envelope.from, op }, Err(no_reply()));
            }
        }
        if let Some(more) = more {
            more.no_room.iter().for_each(|sender| wake(self, *sender));
            for watcher in more.watchers {
                self.tell(watcher, exit.clone());
            }
        }
        children
    }

    fn owe_nothing(&self, desk: &Desk) {
        desk.owed.iter().for_each(|owed| self.reply(owed, Err(no_reply())));
    }

    pub fn tell(&self, watcher: Watcher, exit: Exit) {
        match watcher {
            // Who has ended, or no longer waits, does not hear of it.
            Watcher::Process(address, wait) => {
                drop(self.control(address, Control::Exited { wait, exit }));
            }
            Watcher::Outside(sender) => drop(sender.send(exit)),
        }
    }

    /// Its input, if it is to be started again.
    fn begin_again(&self, address: Address) -> Option<greenroom_model::Payload> {
        let mut cell = self.at_work(address)?;
        let more = cell.more.as_mut().filter(|more| more.kill.is_none())?;
        let supervised = more.supervised.as_mut()?;
        supervised.bucket.take(self.env.now()).then(|| supervised.input.clone())
    }

    /// Whatever lay in its mailbox lies there still.
    fn put_again(self: &Arc<Self>, address: Address, body: Body) {
        let killed = {
            let Some(mut cell) = self.table.cell(address.place()) else {
                return;
            };
            cell.state = State::Queued;
            cell.fresh = true;
            let kill = cell.more.as_mut().and_then(|more| more.kill.take());
            match kill {
                Some(reason) => Some((body, reason)),
                None => {
                    cell.body = Some(body);
                    None
                }
            }
        };
        match killed {
            Some((body, reason)) => self.end(address, body, Exit::Killed(reason)),
            None => schedule(self, address),
        }
    }

    /// Empties the cell, or keeps the exit for who has a handle.
    fn vacate(&self, address: Address, exit: &Exit) -> (VecDeque<Envelope>, Option<Box<More>>) {
        let Some(mut cell) = self.table.cell(address.place()) else {
            return (VecDeque::new(), None);
        };
        let mail = std::mem::take(&mut cell.mail);
        let more = cell.more.take();
        self.count.fetch_sub(1, Ordering::Relaxed);
        if cell.handles > 0 {
            cell.state = State::Ended;
            cell.more().exit = Some(exit.clone());
            return (mail, more);
        }
        free(&mut cell);
        drop(cell);
        self.give_back(address.place());
        (mail, more)
    }

    /// A handle of the process is gone.
    pub fn let_go(&self, address: Address) {
        let Some(mut cell) = self.table.cell(address.place()) else {
            return;
        };
        if cell.generation != address.generation() || cell.handles == 0 {
            return;
        }
        cell.handles -= 1;
        if cell.handles == 0 && cell.state == State::Ended {
            free(&mut cell);
            drop(cell);
            self.give_back(address.place());
        }
    }

    fn give_back(&self, place: u32) {
        let own = with_here(|here| {
            let own = std::ptr::eq(&*here.pool, self);
            if own {
                here.places.push(place);
                self.table.give_back(&mut here.places);
            }
            own
        });
        if own != Some(true) {
            self.table.put_back(&mut vec![place]);
        }
    }
}

fn free(cell: &mut Cell) {
    *cell = Cell { generation: cell.generation.wrapping_add(1), ..Cell::default() };
}
