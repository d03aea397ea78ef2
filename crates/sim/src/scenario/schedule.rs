//! Schedules under crashes and a clock that jumps: every start is for a time of
//! the plan, none is made twice, and what was missed is up to the policy.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::run::Run;
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

const MINUTE_MS: u64 = 60_000;
/// When nobody wants them any more.
const END_MS: u64 = 25 * MINUTE_MS;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "schedule",
    about: "starts at intervals and by cron, missed ones made up for, a debounce",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("job", move |ctx, name: String| job(ctx, name, outside.clone()))
    },
    outside: |outside| {
        outside.script("all", Script { slow_ms: 5, ..Script::default() });
    },
    users: || {
        let ended = |name: &str, spec: &str| {
            let user = User::new().starts("schedule", name, spec);
            user.at(END_MS, Wish::Cancel { id: format!("schedule/{name}") })
        };
        let every = |policy: &str, overlap: &str| {
            format!(
                r#"{{"kind":"job","input":"{policy}","every_ms":600000,"catch_up":"{policy}","overlap":"{overlap}"}}"#
            )
        };
        let cron = r#"{"kind":"job","input":"cron","cron":"*/15 * * * *","zone":"Europe/Berlin","catch_up":"one"}"#;
        let quiet = r#"{"kind":"job","input":"none","after_quiet_ms":60000}"#;
        let mut triggers = User::new().starts("schedule", "quiet", quiet);
        for _ in 0..2 {
            triggers = triggers.sends(1_000, "schedule/quiet", "schedule.trigger", "\"quiet\"");
        }
        triggers = triggers.at(END_MS, Wish::Cancel { id: "schedule/quiet".to_owned() });
        vec![
            ended("all", &every("all", "allow")),
            ended("one", &every("one", "queue_one")),
            ended("cron", cron),
            triggers,
        ]
    },
    expect,
    // The clock decides how many there are.
    exact: false,
    timeless: true,
    ..PLAIN
};

/// What a schedule has started, by its times.
fn started(run: &Run, name: &str) -> Vec<String> {
    let prefix = format!("job/{name}@");
    let ids = run.seen.processes.iter().map(|loaded| loaded.row.id.as_str());
    ids.filter_map(|id| id.strip_prefix(&prefix)).map(str::to_owned).collect()
}

fn expect(run: &Run) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in ["all", "one", "cron", "quiet"] {
        let times = started(run, name);
        for time in &times {
            let id = format!("job/{name}@{time}");
            wrong.extend(ends(run, &id, &format!("completed \"{name}\"")));
        }
        wrong.extend(effect(run, name, times.len() as u64));
        wrong.extend(off_plan(name, &times));
        let schedule = format!("schedule/{name}");
        if times.is_empty() && lived(run, &schedule) > Duration::from_millis(16 * MINUTE_MS) {
            wrong.push(format!("{name} has started nothing"));
        }
        wrong.extend(ends(run, &schedule, "cancelled cancelled: no longer wanted"));
    }
    wrong
}

/// How long a schedule was there by the node's clock, which stands still while
/// the wall's has been set back and nodes come and go.
fn lived(run: &Run, id: &str) -> Duration {
    let row = run.seen.process(id).map(|loaded| &loaded.row);
    row.map(|row| row.changed_at.since(row.started_at)).unwrap_or_default()
}

/// Starts at times that are not in the plan.
fn off_plan(name: &str, times: &[String]) -> Vec<String> {
    let Some(first) = times.first() else {
        return Vec::new();
    };
    // Minutes without their tens, seconds, milliseconds: the same on a grid.
    let in_ten = |time: &str| time.get(15..).map(str::to_owned);
    let quarter =
        |time: &str| matches!(time.get(14..), Some("00:00Z" | "15:00Z" | "30:00Z" | "45:00Z"));
    let off = times.iter().filter(|time| match name {
        "cron" => !quarter(time),
        "quiet" => false,
        _ => in_ten(time) != in_ten(first),
    });
    let mut wrong: Vec<String> = off.map(|time| format!("{name} has no time {time}")).collect();
    let ordered = times.windows(2).all(|two| two[0] < two[1]);
    if !ordered {
        wrong.push(format!("{name} has started {times:?}, not in order"));
    }
    // Two triggers are one start, unless more time went by between them.
    if name == "quiet" && times.len() > 2 {
        wrong.push(format!("two triggers have started {times:?}"));
    }
    wrong
}

async fn job(ctx: Ctx, name: String, outside: Outside) -> Result<String, Failure> {
    let step = match name.as_str() {
        "all" => "all",
        "one" => "one",
        "cron" => "cron",
        _ => "quiet",
    };
    outside.step(&ctx, step).await?;
    Ok(name)
}
