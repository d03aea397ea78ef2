//! The operations of an ephemeral process, polled in place.

use super::address::Address;
use super::cell::{State, Watcher};
use super::desk::nobody;
use super::here::{Running, not_here, with_running, with_sending};
use super::mail::Envelope;
use super::pool::Pool;
use super::send::{Sent, no_reply};
use crate::ctx::Outcome;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::{
    Exit, Failure, Filter, Op, Origin, Payload, ProcessId, ReplyTo, Topic, failure,
};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// An operation under way.
pub(crate) enum Errand {
    /// It is done already.
    Done,
    /// It could not begin.
    Failed(Option<Failure>),
    /// The next message, if need be one that fits and within a time.
    Receive { selective: Option<Box<Selective>>, since: Since },
    /// A message that waits for room, and perhaps for its reply.
    Call { call: Box<CallOut>, since: Since },
    /// The end of a process.
    Exit { target: Address, wait: Option<u32>, since: Since },
    /// Anything else that can be polled; made at the first poll.
    Work { begin: Option<Begin>, work: BoxFuture<'static, Outcome>, since: Since },
}

/// How often the process had been asked to stop when the operation began:
/// another time ends it.
pub(crate) type Since = Option<u32>;

type Begin = Box<
    dyn FnOnce(&mut Running, &Arc<Pool>) -> Result<BoxFuture<'static, Outcome>, Failure> + Send,
>;

/// What a receive takes, and how long it waits.
pub(crate) struct Selective {
    pub filter: Option<Box<Filter>>,
    pub timeout: Option<Duration>,
    pub timer: Option<BoxFuture<'static, ()>>,
}

/// A message on its way, and what is known of it.
pub(crate) struct CallOut {
    pub to: ProcessId,
    pub topic: Topic,
    /// `None`: it has been sent.
    pub body: Option<Payload>,
    pub replies: bool,
    pub timeout: Option<Duration>,
    pub timer: Option<BoxFuture<'static, ()>>,
    /// Where it stands in the line for room.
    pub ticket: Option<u64>,
    pub wait: Option<u32>,
}

impl Errand {
    pub fn failed(failure: Failure) -> Errand {
        Errand::Failed(Some(failure))
    }

    pub fn call(call: CallOut) -> Errand {
        Errand::Call { call: Box::new(call), since: None }
    }

    pub fn work(
        begin: impl FnOnce(&mut Running, &Arc<Pool>) -> Result<BoxFuture<'static, Outcome>, Failure>
        + Send
        + 'static,
    ) -> Errand {
        let begin: Begin = Box::new(begin);
        Errand::Work { begin: Some(begin), work: std::future::pending().boxed(), since: None }
    }

    pub fn poll(&mut self, address: Address, context: &mut Context<'_>) -> Poll<Outcome> {
        match self {
            Errand::Done => Poll::Ready(Outcome::Fired),
            Errand::Failed(failure) => failed(failure.take().unwrap_or_else(not_here)),
            Errand::Receive { selective, since } => receive(selective, since, address, context),
            Errand::Call { call, since } => call.poll(since, address, context),
            Errand::Exit { target, wait, since } => exit(*target, wait, since, address, context),
            Errand::Work { begin, work, since } => {
                let ready = with_running(address, |running, pool| {
                    if let Some(over) = running.is_over(since) {
                        return Err(over);
                    }
                    if let Some(begin) = begin.take() {
                        *work = begin(running, pool)?;
                    }
                    Ok(())
                });
                match ready {
                    None => failed(not_here()),
                    Some(Err(failure)) => failed(failure),
                    Some(Ok(())) => {
                        let polled = work.poll_unpin(context);
                        if polled.is_pending() {
                            // A cancel must reach this part of the code too.
                            with_running(address, |running, _| running.again_with(context));
                        }
                        polled
                    }
                }
            }
        }
    }

    /// The code no longer waits for it.
    pub fn withdraw(&mut self, address: Address) {
        let wait = match self {
            Errand::Exit { wait: Some(wait), .. } => *wait,
            Errand::Call { call, .. } => match call.wait {
                Some(wait) => wait,
                None => return,
            },
            _ => return,
        };
        with_running(address, |running, _| {
            if let Some(desk) = &mut running.desk {
                desk.forget(wait);
            }
        });
    }
}

fn failed(failure: Failure) -> Poll<Outcome> {
    Poll::Ready(Outcome::Value(Err(failure)))
}

impl Running {
    /// Why an operation that began then is over now.
    fn is_over(&self, since: &mut Since) -> Option<Failure> {
        let cancels = self.cancels();
        let over = *since.get_or_insert(cancels) != cancels;
        over.then(|| Failure::fatal(failure::CANCELLED, self.cancelled()))
    }

    /// Has this part of the code polled with the next poll.
    fn again_with(&mut self, context: &Context<'_>) {
        if !self.is_own(context.waker()) {
            self.desk().look_again(context.waker());
        }
    }

    /// Others first: so many operations at once are enough.
    fn is_spent(&mut self, context: &Context<'_>) -> bool {
        if self.operations_left > 0 {
            self.operations_left -= 1;
            return false;
        }
        self.again = true;
        self.again_with(context);
        true
    }

    fn take_mail(&mut self, filter: Option<&Filter>) -> Option<Envelope> {
        let Some(filter) = filter else {
            return self.mail.pop_front();
        };
        let fits = |mail: &Envelope| {
            filter.fits(&Origin::Process(mail.from.clone()), &mail.topic, &mail.body)
        };
        let place = self.mail.iter().position(fits)?;
        self.mail.remove(place)
    }
}

fn receive(
    selective: &mut Option<Box<Selective>>,
    since: &mut Since,
    address: Address,
    context: &mut Context<'_>,
) -> Poll<Outcome> {
    let looked = with_running(address, |running, pool| {
        if let Some(over) = running.is_over(since) {
            return failed(over);
        }
        if running.is_spent(context) {
            return Poll::Pending;
        }
        let filter = selective.as_ref().and_then(|selective| selective.filter.as_deref());
        if let Some(envelope) = running.take_mail(filter) {
            return Poll::Ready(received(running, envelope));
        }
        running.again_with(context);
        if let Some(selective) = selective {
            start_timer(&mut selective.timer, selective.timeout, pool);
        }
        Poll::Pending
    });
    match (looked, selective) {
        (None, _) => failed(not_here()),
        (Some(Poll::Pending), Some(selective)) => {
            let late = || format!("no message came within {:?}", selective.timeout);
            timed(&mut selective.timer, context, late)
        }
        (Some(looked), _) => looked,
    }
}

fn received(running: &mut Running, envelope: Envelope) -> Outcome {
    let Envelope { from, topic, body, call } = envelope;
    let reply_to = call.map(|op| ReplyTo { process: from.clone(), op });
    if let Some(owed) = &reply_to {
        running.desk().owed.push(owed.clone());
    }
    Outcome::Message { from: Origin::Process(from), topic, body, reply_to }
}

fn start_timer(timer: &mut Option<BoxFuture<'static, ()>>, timeout: Option<Duration>, pool: &Pool) {
    if let (None, Some(span)) = (&timer, timeout) {
        *timer = Some(pool.env.sleep(span));
    }
}

fn timed(
    timer: &mut Option<BoxFuture<'static, ()>>,
    context: &mut Context<'_>,
    late: impl FnOnce() -> String,
) -> Poll<Outcome> {
    match timer.as_mut().map(|timer| timer.poll_unpin(context)) {
        Some(Poll::Ready(())) => failed(Failure::new(failure::TIMEOUT, late())),
        _ => Poll::Pending,
    }
}

fn exit(
    target: Address,
    wait: &mut Option<u32>,
    since: &mut Since,
    address: Address,
    context: &mut Context<'_>,
) -> Poll<Outcome> {
    let looked = with_running(address, |running, pool| {
        if let (None, Some(over)) = (*wait, running.is_over(since)) {
            return failed(over);
        }
        if running.is_spent(context) {
            return Poll::Pending;
        }
        let number = match wait {
            Some(number) => *number,
            None => {
                let number = *wait.insert(running.desk().begin_wait());
                watch(running, pool, target, number);
                number
            }
        };
        running.outcome(number, context.waker())
    });
    looked.unwrap_or_else(|| failed(not_here()))
}

fn watch(running: &mut Running, pool: &Pool, target: Address, number: u32) {
    let found = match pool.table.cell(target.place()) {
        Some(mut cell) if cell.is_at_work(target) => {
            cell.more().watchers.push(Watcher::Process(running.address, number));
            return;
        }
        Some(cell) if cell.generation == target.generation() && cell.state == State::Ended => {
            cell.more.as_ref().and_then(|more| more.exit.clone())
        }
        _ => None,
    };
    let heard = nobody(number, found.unwrap_or(Exit::NoProcess));
    running.desk().take_in(vec![heard]).into_iter().for_each(drop);
}

impl Running {
    fn outcome(&mut self, number: u32, waker: &Waker) -> Poll<Outcome> {
        let waker = (!self.is_own(waker)).then_some(waker);
        match self.desk().look(number, waker) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }
}

impl CallOut {
    pub fn new(
        to: &ProcessId,
        topic: &str,
        body: Payload,
        replies: bool,
        timeout: Option<Duration>,
    ) -> CallOut {
        let to = to.clone();
        let (timer, ticket, wait) = (None, None, None);
        CallOut { to, topic: topic.into(), body: Some(body), replies, timeout, timer, ticket, wait }
    }

    fn poll(
        &mut self,
        since: &mut Since,
        address: Address,
        context: &mut Context<'_>,
    ) -> Poll<Outcome> {
        let looked = with_sending(address, |running, pool| {
            let mut queued = None;
            let looked = self.look(since, running, pool, context, &mut queued);
            if looked.is_pending() {
                start_timer(&mut self.timer, self.timeout, pool);
            }
            (looked, queued)
        });
        match looked {
            None => failed(not_here()),
            Some(Poll::Pending) => {
                let late = || format!("{} did not reply in time", self.to);
                timed(&mut self.timer, context, late)
            }
            Some(looked) => looked,
        }
    }

    fn look(
        &mut self,
        since: &mut Since,
        running: &mut Running,
        pool: &Arc<Pool>,
        context: &Context<'_>,
        queued: &mut Option<Address>,
    ) -> Poll<Outcome> {
        if let (None, Some(over)) = (self.wait, running.is_over(since)) {
            return failed(over);
        }
        if running.is_spent(context) {
            return Poll::Pending;
        }
        if let Some(body) = self.body.take() {
            match self.send(running, pool, body) {
                Err(failure) => return failed(failure),
                Ok(Sent::Nobody) if self.replies => return failed(no_reply()),
                Ok(Sent::Nobody) => return Poll::Ready(Outcome::Fired),
                Ok(Sent::Full(envelope)) => {
                    self.body = Some(envelope.body);
                    running.again_with(context);
                    return Poll::Pending;
                }
                Ok(Sent::Yes { queued: true }) => *queued = Address::of(&self.to),
                Ok(Sent::Yes { queued: false }) => {}
            }
        }
        match self.wait {
            None => Poll::Ready(Outcome::Fired),
            Some(wait) => running.outcome(wait, context.waker()),
        }
    }

    fn send(
        &mut self,
        running: &mut Running,
        pool: &Arc<Pool>,
        body: Payload,
    ) -> Result<Sent, Failure> {
        let Some(to) = Address::of(&self.to) else {
            return Err(super::here::no_journal("a call of a durable process"));
        };
        if self.replies && self.wait.is_none() {
            self.wait = Some(running.desk().begin_wait());
        }
        let call = self.wait.map(|wait| Op(u64::from(wait)));
        let topic = self.topic.clone();
        let envelope = Envelope { from: running.id(), topic, body, call };
        Ok(pool.send(to, envelope, Some((running.address, &mut self.ticket))))
    }
}
