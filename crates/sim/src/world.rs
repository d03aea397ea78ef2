//! One run: a node on a machine, users around it, one action at a time, each
//! chosen by the seed, until nothing is left to do.

use crate::boot::{Boot, Ground};
use crate::chance::Chance;
use crate::check;
use crate::door::Door;
use crate::faulty::Faults;
use crate::machine::{Machine, Owner};
use crate::outside::Outside;
use crate::plan::Plan;
use crate::run::{Run, Seen};
use crate::scenario::Scenario;
use crate::user;
use greenroom_journal::Memory;
use std::sync::{Arc, PoisonError};

/// After so many actions a run is said to go on for ever.
const ACTIONS_MAX: u64 = 20_000;

/// What can be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Visit(usize),
    Commit(usize),
    Poll,
    Look(usize),
    Advance(u64),
}

/// A run under way.
pub struct World<'a> {
    scenario: &'a Scenario,
    plan: &'a Plan,
    ground: Ground,
    outside: Outside,
    door: Arc<Door>,
    complaints: user::Complaints,
    chance: Chance,
    boots: Vec<Boot>,
    boot_count: u64,
    actions: u64,
    resident_max: usize,
    trace: Vec<String>,
    violations: Vec<String>,
}

/// Runs a scenario once.
pub fn run(scenario: &Scenario, plan: &Plan) -> Run {
    let mut world = World::new(scenario, plan);
    world.work();
    world.finish()
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, plan: &'a Plan) -> World<'a> {
        let machine = Arc::new(Machine::default());
        let faults = Arc::new(Faults::new(plan));
        let outside = Outside::new(machine.clone(), faults.log.clone());
        (scenario.outside)(&outside);
        let ground = Ground { machine, wall: Arc::default(), store: Memory::new(), faults };
        let mut chance = Chance::new(plan.seed);
        let stormy = plan.weather.is_some();
        let resident_max = match scenario.resident_max {
            None if stormy && chance.hit(300) => 1,
            None => 1_000,
            Some(resident_max) => resident_max,
        };
        World {
            scenario,
            plan,
            ground,
            outside,
            door: Arc::default(),
            complaints: Arc::default(),
            chance,
            boots: Vec::new(),
            boot_count: 0,
            actions: 0,
            resident_max,
            trace: Vec::new(),
            violations: Vec::new(),
        }
    }

    fn say(&mut self, words: impl FnOnce() -> String) {
        if self.plan.trace {
            let (action, now) = (self.actions, self.ground.machine.now_ms());
            self.trace.push(format!("{action:>5} {now:>8} ms  {}", words()));
        }
    }

    fn boot(&mut self) {
        self.boot_count += 1;
        let number = self.boot_count;
        self.say(|| format!("boot {number}"));
        let registry = (self.scenario.registry)(&self.outside.of(number));
        let seed = self.plan.seed ^ number.wrapping_mul(0x9E37_79B9);
        match Boot::start(&self.ground, number, seed, registry, self.resident_max) {
            Ok(boot) => {
                self.door.open(number, boot.node.clone());
                self.boots.push(boot);
            }
            Err(error) => self.violations.push(format!("a node could not start: {error}")),
        }
    }

    /// The node of this place goes, with all of its memory.
    fn crash(&mut self, place: usize) {
        let boot = self.boots.remove(place);
        self.say(|| format!("crash of boot {}", boot.number));
        self.door.close(boot.number);
        drop(boot);
        self.ground.machine.wake_all(Owner::Users);
        if self.boots.is_empty() {
            self.ground.machine.advance(self.scenario.downtime_ms);
            self.boot();
        }
    }

    fn crash_all(&mut self) {
        while self.boots.len() > 1 {
            self.crash(0);
        }
        self.crash(0);
    }

    fn work(&mut self) {
        self.boot();
        let users = (self.scenario.users)();
        for (number, user) in users.into_iter().enumerate() {
            let (machine, door) = (self.ground.machine.clone(), self.door.clone());
            let (complaints, outside) = (self.complaints.clone(), self.outside.clone());
            let life = user::live(number, user, machine.clone(), door, complaints, outside);
            machine.spawn(Owner::Users, life);
        }
        while let Some(action) = self.choose() {
            if self.plan.crash_before.contains(&self.actions) {
                self.actions += 1;
                self.crash_all();
                continue;
            }
            self.act(action);
            self.actions += 1;
            let struck = self.ground.faults.take_crash() | self.outside.take_crash();
            if struck | self.door.take_knocked_down() {
                self.crash_all();
            }
            self.bury_the_fenced();
            self.weather();
            if self.actions > ACTIONS_MAX {
                self.violations.push(format!("no end after {ACTIONS_MAX} actions"));
                return;
            }
        }
    }

    /// Everything that can be done, of which the seed takes one; time moves
    /// when nothing can. `None`: all is quiet.
    fn choose(&mut self) -> Option<Action> {
        let mut can = Vec::new();
        let mut wait: Option<u64> = self.ground.machine.next_sleeper_ms();
        for (place, boot) in self.boots.iter().enumerate() {
            let (visits, commits) = boot.engine.waiting();
            can.extend((visits > 0).then_some(Action::Visit(place)));
            can.extend((commits > 0).then_some(Action::Commit(place)));
            match boot.next_look_ms() {
                Some(0) => can.push(Action::Look(place)),
                later => wait = wait.into_iter().chain(later).min(),
            }
        }
        can.extend((self.ground.machine.ready() > 0).then_some(Action::Poll));
        if can.is_empty() {
            if wait.is_none() && self.boots.len() > 1 {
                // Nobody tells the old node; it ends some day.
                self.crash(0);
                return self.choose();
            }
            return wait.map(|span| Action::Advance(span.max(1)));
        }
        Some(can[self.chance.place(can.len())])
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Visit(place) => {
                let engine = self.boots[place].engine.clone();
                engine.visit_one(|len| self.chance.place(len));
                self.say(|| format!("visit ({place})"));
            }
            Action::Commit(place) => {
                let most = 1 + self.chance.place(8);
                let done = self.boots[place].engine.commit_up_to(most);
                let last = self.ground.faults.take_last();
                self.say(|| format!("commit ({place}) {last:?}: {done:?}"));
            }
            Action::Poll => {
                let chance = &mut self.chance;
                let task = self.ground.machine.poll_one(|len| chance.place(len));
                self.say(|| format!("poll {task:?}"));
            }
            Action::Look(place) => {
                self.boots[place].look();
                self.say(|| format!("timers ({place})"));
            }
            Action::Advance(span_ms) => {
                self.ground.machine.advance(span_ms);
                self.say(|| format!("{span_ms} ms pass"));
            }
        }
    }

    fn bury_the_fenced(&mut self) {
        while let Some(place) = self.boots.iter().position(Boot::is_fenced) {
            self.crash(place);
        }
    }

    fn weather(&mut self) {
        let faults = self.ground.faults.clone();
        if faults.strikes(|weather| weather.crash) {
            let downtime = self.chance.between(0, 100);
            self.ground.machine.advance(downtime);
            self.crash_all();
        }
        if faults.strikes(|weather| weather.rival) {
            self.say(|| "another node takes the lease".to_owned());
            self.boot();
        }
        if faults.strikes(|weather| weather.jump) {
            let forward = if self.scenario.timeless { 86_400_000 } else { 500 };
            let by_ms = if self.chance.hit(500) { -3_600_000 } else { forward };
            self.say(|| format!("the clock jumps by {by_ms} ms"));
            self.ground.wall.jump(by_ms);
            for boot in &mut self.boots {
                boot.look_at_ms = Some(0);
            }
        }
        if faults.strikes(|weather| weather.drift) {
            let span_ms = self.chance.between(1, 30);
            self.ground.machine.advance(span_ms);
        }
        if faults.strikes(|weather| weather.passivate) {
            self.boots.iter().for_each(|boot| boot.engine.passivate_all());
        }
    }

    /// All is quiet: what has come of it is read, and held against what was
    /// written.
    fn finish(mut self) -> Run {
        self.ground.faults.end();
        let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.violations.extend(complaints);
        if self.violations.is_empty() {
            self.look_again();
        }
        let virtual_ms = self.ground.machine.now_ms();
        while let Some(boot) = self.boots.pop() {
            self.door.close(boot.number);
        }
        self.ground.machine.kill(Owner::Users);
        let seen = Seen::read(&self.ground.store);
        match &seen {
            Ok(seen) => {
                self.violations.extend(check::all(seen, &self.ground, &self.outside, self.scenario))
            }
            Err(error) => self.violations.push(format!("the store cannot be read: {error}")),
        }
        let seen = seen.unwrap_or_default();
        Run {
            seen,
            effects: self.outside.effects(),
            calls: self.outside.call_counts(),
            order: self.outside.order(),
            violations: self.violations,
            actions: self.actions,
            commits: self.ground.faults.commits(),
            virtual_ms,
            trace: self.trace,
        }
    }

    /// A node that begins on the final store must find nothing to do: else the
    /// old one had forgotten something.
    fn look_again(&mut self) {
        let turns = self.turn_count();
        self.boots.clear();
        self.boot();
        let mut steps = 0;
        while let Some(action) = self.choose() {
            if matches!(action, Action::Advance(_)) {
                self.violations
                    .push("a new node finds a timer the old one had forgotten".to_owned());
                break;
            }
            self.act(action);
            steps += 1;
            if steps > ACTIONS_MAX {
                self.violations
                    .push("a new node on the final store never comes to rest".to_owned());
                break;
            }
        }
        if self.turn_count() != turns {
            self.violations.push("a new node finds work the old one had forgotten".to_owned());
        }
    }

    fn turn_count(&self) -> usize {
        self.ground.faults.log.lock().unwrap_or_else(PoisonError::into_inner).turn_count()
    }
}
