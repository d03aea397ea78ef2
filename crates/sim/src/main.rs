//! Long runs of the simulator, and one run with every action told.

use clap::Parser;
use greenroom_sim::{
    ALL, Campaign, CommitFault, Plan, Scenario, double_crashes, exhaust, judge, named, run, storm,
};
use std::process::ExitCode;

/// Runs scenarios with faults; exits with 1 if anything does not hold.
#[derive(Parser)]
struct Options {
    /// Only this scenario.
    #[arg(long)]
    scenario: Option<String>,
    /// So many seeds of random faults for each scenario.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One run, with the faults of this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// One run, with a crash before this action; may be repeated.
    #[arg(long)]
    crash_at: Vec<u64>,
    /// One run, with a fault at this group commit, like 3:LostAck; may be
    /// repeated.
    #[arg(long)]
    commit_fault: Vec<String>,
    /// One run without faults.
    #[arg(long)]
    calm: bool,
    /// Tell every action of the one run, and every journal.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let scenarios: Vec<&Scenario> = match &options.scenario {
        None => ALL.iter().collect(),
        Some(name) => match named(name) {
            Some(scenario) => vec![scenario],
            None => {
                let known: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
                eprintln!("no scenario `{name}`; there are: {}", known.join(", "));
                return ExitCode::from(2);
            }
        },
    };
    let right = match plan(&options) {
        Err(words) => {
            eprintln!("{words}");
            return ExitCode::from(2);
        }
        Ok(Some(plan)) => {
            // Not `all`: each is to be run and told.
            let wrong = scenarios.into_iter().filter(|scenario| !one(scenario, &plan)).count();
            wrong == 0
        }
        Ok(None) => many(&scenarios, &options),
    };
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The one run that is asked for, if one is.
fn plan(options: &Options) -> Result<Option<Plan>, String> {
    if let Some(seed) = options.seed {
        return Ok(Some(Plan { trace: options.trace, ..Plan::stormy(seed) }));
    }
    if !options.calm && options.crash_at.is_empty() && options.commit_fault.is_empty() {
        return Ok(None);
    }
    let mut plan = Plan { trace: options.trace, ..Plan::calm(1) };
    plan.crash_before = options.crash_at.iter().copied().collect();
    for text in &options.commit_fault {
        let fault = text.split_once(':').and_then(|(commit, name)| {
            let fault = CommitFault::ALL.into_iter().find(|fault| format!("{fault:?}") == name)?;
            Some((commit.parse().ok()?, fault))
        });
        let (commit, fault) = fault.ok_or_else(|| {
            format!("`{text}` is no fault: write NUMBER:NAME with one of {:?}", CommitFault::ALL)
        })?;
        plan.commit_faults.insert(commit, fault);
    }
    Ok(Some(plan))
}

fn one(scenario: &Scenario, plan: &Plan) -> bool {
    let calm = run(scenario, &Plan::calm(1));
    let run = run(scenario, plan);
    if plan.trace {
        run.trace.iter().for_each(|line| println!("{line}"));
        println!("{}", run.seen.history());
    }
    let words = judge(scenario, &calm, &run);
    let (actions, commits, span) = (run.actions, run.commits, run.virtual_ms);
    println!("{}: {actions} actions, {commits} commits, {span} virtual ms", scenario.name);
    words.iter().for_each(|words| println!("  - {words}"));
    words.is_empty()
}

fn many(scenarios: &[&Scenario], options: &Options) -> bool {
    let mut all = Campaign::default();
    for scenario in scenarios {
        let mut campaign = exhaust(scenario);
        campaign.add(double_crashes(scenario, options.seeds));
        campaign.add(storm(scenario, options.from..options.from + options.seeds));
        let (name, runs, count) = (scenario.name, campaign.runs, campaign.violations.len());
        println!("{name:<12} {runs:>7} runs, {count} went wrong: {}", scenario.about);
        campaign.violations.iter().take(10).for_each(|violation| println!("{violation}"));
        all.add(campaign);
    }
    println!("{} runs, {} actions, {} went wrong", all.runs, all.actions, all.violations.len());
    all.violations.is_empty()
}
