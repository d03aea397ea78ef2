//! A queue clause by clause, and what holds whatever happens.

use super::line::PASSED_MAX;
use super::*;
use crate::RETRY_AFTER_MAX;
use crate::{Failure, Millis};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn wish(priority: u8, tenant: &str, since: u64) -> Wish {
    Wish { priority, tenant: tenant.into(), since: Millis(since) }
}

fn queue(spec: QueueSpec) -> Queue {
    spec.check().expect("a queue");
    Queue::new(spec, Duration::ZERO)
}

/// Lets in one at a time and ends it at once; the order.
fn order(queue: &mut Queue, now: Duration) -> Vec<u64> {
    let mut order = Vec::new();
    loop {
        let admitted = queue.decide(now).admitted;
        if admitted.is_empty() {
            return order;
        }
        for ticket in admitted {
            order.push(ticket.0);
            queue.ended(ticket, now, ms(10), Outcome::Answered);
        }
    }
}

#[test]
fn no_more_at_once_than_it_says() {
    let mut queue = queue(QueueSpec::new("q").concurrency(2));
    for since in 0..3 {
        queue.enter(&wish(0, "", since));
    }
    assert_eq!(queue.decide(SEC).admitted, [Ticket(1), Ticket(2)]);
    assert_eq!(queue.decide(SEC), Decision::default());
    queue.leave(Ticket(1), SEC);
    assert_eq!(queue.decide(SEC).admitted, [Ticket(3)]);
    // Who has gone already gives back nothing.
    queue.leave(Ticket(1), SEC);
    queue.ended(Ticket(1), SEC, SEC, Outcome::Answered);
    queue.enter(&wish(0, "", 9));
    assert!(queue.decide(SEC).admitted.is_empty());
    assert_eq!(queue.view(SEC, Millis(1_009)).oldest_wait_ms, Some(1_000));
}

#[test]
fn who_was_in_before_counts_also_beyond_the_limit() {
    let mut queue = queue(QueueSpec::new("q").concurrency(1));
    let before = [queue.occupy(), queue.occupy()];
    let next = queue.enter(&wish(0, "", 0));
    for ticket in before {
        assert!(queue.decide(SEC).admitted.is_empty());
        queue.leave(ticket, SEC);
    }
    assert_eq!(queue.decide(SEC).admitted, [next]);
}

#[test]
fn who_came_first_is_let_in_first_whenever_it_lines_up() {
    let mut queue = queue(QueueSpec::new("q").concurrency(1));
    for since in [30, 10, 20, 10] {
        queue.enter(&wish(0, "", since));
    }
    assert_eq!(order(&mut queue, SEC), [2, 4, 3, 1]);
}

#[test]
fn a_higher_priority_goes_first_and_a_lower_one_does_not_starve() {
    let mut queue = queue(QueueSpec::new("q").concurrency(1));
    queue.enter(&wish(0, "", 0));
    queue.enter(&wish(5, "", 1));
    let urgent: Vec<u64> = (0..30).map(|since| queue.enter(&wish(9, "", since + 2)).0).collect();
    let order = order(&mut queue, SEC);
    let place = |ticket: u64| order.iter().position(|other| *other == ticket).expect("let in");
    assert_eq!(place(urgent[0]), 0);
    // Both have been passed over as often; the higher of the two goes first.
    assert_eq!((place(2), place(1)), (PASSED_MAX as usize, PASSED_MAX as usize + 1));
}

#[test]
fn tenants_take_turns_however_many_steps_they_have() {
    let mut queue = queue(QueueSpec::new("q").concurrency(1));
    let big: Vec<Ticket> = (0..100).map(|since| queue.enter(&wish(0, "big", since))).collect();
    let small: Vec<Ticket> =
        (0..5).map(|since| queue.enter(&wish(0, "small", since + 50))).collect();
    let order = order(&mut queue, SEC);
    let last_small = order.iter().position(|ticket| *ticket == small[4].0).expect("let in");
    assert_eq!(last_small, 9);
    assert_eq!(order[0], big[0].0);
}

#[test]
fn who_comes_one_by_one_gets_no_more_than_who_waits_with_many() {
    let mut queue = queue(QueueSpec::new("q").concurrency(1));
    for since in 0..50 {
        queue.enter(&wish(0, "many", since));
    }
    let mut single = 0;
    queue.enter(&wish(0, "a", 0));
    for round in 0..20 {
        let admitted = queue.decide(SEC).admitted;
        // `a` has a new one waiting as soon as its last is let in.
        if admitted[0].0 > 50 {
            single += 1;
            queue.enter(&wish(0, "a", round));
        }
        queue.leave(admitted[0], SEC);
    }
    assert_eq!(single, 10);
}

#[test]
fn a_rate_spreads_and_a_burst_needs_a_quiet_time() {
    let mut queue = queue(QueueSpec::new("q").rate(10, SEC).burst(3));
    for since in 0..9 {
        queue.enter(&wish(0, "", since));
    }
    let first = queue.decide(Duration::ZERO);
    assert_eq!((first.admitted.len(), first.again_at), (1, Some(ms(100))), "no burst at the start");
    assert_eq!(queue.decide(ms(99)).admitted.len(), 0);
    assert_eq!(queue.decide(ms(100)).admitted.len(), 1);
    assert_eq!(queue.decide(ms(1_000)).admitted.len(), 3, "after a quiet time");
    assert_eq!(queue.decide(ms(1_050)).admitted.len(), 0);
    assert_eq!(queue.decide(ms(1_100)).admitted.len(), 1);
}

#[test]
fn a_high_rate_is_held_on_average_with_timers_of_a_millisecond() {
    let mut queue = queue(QueueSpec::new("q").rate(5_000, SEC));
    for since in 0..6_000 {
        queue.enter(&wish(0, "", since));
    }
    let each = (0..500).map(|step| queue.decide(ms(2 * step)).admitted.len());
    let counts: Vec<usize> = each.collect();
    assert!(counts.iter().all(|count| *count <= 26), "{counts:?}");
    assert!((4_900..=5_026).contains(&counts.iter().sum::<usize>()));
}

fn adaptive() -> Queue {
    queue(QueueSpec::new("q").adaptive(2, 64))
}

/// A round: as many as are let in are under way at once, and answered so.
fn round(queue: &mut Queue, now: &mut Duration, took: Duration, outcome: Outcome) -> usize {
    while queue.view(*now, Millis(0)).waiting < 100 {
        queue.enter(&wish(0, "", 0));
    }
    let admitted = queue.decide(*now).admitted;
    *now += took;
    for ticket in &admitted {
        queue.ended(*ticket, *now, took, outcome);
    }
    admitted.len()
}

#[test]
fn a_limit_grows_fast_at_first_and_by_one_a_round_after_an_overload() {
    let (mut queue, mut now) = (adaptive(), SEC);
    let overload = Outcome::Overloaded { retry_after: None };
    let answered =
        |queue: &mut Queue, now: &mut Duration| round(queue, now, ms(100), Outcome::Answered);
    let grown: Vec<usize> = (0..4).map(|_| answered(&mut queue, &mut now)).collect();
    assert_eq!(grown, [2, 4, 8, 16]);
    assert_eq!(round(&mut queue, &mut now, ms(100), overload), 32);
    // Thirty-two overloads of one round halve it once.
    let after: Vec<usize> = (0..3).map(|_| answered(&mut queue, &mut now)).collect();
    assert_eq!(after, [16, 16, 17], "by about one in a round");
    for _ in 0..9 {
        round(&mut queue, &mut now, ms(100), overload);
    }
    assert_eq!(queue.view(now, Millis(0)).limit, Some(2), "not below the least");
    assert!((0..500).all(|_| answered(&mut queue, &mut now) <= 64), "not above the most");
}

#[test]
fn a_limit_falls_when_answers_become_slower_than_usual() {
    let (mut queue, mut now) = (adaptive(), SEC);
    for _ in 0..6 {
        round(&mut queue, &mut now, ms(100), Outcome::Answered);
    }
    let before = queue.view(now, Millis(0)).limit.expect("a limit");
    for _ in 0..4 {
        round(&mut queue, &mut now, ms(600), Outcome::Answered);
    }
    let after = queue.view(now, Millis(0)).limit.expect("a limit");
    assert!(after < before, "{before} to {after}");
}

#[test]
fn a_limit_that_is_not_used_does_not_grow() {
    let (mut queue, mut now) = (adaptive(), SEC);
    for _ in 0..5 {
        round(&mut queue, &mut now, ms(100), Outcome::Answered);
    }
    let limit = queue.view(now, Millis(0)).limit;
    now += SEC;
    let waiting = queue.decide(now);
    waiting.admitted.into_iter().for_each(|ticket| queue.leave(ticket, now));
    while let [ticket, ..] = queue.decide(now).admitted[..] {
        queue.leave(ticket, now);
    }
    for _ in 0..50 {
        let one = queue.enter(&wish(0, "", 0));
        assert!(queue.decide(now).admitted.contains(&one));
        now += ms(100);
        queue.ended(one, now, ms(100), Outcome::Answered);
    }
    assert_eq!(queue.view(now, Millis(0)).limit, limit);
}

fn guarded(fails_fast: bool) -> Queue {
    let breaker = Breaker { failures: 3, window: 5, open_for: SEC, probes: 2, fails_fast };
    queue(QueueSpec::new("q").breaker(breaker))
}

fn one(queue: &mut Queue, now: Duration, outcome: Outcome) {
    let ticket = queue.enter(&wish(0, "", 0));
    assert_eq!(queue.decide(now).admitted, [ticket]);
    queue.ended(ticket, now, ms(1), outcome);
}

fn circuit(queue: &Queue, now: Duration) -> CircuitState {
    queue.view(now, Millis(0)).circuit.expect("a circuit")
}

#[test]
fn a_circuit_opens_probes_and_closes() {
    let mut queue = guarded(false);
    for outcome in [Outcome::Failed, Outcome::Answered, Outcome::Failed, Outcome::Answered] {
        one(&mut queue, SEC, outcome);
    }
    assert_eq!(circuit(&queue, SEC), CircuitState::Closed, "two of five");
    // One that is under way when it opens says nothing about later.
    let late = queue.enter(&wish(0, "", 0));
    assert_eq!(queue.decide(SEC).admitted, [late]);
    one(&mut queue, SEC, Outcome::Failed);
    assert_eq!(circuit(&queue, SEC), CircuitState::Open);
    let waits: Vec<Ticket> = (0..4).map(|since| queue.enter(&wish(0, "", since))).collect();
    assert_eq!(queue.decide(ms(1_500)).again_at, Some(ms(2_000)));
    let probes = queue.decide(ms(2_000)).admitted;
    assert_eq!(probes, waits[..2], "two to see");
    queue.ended(late, ms(2_000), SEC, Outcome::Failed);
    assert_eq!(circuit(&queue, ms(2_000)), CircuitState::HalfOpen);
    // A probe that fails opens it again; one that vanishes is replaced.
    queue.ended(probes[0], ms(2_100), ms(100), Outcome::Failed);
    assert_eq!(circuit(&queue, ms(2_100)), CircuitState::Open);
    queue.ended(probes[1], ms(2_100), ms(100), Outcome::Answered);
    let again = queue.decide(ms(3_100)).admitted;
    assert_eq!(again, waits[2..]);
    queue.leave(again[0], ms(3_100));
    queue.ended(again[1], ms(3_100), ms(1), Outcome::Answered);
    one(&mut queue, ms(3_100), Outcome::Answered);
    assert_eq!(circuit(&queue, ms(3_100)), CircuitState::Closed);
}

#[test]
fn an_open_circuit_sends_away_if_it_says_so() {
    let mut queue = guarded(true);
    for _ in 0..3 {
        one(&mut queue, SEC, Outcome::Failed);
    }
    let ticket = queue.enter(&wish(0, "", 0));
    let decision = queue.decide(SEC);
    assert_eq!((decision.refused, decision.admitted), (vec![ticket], vec![]));
    assert_eq!(queue.view(SEC, Millis(0)).waiting, 0);
    for _ in 0..3 {
        queue.enter(&wish(0, "", 0));
    }
    let decision = queue.decide(2 * SEC);
    assert_eq!((decision.admitted.len(), decision.refused.len()), (2, 1));
}

#[test]
fn a_wish_to_be_left_alone_is_heeded() {
    let mut queue = queue(QueueSpec::new("q").concurrency(4));
    let failure = Failure::new("rate_limited", "slow down").retry_after(2 * SEC);
    one(&mut queue, SEC, Outcome::of_failure(&failure));
    let ticket = queue.enter(&wish(0, "", 0));
    let decision = queue.decide(SEC);
    assert_eq!((decision.admitted, decision.again_at), (vec![], Some(3 * SEC)));
    assert_eq!(queue.view(SEC, Millis(0)).held_for_ms, Some(2_000));
    assert_eq!(queue.decide(3 * SEC).admitted, [ticket]);
}

#[test]
fn nobody_shuts_a_queue_for_ever() {
    let mut queue = queue(QueueSpec::new("q").concurrency(4));
    let failure = Failure::new("rate_limited", "go away").retry_after(Duration::MAX);
    one(&mut queue, SEC, Outcome::of_failure(&failure));
    let ticket = queue.enter(&wish(0, "", 0));
    let decision = queue.decide(2 * SEC);
    assert_eq!((decision.admitted, decision.again_at), (vec![], Some(SEC + RETRY_AFTER_MAX)));
    queue.reopen();
    assert_eq!(queue.decide(2 * SEC).admitted, [ticket]);
}

#[test]
fn a_circuit_that_is_closed_by_hand_forgets_what_it_saw() {
    let breaker = Breaker { failures: 2, window: 2, open_for: 60 * SEC, ..Breaker::default() };
    let mut queue = queue(QueueSpec::new("q").breaker(breaker));
    let late = queue.enter(&wish(0, "", 0));
    assert_eq!(queue.decide(SEC).admitted, [late]);
    one(&mut queue, SEC, Outcome::Failed);
    one(&mut queue, SEC, Outcome::Failed);
    let ticket = queue.enter(&wish(0, "", 0));
    assert!(queue.decide(SEC).admitted.is_empty());
    assert_eq!(queue.view(SEC, Millis(0)).circuit, Some(CircuitState::Open));
    queue.reopen();
    assert_eq!(queue.view(SEC, Millis(0)).circuit, Some(CircuitState::Closed));
    assert_eq!(queue.decide(SEC).admitted, [ticket]);
    // What was let in before says nothing any more.
    queue.ended(late, SEC, SEC, Outcome::Failed);
    queue.ended(ticket, SEC, SEC, Outcome::Failed);
    assert_eq!(queue.view(SEC, Millis(0)).circuit, Some(CircuitState::Closed));
}

#[test]
fn a_failure_that_is_the_callers_affair_says_nothing_of_the_downstream() {
    let of = |failure| Outcome::of_failure(&failure);
    assert_eq!(of(Failure::fatal("card_declined", "no")), Outcome::Answered);
    assert_eq!(of(Failure::msg("connection reset")), Outcome::Failed);
    assert_eq!(of(Failure::new("timeout", "slow")), Outcome::Overloaded { retry_after: None });
}

#[test]
fn what_cannot_be_a_queue_is_refused_in_words() {
    let wrong = |spec: QueueSpec| spec.check().expect_err("refused");
    let plain = || QueueSpec::new("q");
    let breaker = |failures, window| Breaker { failures, window, ..Breaker::default() };
    assert!(wrong(QueueSpec::new("kind:x")).contains("cannot be a queue's name"));
    assert!(wrong(plain().concurrency(0)).contains("concurrency 0 would let no step begin"));
    assert!(wrong(plain().rate(0, SEC)).contains("a rate of 0 in 1s would let no step begin"));
    assert!(wrong(plain().rate(1, Duration::ZERO)).contains("a rate of 1 in 0ns"));
    assert!(wrong(plain().burst(3)).contains("a rate of 0"), "a burst needs a rate");
    assert!(wrong(plain().rate(1, SEC).burst(0)).contains("burst 0"));
    assert!(wrong(plain().adaptive(0, 3)).contains("1 <= min <= max"));
    assert!(wrong(plain().adaptive(4, 3)).contains("1 <= min <= max"));
    assert!(wrong(plain().adaptive(1, 3).concurrency(2)).contains("say one of the two"));
    assert!(wrong(plain().breaker(breaker(0, 5))).contains("1 <= failures <= window"));
    assert!(wrong(plain().breaker(breaker(6, 5))).contains("1 <= failures <= window"));
    let never = Breaker { probes: 0, ..Breaker::default() };
    assert!(wrong(plain().breaker(never)).contains("never probed"));
}

#[derive(Clone, Debug)]
enum Deed {
    Enter(u8, u8, u64),
    Leave(usize),
    End(usize, u8),
    Pass(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..3_u8, 0..4_u8, 0..50_u64).prop_map(|(p, t, s)| Deed::Enter(p, t, s)),
        1 => (0..50_usize).prop_map(Deed::Leave),
        3 => (0..50_usize, 0..4_u8).prop_map(|(n, o)| Deed::End(n, o)),
        2 => (1..700_u64).prop_map(Deed::Pass),
    ]
}

proptest! {
    /// Nobody is let in twice or forgotten, never more than the limit and the
    /// rate allow, and all who wait are let in in the end.
    #[test]
    fn nothing_is_lost_and_no_limit_exceeded(
        deeds in proptest::collection::vec(deed(), 1..200),
        breaker in any::<bool>(),
        adaptive in any::<bool>(),
    ) {
        let mut spec = QueueSpec::new("q").rate(10, SEC).burst(3);
        spec = if adaptive { spec.adaptive(1, 4) } else { spec.concurrency(4) };
        if breaker {
            spec = spec.breaker(Breaker { failures: 2, window: 3, ..Breaker::default() });
        }
        let mut queue = queue(spec);
        let (mut waits, mut runs) = (Vec::new(), Vec::new());
        let mut now = Duration::ZERO;
        let mut admitted_at = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Enter(priority, tenant, since) => {
                    waits.push(queue.enter(&wish(priority, &tenant.to_string(), since)));
                }
                Deed::Leave(n) if !waits.is_empty() => {
                    queue.leave(waits.remove(n % waits.len()), now);
                }
                Deed::End(n, how) if !runs.is_empty() => {
                    let ticket = runs.remove(n % runs.len());
                    match how {
                        0 => queue.leave(ticket, now),
                        1 => queue.ended(ticket, now, ms(50), Outcome::Failed),
                        2 => {
                            let retry_after = Some(ms(300));
                            queue.ended(ticket, now, ms(90), Outcome::Overloaded { retry_after });
                        }
                        _ => queue.ended(ticket, now, ms(20), Outcome::Answered),
                    }
                }
                Deed::Pass(span) => now += ms(span),
                Deed::Leave(_) | Deed::End(..) => {}
            }
            for ticket in queue.decide(now).admitted {
                let place = waits.iter().position(|other| *other == ticket);
                waits.remove(place.expect("waited"));
                runs.push(ticket);
                admitted_at.push(now);
            }
            let view = queue.view(now, Millis(0));
            prop_assert_eq!((view.waiting, view.running), (waits.len(), runs.len()));
            prop_assert!(runs.len() <= 4);
        }
        for (place, at) in admitted_at.iter().enumerate() {
            let within = admitted_at[place..].iter().take_while(|later| **later < *at + SEC);
            prop_assert!(within.count() <= 13, "a rate and its burst");
        }
        // With time and answers all are let in.
        for _ in 0..waits.len() * 40 + 40 {
            runs.drain(..).for_each(|ticket| queue.ended(ticket, now, ms(1), Outcome::Answered));
            now += SEC;
            runs = queue.decide(now).admitted;
        }
        prop_assert_eq!(queue.view(now, Millis(0)).waiting, 0);
    }

    /// Tenants that always have something waiting are served in turn.
    #[test]
    fn nobody_gets_more_than_one_ahead(
        steps in proptest::collection::vec((0..4_u8, 0..100_u64), 1..120),
    ) {
        let mut queue = queue(QueueSpec::new("q").concurrency(1));
        let mut tenant_of = BTreeMap::new();
        for (tenant, since) in steps {
            let ticket = queue.enter(&wish(0, &tenant.to_string(), since));
            tenant_of.insert(ticket.0, tenant);
        }
        let order = order(&mut queue, SEC);
        let mut served: BTreeMap<u8, usize> = BTreeMap::new();
        for (place, ticket) in order.iter().enumerate() {
            *served.entry(tenant_of[ticket]).or_default() += 1;
            let left: Vec<u8> = order[place + 1..].iter().map(|ticket| tenant_of[ticket]).collect();
            for tenant in &left {
                let own = served.get(tenant).copied().unwrap_or(0);
                prop_assert!(served.values().all(|others| *others <= own + 1));
            }
        }
    }
}
