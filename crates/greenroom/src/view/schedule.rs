//! Schedules for people: a list, and one in full.

use super::short::{one_line, short};
use super::span::{ago, span, until};
use crate::paint::{Paint, Tone};
use crate::table::{Align, Table};
use greenroom_api::wire::Scheduled;
use greenroom_model::schedule::{CatchUp, Overlap, Schedule, ScheduleSpec};
use greenroom_model::{Millis, Status};
use std::time::Duration;

/// All of them.
pub fn schedules(schedules: &[Scheduled], now: Millis, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("NAME", Align::Left),
        ("KIND", Align::Left),
        ("WHEN", Align::Left),
        ("NEXT", Align::Right),
        ("LAST", Align::Right),
        ("STARTED", Align::Right),
        ("SKIPPED", Align::Right),
        ("", Align::Left),
    ]);
    for one in schedules {
        let Scheduled { name, status, schedule, upcoming, .. } = one;
        let Some(known) = schedule else { continue };
        let next = upcoming.first().map_or_else(|| "-".to_owned(), |at| until(now, *at));
        let last = known.last.map_or_else(|| "-".to_owned(), |at| ago(now, at));
        table.row(vec![
            (name.clone(), Tone::Plain),
            (known.spec.kind.clone(), Tone::Plain),
            (short(&when(&known.spec), 40), Tone::Plain),
            (next, Tone::Plain),
            (last, Tone::Plain),
            (known.started.to_string(), Tone::Plain),
            (known.skipped.to_string(), Tone::Plain),
            remark(*status, known),
        ]);
    }
    table.render(paint)
}

fn remark(status: Status, known: &Schedule) -> (String, Tone) {
    match (&known.error, &known.running) {
        _ if status == Status::Paused => ("paused".to_owned(), Tone::Warn),
        (Some(error), _) => (short(error, 60), Tone::Bad),
        (None, Some(running)) => (format!("last: {running}"), Tone::Quiet),
        (None, None) => (String::new(), Tone::Plain),
    }
}

fn when(spec: &ScheduleSpec) -> String {
    let of = |ms: u64| span(Duration::from_millis(ms));
    match (&spec.cron, spec.every_ms, spec.after_quiet_ms) {
        (Some(line), _, _) => format!("{line} ({})", spec.zone.as_deref().unwrap_or("UTC")),
        (_, Some(ms), _) => format!("every {}", of(ms)),
        (_, _, Some(ms)) => format!("after {} of quiet", of(ms)),
        _ => String::new(),
    }
}

/// One of them in full.
pub fn schedule(one: &Scheduled, now: Millis, paint: Paint) -> String {
    let mut out = String::new();
    let mut say = |name: &str, what: &str| {
        let name = paint.tone(Tone::Quiet, &format!("{name:<9}"));
        out.push_str(&format!("{name} {}\n", one_line(what)));
    };
    say("name", &one.name);
    say("status", one.status.word());
    let Some(known) = &one.schedule else { return out };
    say("kind", &known.spec.kind);
    if let Some(input) = &known.spec.input {
        say("input", &input.to_string());
    }
    say("when", &when(&known.spec));
    say(
        "missed",
        match known.spec.catch_up {
            CatchUp::Skip => "skip",
            CatchUp::One => "one late start",
            CatchUp::All => "a late start for each",
        },
    );
    say(
        "overlap",
        match known.spec.overlap {
            Overlap::StartAtMostOne => "start at most one",
            Overlap::QueueOne => "queue one",
            Overlap::Allow => "allow",
        },
    );
    say("started", &format!("{}, skipped {}", known.started, known.skipped));
    for (name, at) in [("last", known.last), ("queued", known.queued.as_ref().map(|it| it.at))] {
        if let Some(at) = at {
            say(name, &format!("{at} ({})", ago(now, at)));
        }
    }
    if let Some(running) = &known.running {
        say("running", running.as_str());
    }
    if let Some(error) = &known.error {
        say("error", error);
    }
    for at in &one.upcoming {
        say("next", &format!("{at} ({})", until(now, *at)));
    }
    out
}
