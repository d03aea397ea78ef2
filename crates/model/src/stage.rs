//! Demand-driven stages, after Elixir's GenStage: a consumer asks for so many
//! events, and a producer sends no more than were asked for. Pure: who gets
//! which event, and when to ask for more.

use crate::ProcessId;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// So many events may be asked for at once at most.
pub const DEMAND_MAX: u64 = 10_000;

/// The topic under which a consumer asks for events.
pub const ASK: &str = "stage.ask";
/// The topic under which it says that it wants no more.
pub const LEAVE: &str = "stage.leave";

/// Who gets an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispatcher {
    /// The consumer that asks for the most.
    #[default]
    Demand,
    /// All of them: the slowest sets the pace.
    Broadcast,
}

/// What a producer knows of who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    dispatcher: Dispatcher,
    /// In the order they have subscribed: how many each still waits for, if it has
    /// said so since the producer last began.
    asked: Vec<(ProcessId, Option<u64>)>,
}

/// What one consumer gets of some events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub to: ProcessId,
    /// The places of its events, in order.
    pub events: Vec<usize>,
}

impl Dispatch {
    /// Nobody asks yet.
    pub fn new(dispatcher: Dispatcher) -> Dispatch {
        Dispatch { dispatcher, asked: Vec::new() }
    }

    /// The producer begins, maybe once more: what was asked for before may have
    /// been sent or not. All say again what they wait for.
    pub fn begin(&mut self) {
        self.asked.iter_mut().for_each(|(_, asked)| *asked = None);
    }

    /// How many have said what they wait for.
    pub fn heard(&self) -> usize {
        self.asked.iter().filter(|(_, asked)| asked.is_some()).count()
    }

    /// Who has subscribed.
    pub fn consumers(&self) -> impl Iterator<Item = &ProcessId> {
        self.asked.iter().map(|(consumer, _)| consumer)
    }

    /// A consumer subscribes and asks for its first events. `true`: it is a new
    /// one; one that comes again begins again.
    pub fn subscribe(&mut self, consumer: &ProcessId, count: u64) -> bool {
        let count = count.min(DEMAND_MAX);
        match self.asked.iter_mut().find(|(known, _)| known == consumer) {
            Some((_, asked)) => *asked = Some(count),
            None => {
                self.asked.push((consumer.clone(), Some(count)));
                return true;
            }
        }
        false
    }

    /// A consumer has heard that the producer has begun, and says what it waits for.
    /// If it has done so before, that stands. `true`: it is a new one.
    pub fn resubscribe(&mut self, consumer: &ProcessId, count: u64) -> bool {
        let known = self.asked.iter().find(|(known, _)| known == consumer);
        match known {
            Some((_, Some(_))) => false,
            _ => self.subscribe(consumer, count),
        }
    }

    /// A consumer asks for more. One that has not subscribed is not heard: it will,
    /// and says then what it waits for.
    pub fn ask(&mut self, consumer: &ProcessId, count: u64) {
        let known = self.asked.iter_mut().find(|(known, _)| known == consumer);
        if let Some((_, Some(asked))) = known {
            *asked = asked.saturating_add(count).min(DEMAND_MAX);
        }
    }

    /// A consumer wants no more.
    pub fn leave(&mut self, consumer: &ProcessId) {
        self.asked.retain(|(known, _)| known != consumer);
    }

    /// How many events may be sent now.
    pub fn demand(&self) -> u64 {
        let asked = self.asked.iter().map(|(_, asked)| asked.unwrap_or(0));
        match self.dispatcher {
            Dispatcher::Demand => asked.sum(),
            Dispatcher::Broadcast => asked.min().unwrap_or(0),
        }
    }

    /// Who gets which of `events`; those beyond the demand are left out.
    pub fn dispatch(&mut self, events: Range<usize>) -> Vec<Share> {
        let fits = usize::try_from(self.demand()).unwrap_or(usize::MAX);
        let events = events.start..events.end.min(events.start.saturating_add(fits));
        let mut shares: Vec<Share> =
            self.consumers().map(|to| Share { to: to.clone(), events: Vec::new() }).collect();
        for event in events {
            for taker in self.takers() {
                let asked = &mut self.asked[taker].1;
                *asked = asked.map(|asked| asked - 1);
                shares[taker].events.push(event);
            }
        }
        shares.retain(|share| !share.events.is_empty());
        shares
    }

    /// The places of those who get the next event: of several that ask for as
    /// much the one that came first.
    fn takers(&self) -> Range<usize> {
        match self.dispatcher {
            Dispatcher::Broadcast => 0..self.asked.len(),
            Dispatcher::Demand => {
                let places = self.asked.iter().enumerate().rev();
                let most = places.max_by_key(|(_, (_, asked))| asked.unwrap_or(0));
                most.map_or(0..0, |(place, _)| place..place + 1)
            }
        }
    }
}

/// How many events a consumer wants under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    max: u64,
    min: u64,
    /// Asked for and not handled yet.
    outstanding: u64,
}

impl Demand {
    /// At most `max` events are asked for and not handled; more are asked for
    /// once there are no more than half of that.
    pub fn new(max: u64) -> Demand {
        Demand { max, min: max / 2, outstanding: 0 }
    }

    /// More are asked for once there are no more than `min`.
    #[must_use]
    pub fn min(self, min: u64) -> Demand {
        Demand { min, ..self }
    }

    /// Whether it can be one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.max == 0 || self.max > DEMAND_MAX || self.min >= self.max {
            let words = format!("0 <= min < max <= {DEMAND_MAX}");
            return Err(format!(
                "a demand of at most {}, at least {}: {words}",
                self.max, self.min
            ));
        }
        Ok(())
    }

    /// What is asked for at the beginning.
    pub fn begin(&mut self) -> u64 {
        self.outstanding = self.max;
        self.max
    }

    /// The producer has begun, maybe once more, and has sent all that it ever will of
    /// what was asked for: of that so many events are `held` here. What to ask for.
    pub fn begin_again(&mut self, held: u64) -> u64 {
        self.outstanding = self.max;
        self.max.saturating_sub(held)
    }

    /// An event has been handled: how many more to ask for now.
    pub fn handled(&mut self) -> Option<u64> {
        self.outstanding = self.outstanding.saturating_sub(1);
        let more = self.max - self.outstanding;
        (self.outstanding <= self.min).then(|| {
            self.outstanding = self.max;
            more
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: &str) -> ProcessId {
        ProcessId::new("sink", key).expect("an id")
    }

    fn shares(dispatch: &mut Dispatch, events: Range<usize>) -> Vec<(String, Vec<usize>)> {
        let shares = dispatch.dispatch(events).into_iter();
        shares.map(|share| (share.to.key().to_owned(), share.events)).collect()
    }

    #[test]
    fn who_asks_for_the_most_is_served_first_and_nobody_beyond_its_demand() {
        let mut dispatch = Dispatch::new(Dispatcher::Demand);
        assert!(shares(&mut dispatch, 0..3).is_empty(), "nobody asks");
        assert!(dispatch.subscribe(&id("a"), 2) && dispatch.subscribe(&id("b"), 4));
        assert_eq!(dispatch.demand(), 6);
        let got = shares(&mut dispatch, 0..9);
        assert_eq!(got, [("a".into(), vec![2, 4]), ("b".into(), vec![0, 1, 3, 5])]);
        assert_eq!(dispatch.demand(), 0);
        dispatch.ask(&id("a"), 1);
        dispatch.ask(&id("nobody"), 5);
        assert_eq!(shares(&mut dispatch, 6..9), [("a".into(), vec![6])]);
        dispatch.ask(&id("b"), 3);
        dispatch.leave(&id("b"));
        assert_eq!(dispatch.demand(), 0);
    }

    #[test]
    fn a_broadcast_goes_to_all_at_the_pace_of_the_slowest() {
        let mut dispatch = Dispatch::new(Dispatcher::Broadcast);
        dispatch.subscribe(&id("a"), 2);
        dispatch.subscribe(&id("b"), 4);
        assert_eq!(dispatch.demand(), 2);
        assert_eq!(
            shares(&mut dispatch, 0..3),
            [("a".into(), vec![0, 1]), ("b".into(), vec![0, 1])]
        );
        assert_eq!(dispatch.demand(), 0);
        dispatch.leave(&id("a"));
        assert_eq!(dispatch.demand(), 2, "the slowest has gone");
    }

    #[test]
    fn who_subscribes_again_begins_again() {
        let mut dispatch = Dispatch::new(Dispatcher::Demand);
        dispatch.subscribe(&id("a"), 5);
        assert!(!dispatch.subscribe(&id("a"), 3));
        assert_eq!(dispatch.demand(), 3);
        dispatch.ask(&id("a"), u64::MAX);
        assert_eq!(dispatch.demand(), DEMAND_MAX);
    }

    #[test]
    fn a_producer_that_begins_again_hears_anew_what_is_asked_for() {
        let mut dispatch = Dispatch::new(Dispatcher::Demand);
        dispatch.subscribe(&id("a"), 5);
        dispatch.begin();
        assert_eq!((dispatch.demand(), dispatch.heard()), (0, 0));
        // What it says without knowing of that is of before.
        dispatch.ask(&id("a"), 2);
        assert_eq!(dispatch.demand(), 0);
        assert!(!dispatch.resubscribe(&id("a"), 4) && dispatch.resubscribe(&id("b"), 1));
        assert_eq!((dispatch.demand(), dispatch.heard()), (5, 2));
        // Who has subscribed since has said it.
        assert!(!dispatch.resubscribe(&id("a"), 4));
        assert_eq!(dispatch.demand(), 5);
        let mut demand = Demand::new(10);
        demand.begin();
        demand.handled();
        assert_eq!(demand.begin_again(3), 7);
    }

    #[test]
    fn more_is_asked_for_at_the_least_and_never_beyond_the_most() {
        let mut demand = Demand::new(10).min(7);
        assert_eq!(demand.begin(), 10);
        assert_eq!([demand.handled(), demand.handled(), demand.handled()], [None, None, Some(3)]);
        let mut one = Demand::new(1);
        assert_eq!((one.begin(), one.handled(), one.handled()), (1, Some(1), Some(1)));
        assert_eq!(Demand::new(5).check(), Ok(()));
        for wrong in [Demand::new(0), Demand::new(5).min(5), Demand::new(DEMAND_MAX + 1)] {
            assert!(wrong.check().is_err_and(|words| words.contains("0 <= min < max")));
        }
    }
}
