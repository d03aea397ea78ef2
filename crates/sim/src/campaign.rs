//! Many runs of one scenario, and what was found.

use crate::chance::Chance;
use crate::plan::{CommitFault, Plan};
use crate::run::Run;
use crate::scenario::Scenario;
use crate::world::run;
use std::fmt;
use std::ops::Range;

/// The seed of the runs whose faults are named.
const NAMED_SEED: u64 = 1;

/// A run that went wrong.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The scenario.
    pub scenario: &'static str,
    /// The options that run it again.
    pub options: String,
    /// What was wrong.
    pub words: Vec<String>,
}

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// How many runs.
    pub runs: usize,
    /// How many actions in all.
    pub actions: u64,
    /// Those that went wrong.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for words in &self.words {
            writeln!(f, "  - {words}")?;
        }
        let (scenario, options) = (self.scenario, &self.options);
        write!(f, "  cargo run -p greenroom-sim -- --scenario {scenario} {options} --trace")
    }
}

impl Campaign {
    /// Adds another's runs.
    pub fn add(&mut self, other: Campaign) {
        self.runs += other.runs;
        self.actions += other.actions;
        self.violations.extend(other.violations);
    }

    /// Panics with the first violations, for tests.
    ///
    /// # Panics
    /// If there is one.
    pub fn assert_none(&self) {
        let shown: Vec<String> = self.violations.iter().take(5).map(ToString::to_string).collect();
        let count = self.violations.len();
        assert!(count == 0, "{count} of {} runs went wrong:\n{}", self.runs, shown.join("\n"));
    }

    fn take(&mut self, scenario: &Scenario, calm: &Run, plan: &Plan) {
        let run = run(scenario, plan);
        self.runs += 1;
        self.actions += run.actions;
        let words = judge(scenario, calm, &run);
        if !words.is_empty() {
            let options = options(plan);
            self.violations.push(Violation { scenario: scenario.name, options, words });
        }
    }
}

fn options(plan: &Plan) -> String {
    if plan.weather.is_some() {
        return format!("--seed {}", plan.seed);
    }
    let mut words = Vec::new();
    for action in &plan.crash_before {
        words.push(format!("--crash-at {action}"));
    }
    for (commit, fault) in &plan.commit_faults {
        words.push(format!("--commit-fault {commit}:{fault:?}"));
    }
    words.join(" ")
}

/// All that is wrong with a run, next to the calm run of its scenario.
pub fn judge(scenario: &Scenario, calm: &Run, run: &Run) -> Vec<String> {
    let mut words = run.violations.clone();
    words.extend((scenario.expect)(run));
    if scenario.exact {
        let (is, was) = (run.seen.summary(), calm.seen.summary());
        for (id, now) in &is {
            match was.get(id) {
                Some(then) if then == now => {}
                then => words.push(format!("{id} ended as {now}; without faults: {then:?}")),
            }
        }
        for id in was.keys().filter(|id| !is.contains_key(*id)) {
            words.push(format!("{id} was never started"));
        }
        if run.effects != calm.effects {
            words.push(format!("outside: {:?}; without faults: {:?}", run.effects, calm.effects));
        }
    }
    words
}

/// The scenario without faults.
fn calm(scenario: &Scenario, campaign: &mut Campaign) -> Run {
    let run = run(scenario, &Plan::calm(NAMED_SEED));
    campaign.runs += 1;
    let mut words = judge(scenario, &run, &run);
    words.extend(unknowns(scenario, &run));
    if !words.is_empty() {
        let options = "--calm".to_owned();
        campaign.violations.push(Violation { scenario: scenario.name, options, words });
    }
    run
}

/// Where nothing crashed, every attempt's outcome is known.
fn unknowns(scenario: &Scenario, run: &Run) -> Option<String> {
    let stops = scenario.crashes || (scenario.users)().iter().any(crate::user::User::stops_nodes);
    let unknown = run.seen.history().contains("{\"StepUnknown\"");
    (unknown && !stops).then(|| "a step is unknown although nothing crashed".to_owned())
}

/// A crash before every action, and every fault at every commit.
pub fn exhaust(scenario: &Scenario) -> Campaign {
    let mut campaign = Campaign::default();
    let calm = calm(scenario, &mut campaign);
    for action in 0..calm.actions {
        let plan = Plan { crash_before: [action].into(), ..Plan::calm(NAMED_SEED) };
        campaign.take(scenario, &calm, &plan);
    }
    for commit in 0..calm.commits {
        for fault in CommitFault::ALL {
            let plan = Plan { commit_faults: [(commit, fault)].into(), ..Plan::calm(NAMED_SEED) };
            campaign.take(scenario, &calm, &plan);
        }
    }
    campaign
}

/// Two crashes, or a fault and a crash, at random places.
pub fn double_crashes(scenario: &Scenario, count: u64) -> Campaign {
    let mut campaign = Campaign::default();
    let calm = calm(scenario, &mut campaign);
    let mut chance = Chance::new(count);
    for _ in 0..count {
        let mut place = || chance.below(calm.actions + 10);
        let crash_before = [place(), place()].into();
        let fault = CommitFault::ALL[chance.place(CommitFault::ALL.len())];
        let at = chance.below(calm.commits.max(1));
        let commit_faults = if chance.hit(500) { [(at, fault)].into() } else { Default::default() };
        let plan = Plan { crash_before, commit_faults, ..Plan::calm(NAMED_SEED) };
        campaign.take(scenario, &calm, &plan);
    }
    campaign
}

/// All faults by chance.
pub fn storm(scenario: &Scenario, seeds: Range<u64>) -> Campaign {
    let mut campaign = Campaign::default();
    let calm = calm(scenario, &mut campaign);
    for seed in seeds {
        campaign.take(scenario, &calm, &Plan::stormy(seed));
    }
    campaign
}
