//! What a process takes in next: control first, then what loading found, step
//! results, timers, and last the messages its code waits for.

use super::cell::{Live, StepDone};
use super::effects;
use super::state::Engine;
use super::turn::{Turn, reason_and_origin};
use greenroom_journal::GivenUp;
use greenroom_model::{
    Content, Event, Exit, Failure, Filter, Message, Millis, Origin, RetryDecision, Stop,
    linked_exit,
};
use std::sync::Arc;

/// What comes next.
pub(super) enum Next {
    /// An input for the journal.
    Input(Event),
    /// The process ends without its code.
    End(Exit),
    /// Its supervisor ends it without its code.
    Kill(Event, Exit),
    /// It runs on from an earlier point, or anew, as this message says.
    Restart(Message),
    /// A message was taken that says nothing any more.
    Nothing,
}

impl Engine {
    /// Takes the next thing; messages are marked as consumed in `turn`.
    pub(super) fn next(self: &Arc<Self>, live: &mut Live, turn: &mut Turn) -> Option<Next> {
        if let Some(failure) = live.overdue.take() {
            return Some(Next::End(Exit::Error(failure)));
        }
        if let Some(next) = next_control(live, turn).or_else(|| next_signal(live, turn)) {
            return Some(next);
        }
        if live.ledger.parked || live.ledger.ended.is_some() || live.no_code || live.waits {
            return None;
        }
        // What is true of a paused process whatever it does.
        let fact =
            matches!(live.found.front(), Some(Event::Parked { .. } | Event::StepRetrying { .. }));
        if live.ledger.paused && !fact {
            return None;
        }
        if let Some(event) = live.found.pop_front() {
            return Some(Next::Input(event));
        }
        while let Some(done) = live.done.pop_front() {
            if let Some(event) = self.step_ended(live, turn.at, done) {
                return Some(Next::Input(event));
            }
        }
        if let Some(event) = self.next_in_line(live) {
            return Some(Next::Input(event));
        }
        if self.is_draining() {
            return None;
        }
        let due = next_due(live, turn.at).or_else(|| self.next_unblocked(live));
        due.map(Next::Input).or_else(|| self.next_message(live, turn))
    }

    /// The oldest message that fits an operation that waits for one.
    fn next_message(&self, live: &mut Live, turn: &mut Turn) -> Option<Next> {
        for (op, filter) in live.activation.as_ref()?.receivers() {
            if let Some(message) = live.mail.take(&filter) {
                turn.consumed.push(message.no);
                if let Some(why) = refused(turn, &message) {
                    give_up(live, turn, message, &why);
                    return Some(Next::Nothing);
                }
                // It has taken the link away meanwhile.
                let stale = |id| !live.ledger.standing.links.contains(id);
                return Some(match &message.content {
                    Content::ExitSignal { id, .. } if stale(id) => Next::Nothing,
                    _ => Event::received(op, &message, &live.facts.root, live.facts.hops)
                        .map_or(Next::Nothing, |event| {
                            Next::Input(self.on_its_account(live, &filter, event))
                        }),
                });
            }
        }
        None
    }

    /// What a process does for those below it, whose budget is a part of its own, it
    /// pays itself; and whatever it has said that it pays.
    fn on_its_account(&self, live: &Live, filter: &Filter, mut event: Event) -> Event {
        if let Event::MessageReceived { envelope: Some(envelope), .. } = &mut event
            && let Some(account) = &envelope.carried.account
        {
            let own = live.ledger.account.as_ref();
            let is_below = || own.and_then(|own| self.accounts.is_below(account, own));
            if filter.pays_itself || is_below() == Some(true) {
                envelope.carried.account = None;
            }
        }
        event
    }

    /// What the end of an attempt means. `None`: nobody waits for it any more.
    fn step_ended(&self, live: &mut Live, at: Millis, done: StepDone) -> Option<Event> {
        let StepDone { op, attempt, result, task } = done;
        if task.is_aborted() {
            return None;
        }
        live.running.remove(&op);
        if !live.ledger.steps.contains_key(&op) {
            return None;
        }
        let failure = match result {
            Ok(result) => {
                return Some(Event::StepCompleted { op, attempt, result });
            }
            Err(failure) => failure,
        };
        let retry = live.activation.as_ref()?.step(op)?.retry;
        Some(match retry.decide(attempt, &failure, self.chance()) {
            RetryDecision::GiveUp => Event::StepFailed { op, attempt, failure },
            RetryDecision::After(wait) => {
                Event::StepRetrying { op, attempt, failure, retry_at: at.after(wait) }
            }
        })
    }
}

fn next_control(live: &mut Live, turn: &mut Turn) -> Option<Next> {
    let (held, ended) = (live.is_held(), live.ledger.ended.is_some());
    let down = live.ledger.down.is_some();
    let place = live.mail.find_control(|content| match content {
        // The rest of its mail was given up when it ended.
        content if ended => content.reaches_ended() || down && is_stop(content),
        // What else is said to it stays until it has begun.
        content if live.waits => is_stop(content),
        content => !held || is_administrative(content),
    })?;
    // A cancel of a paused process lets it go on first.
    if live.ledger.paused
        && !live.ledger.cancelled
        && let Some(message) = live.mail.control(place)
        && let Content::Cancel { .. } = &message.content
    {
        let by = message.from.clone();
        return Some(Next::Input(Event::Resumed { by }));
    }
    let message = live.mail.take_control(place)?;
    turn.consumed.push(message.no);
    if let Content::Cancel { reason, tree: true, .. } = &message.content {
        turn.cancel_children(live, reason);
    }
    Some(control(live, message))
}

/// The end of a linked process, which ends this one too unless it traps exits:
/// then the code takes it.
fn next_signal(live: &mut Live, turn: &mut Turn) -> Option<Next> {
    let ledger = &live.ledger;
    let trapped = ledger.standing.traps_exit && !ledger.parked;
    if ledger.ended.is_some() || ledger.paused || live.no_code || live.waits || trapped {
        return None;
    }
    let message = live.mail.take_signal()?;
    turn.consumed.push(message.no);
    let Content::ExitSignal { id, exit } = message.content else { return Some(Next::Nothing) };
    let linked = ledger.standing.links.contains(&id);
    Some(match linked_exit(&id, &exit).filter(|_| linked && !ledger.cancelled) {
        None => Next::Nothing,
        // There is no code that could hear it.
        Some(exit) if ledger.parked => Next::End(exit),
        Some(exit) => {
            let (reason, by) = (exit.to_string(), Origin::Process(id));
            let (stop, tree, exit) = (None, false, Some(Box::new(exit)));
            Next::Input(Event::CancelRequested { reason, by, stop, tree, exit })
        }
    })
}

/// A wish that a process end.
fn is_stop(content: &Content) -> bool {
    matches!(content, Content::Cancel { .. } | Content::Kill { .. })
}

/// What a person does about a process, rather than what it waits for.
fn is_administrative(content: &Content) -> bool {
    matches!(
        content,
        Content::Cancel { .. }
            | Content::Kill { .. }
            | Content::Link
            | Content::Pause
            | Content::Resume
            | Content::Restart { .. }
            | Content::Revive { .. }
    )
}

fn control(live: &Live, message: Message) -> Next {
    if matches!(message.content, Content::Restart { .. } | Content::Revive { .. }) {
        return Next::Restart(message);
    }
    let Message { from, content, .. } = message;
    let ledger = &live.ledger;
    if ledger.down.is_some() {
        return released(&content, from);
    }
    if ledger.ended.is_some() {
        return Next::Nothing;
    }
    let named = reason_and_origin(&content, &from);
    let unheard = ledger.parked || live.waits;
    match (content, named) {
        (Content::Kill { stop: Some(stop), .. }, Some((reason, by))) => {
            let event = Event::KillRequested { reason: reason.clone(), by, stop };
            Next::Kill(event, Exit::Killed(reason))
        }
        (Content::Kill { .. }, Some((reason, _))) => Next::End(Exit::Killed(reason)),
        // It cannot be asked: there is no code that could hear it.
        (Content::Cancel { stop: Some(stop), .. }, Some((reason, by))) if unheard => {
            let event = Event::KillRequested { reason: reason.clone(), by, stop };
            Next::Kill(event, Exit::Shutdown(reason))
        }
        (Content::Cancel { .. }, Some((reason, _))) if unheard => {
            Next::End(Exit::Cancelled(reason))
        }
        // A second wish to stop must not stop the cleaning up.
        (Content::Cancel { stop, tree, .. }, Some((reason, by))) if !ledger.cancelled => {
            Next::Input(Event::CancelRequested { reason, by, stop, tree, exit: None })
        }
        (Content::Link, _) => match from {
            Origin::Process(by) => Next::Input(Event::LinkReceived { by }),
            _ => Next::Nothing,
        },
        (Content::Pause, _) if !ledger.paused => Next::Input(Event::Paused { by: from }),
        (Content::Resume, _) if ledger.paused || ledger.parked => {
            Next::Input(Event::Resumed { by: from })
        }
        (Content::Reply { op, result }, _)
            if ledger.calls.contains_key(&op) || ledger.lookups.contains_key(&op) =>
        {
            Next::Input(Event::ReplyReceived { op, result })
        }
        (Content::Exited { op, id, exit }, _) if ledger.watches.contains_key(&op) => {
            Next::Input(Event::ProcessExited { op, id, exit })
        }
        (Content::Answer { op, value }, _) => match ledger.asks.get(&op) {
            Some(ask) => Next::Input(Event::MessageReceived {
                op,
                from,
                topic: ask.spec.name.clone(),
                body: value,
                reply_to: None,
                envelope: None,
            }),
            None => Next::Nothing,
        },
        _ => Next::Nothing,
    }
}

/// What a wish to stop means to a process that has ended and is kept: that it
/// will not be restarted, unless its supervisor says that it will.
fn released(content: &Content, by: Origin) -> Next {
    match content {
        // It is no more alive than that: its supervisor decides.
        Content::Kill { stop: None, .. } if matches!(by, Origin::External(_)) => Next::Nothing,
        Content::Cancel { stop: None | Some(Stop::Final), .. }
        | Content::Kill { stop: None | Some(Stop::Final), .. } => {
            Next::Input(Event::Released { by })
        }
        _ => Next::Nothing,
    }
}

/// The earliest timer or retry that is due.
fn next_due(live: &Live, at: Millis) -> Option<Event> {
    let timer = live.ledger.timers.iter().map(|(op, fire_at)| (*fire_at, *op, None));
    let retry = live.ledger.retries.first().and_then(|(retry_at, op)| {
        let step = live.ledger.steps.get(op)?;
        Some((*retry_at, *op, Some(step.attempts + 1)))
    });
    let (due, op, attempt) = timer.chain(retry).min()?;
    if due > at {
        return None;
    }
    Some(match attempt {
        Some(attempt) => Event::StepRetried { op, attempt },
        None => Event::TimerFired { op },
    })
}

/// Why a message is not handled any more.
fn refused(turn: &Turn, message: &Message) -> Option<Failure> {
    let Content::User { carried, .. } = &message.content else { return None };
    let deadline = carried.as_ref().and_then(|carried| carried.deadline);
    turn.limits.refuse(&message.root, message.hops, deadline)
}

/// It goes to the dead letters, who called hears of it, and the process goes on.
fn give_up(live: &Live, turn: &mut Turn, message: Message, why: &Failure) {
    let Message { from, content, root, hops, .. } = message;
    if let Content::User { reply_to: Some(caller), .. } = &content {
        let reply = effects::call_fails(turn.sender(live), caller, why.kind.clone(), &why.message);
        turn.sends.push(reply);
    }
    let (reason, crashes) = (why.to_string(), Vec::new());
    turn.given_up.push(GivenUp { from, content, root, hops, reason, crashes });
}
