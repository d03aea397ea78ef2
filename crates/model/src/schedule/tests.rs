//! The rules, clause by clause: time zones, misses, overlaps, clocks.

use super::*;
use crate::{Millis, Payload, ProcessId};
use std::time::Duration;

const BEGIN: u64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn every(span_ms: u64) -> ScheduleSpec {
    ScheduleSpec::new("job").every(Duration::from_millis(span_ms))
}

fn schedule(spec: ScheduleSpec) -> Schedule {
    Schedule::new("s", spec, Millis(BEGIN)).expect("it can be done")
}

fn wrong(spec: ScheduleSpec) -> String {
    Schedule::new("s", spec, Millis(BEGIN)).expect_err("it cannot be done")
}

fn times(line: &str, zone: &str, begin: &str, count: usize) -> Vec<String> {
    let begin: jiff::Timestamp = begin.parse().expect("a time");
    let begin = Millis(begin.as_millisecond() as u64);
    let spec = ScheduleSpec::new("job").cron(line, zone);
    let schedule = Schedule::new("s", spec, begin).expect("it can be done");
    schedule.upcoming(count).iter().map(|at| at.to_string().replace(":00.000Z", "Z")).collect()
}

fn at(schedule: &mut Schedule, minutes: u64) -> Option<u64> {
    schedule.due(Millis(BEGIN + minutes * MINUTE)).map(|start| (start.at.0 - BEGIN) / MINUTE)
}

#[test]
fn cron_lines_in_time_zones() {
    let begin = "2026-11-21T09:50:30Z";
    assert_eq!(
        times("*/5 * * * *", "UTC", begin, 3),
        ["2026-11-21T09:55Z", "2026-11-21T10:00Z", "2026-11-21T10:05Z"]
    );
    assert_eq!(times("0 9 * * MON", "Europe/Berlin", begin, 1), ["2026-11-23T08:00Z"]);
    assert_eq!(times("0 0 29 2 *", "UTC", begin, 1), ["2028-02-29T00:00Z"]);
}

#[test]
fn a_gap_of_summer_time_is_not_missed() {
    // On 2026-03-29 Berlin goes from 02:00 to 03:00, which is 01:00 UTC.
    assert_eq!(
        times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        ["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"]
    );
    assert_eq!(
        times("0,30 * * * *", "Europe/Berlin", "2026-03-29T00:29:00Z", 4),
        ["2026-03-29T00:30Z", "2026-03-29T01:00Z", "2026-03-29T01:30Z", "2026-03-29T02:00Z"]
    );
}

#[test]
fn an_hour_that_comes_twice_fires_once_for_a_fixed_time() {
    // On 2026-10-25 Berlin goes from 03:00 back to 02:00, which is 01:00 UTC.
    assert_eq!(
        times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]
    );
    assert_eq!(
        times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:01:00Z", 4),
        ["2026-10-25T00:30Z", "2026-10-25T01:00Z", "2026-10-25T01:30Z", "2026-10-25T02:00Z"]
    );
}

#[test]
fn what_cannot_be_done_is_refused_in_words() {
    let cron = |line: &str| ScheduleSpec::new("job").cron(line, "UTC");
    assert!(wrong(cron("0 0 31 2 *")).contains("never fires"));
    assert!(wrong(cron("0 0 1 1")).contains("the cron line `0 0 1 1`"));
    assert!(wrong(cron("61 * * * *")).contains("the cron line"));
    assert!(wrong(cron("")).contains("the cron line"));
    assert!(wrong(ScheduleSpec::new("job").cron("* * * * *", "Mars/Base")).contains("Mars/Base"));
    assert!(wrong(every(0)).contains("an interval of 0 ms"));
    assert!(wrong(every(u64::MAX)).contains("100 years"));
    assert!(wrong(ScheduleSpec::new("job")).contains("say when"));
    let both = ScheduleSpec { every_ms: Some(1_000), ..cron("* * * * *") };
    assert!(wrong(both).contains("one of"));
    assert!(wrong(ScheduleSpec { kind: "No Kind".into(), ..every(1_000) }).contains("kind"));
    assert!(wrong(ScheduleSpec { zone: Some("UTC".into()), ..every(1_000) }).contains("zone"));
    let none = ScheduleSpec { catch_up: CatchUp::All, catch_up_max: 0, ..every(1_000) };
    assert!(wrong(none).contains("catch_up_max"));
    assert!(Schedule::new(&"n".repeat(161), every(1_000), Millis(BEGIN)).is_err());
    assert!(Schedule::new("a/b", every(1_000), Millis(BEGIN)).is_err());
}

#[test]
fn intervals_fire_on_their_grid() {
    let mut s = schedule(every(10 * MINUTE));
    assert_eq!(at(&mut s, 9), None);
    assert_eq!(at(&mut s, 10), Some(10));
    s.running = None;
    assert_eq!(at(&mut s, 10), None, "not twice");
    assert_eq!(
        s.due(Millis(BEGIN + 20 * MINUTE + 59_000)).map(|start| start.at.0 - BEGIN),
        Some(20 * MINUTE)
    );
    assert_eq!(s.upcoming(2), [Millis(BEGIN + 30 * MINUTE), Millis(BEGIN + 40 * MINUTE)]);
}

#[test]
fn ids_hold_the_time_and_inputs_are_passed_on() {
    let spec = ScheduleSpec { input: Some(Payload::parse("7").expect("json")), ..every(HOUR) };
    let mut s = schedule(spec);
    let start = s.due(Millis(BEGIN + HOUR)).expect("it starts");
    assert_eq!(start.id.as_str(), "job/s@2026-01-01T01:00:00Z");
    assert_eq!(start.input.text(), Some("7"));
    s.ended(&start.id);
    let now = s.run_now(Millis(BEGIN + HOUR + 1), None).expect("it starts");
    assert_eq!(now.id.as_str(), "job/s@2026-01-01T01:00:00.001Z+now");
    assert_eq!(s.next, Some(Millis(BEGIN + 2 * HOUR)), "its plan stays");
}

#[test]
fn what_was_missed_is_up_to_the_policy() {
    let missed = |catch_up, catch_up_max| {
        let spec =
            ScheduleSpec { catch_up, catch_up_max, overlap: Overlap::Allow, ..every(10 * MINUTE) };
        let mut s = schedule(spec);
        // Woken as long as something is due, as a process is.
        let mut started = Vec::new();
        while s.next.is_some_and(|next| next.0 <= BEGIN + 45 * MINUTE) {
            started.extend(at(&mut s, 45));
        }
        (started, s.next.map(|next| (next.0 - BEGIN) / MINUTE), s.skipped)
    };
    assert_eq!(missed(CatchUp::Skip, 100), (vec![], Some(50), 1));
    assert_eq!(missed(CatchUp::One, 100), (vec![10], Some(50), 0));
    assert_eq!(missed(CatchUp::All, 100), (vec![10, 20, 30, 40], Some(50), 0));
    assert_eq!(missed(CatchUp::All, 2), (vec![10, 20], Some(50), 1));
}

#[test]
fn a_little_late_is_in_time() {
    let mut s = schedule(every(HOUR));
    assert_eq!(at(&mut s, 61), Some(60));
    s.running = None;
    assert_eq!(at(&mut s, 122), None, "later than the grace is missed");
    let mut s = schedule(ScheduleSpec { grace_ms: 5 * MINUTE, ..every(HOUR) });
    assert_eq!(at(&mut s, 62), Some(60));
}

#[test]
fn a_clock_that_jumps_back_starts_nothing_twice() {
    let mut s = schedule(every(10 * MINUTE));
    assert_eq!(at(&mut s, 10), Some(10));
    s.running = None;
    assert_eq!(at(&mut s, 3), None);
    assert_eq!(at(&mut s, 10), None);
    // Told anew with the clock further back, it would fire at the same time.
    s.replace(every(10 * MINUTE), Millis(BEGIN)).expect("it can be done");
    assert_eq!(at(&mut s, 10), None, "that time has been");
    assert_eq!(at(&mut s, 20), Some(20));
}

#[test]
fn overlaps_are_up_to_the_policy() {
    let spec = |overlap| ScheduleSpec { overlap, ..every(10 * MINUTE) };
    let mut s = schedule(spec(Overlap::StartAtMostOne));
    assert_eq!((at(&mut s, 10), at(&mut s, 20)), (Some(10), None));
    let running = s.running.clone().expect("it runs");
    assert_eq!(s.ended(&running), None);
    assert_eq!((at(&mut s, 30), s.skipped), (Some(30), 1));

    let mut s = schedule(spec(Overlap::QueueOne));
    assert_eq!((at(&mut s, 10), at(&mut s, 20), at(&mut s, 30)), (Some(10), None, None));
    let running = s.running.clone().expect("it runs");
    let other: ProcessId = "job/other".parse().expect("an id");
    assert_eq!(s.ended(&other), None);
    let queued = s.ended(&running).expect("the first that waited");
    assert_eq!((queued.at.0 - BEGIN, s.skipped), (20 * MINUTE, 1));
    assert_eq!(s.running, Some(queued.id));

    let mut s = schedule(spec(Overlap::Allow));
    assert_eq!((at(&mut s, 10), at(&mut s, 20)), (Some(10), Some(20)));
    assert_eq!(s.running, None);
}

#[test]
fn triggers_move_the_start_until_there_is_quiet() {
    let mut s = schedule(ScheduleSpec::new("job").after_quiet(Duration::from_secs(60)));
    let input = |text| Some(Payload::parse(text).expect("json"));
    assert_eq!(s.next, None);
    assert!(s.trigger(Millis(BEGIN), input("1")));
    assert!(s.trigger(Millis(BEGIN + 30_000), input("2")));
    assert_eq!(at(&mut s, 1), None);
    // However late: somebody waits for it.
    let start = s.due(Millis(BEGIN + HOUR)).expect("it starts");
    assert_eq!((start.at.0 - BEGIN, start.input.text()), (90_000, Some("2")));
    assert_eq!(s.next, None);
    assert!(!schedule(every(HOUR)).trigger(Millis(BEGIN), None));
}

#[test]
fn a_deleted_one_starts_nothing_until_it_is_told_anew() {
    let mut s = schedule(every(10 * MINUTE));
    s.delete();
    assert_eq!((at(&mut s, 10), s.run_now(Millis(BEGIN), None)), (None, None));
    s.replace(every(10 * MINUTE), Millis(BEGIN)).expect("it can be done");
    assert!(s.replace(every(0), Millis(BEGIN)).is_err());
    assert_eq!((at(&mut s, 10), s.deleted), (Some(10), false));
}
