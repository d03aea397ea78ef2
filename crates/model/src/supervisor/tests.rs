//! OTP's documented behaviour, clause by clause (`supervisor(3)` and the
//! "Supervisor Behaviour" chapter of the design principles).

use super::*;
use crate::{Exit, Failure, Millis, Payload, ProcessId};

fn own() -> ProcessId {
    ProcessId::parse("supervisor/top").unwrap()
}

fn id(name: &str) -> ProcessId {
    ProcessId::new("worker", &format!("top.{name}")).unwrap()
}

fn child(name: &str) -> ChildSpec {
    ChildSpec::new(name, "worker", Payload::null())
}

fn transient(name: &str) -> ChildSpec {
    ChildSpec { restart: RestartType::Transient, ..child(name) }
}

fn temporary(name: &str) -> ChildSpec {
    ChildSpec { restart: RestartType::Temporary, ..child(name) }
}

fn crash() -> Exit {
    Exit::Error(Failure::msg("crash"))
}

fn normal() -> Exit {
    Exit::Normal(Payload::null())
}

fn shutdown() -> Exit {
    Exit::Shutdown("stopped".into())
}

/// A supervisor and what it has asked for, in short: `+a` start, `>a` restart,
/// `?a` stop (held: `?a*`), `!a` kill, `@a` ask, `.` end.
struct Rig {
    supervisor: Supervisor,
    now: u64,
}

impl Rig {
    fn new(spec: SupervisorSpec) -> Rig {
        let (supervisor, actions) =
            Supervisor::start(&own(), &[], spec, Millis(0)).expect("a good specification");
        let started: Vec<String> = actions.iter().map(short).collect();
        let names = supervisor.children().map(|child| format!("+{}", child.spec.name));
        assert_eq!(started, names.collect::<Vec<_>>(), "children start in order");
        Rig { supervisor, now: 0 }
    }

    /// The state survives being written down between any two facts.
    fn say(&mut self, actions: Vec<Action>) -> String {
        let text = serde_json::to_string(&self.supervisor).unwrap();
        let again: Supervisor = serde_json::from_str(&text).unwrap();
        assert_eq!(again, self.supervisor);
        self.supervisor = again;
        actions.iter().map(short).collect::<Vec<_>>().join(" ")
    }

    fn exit(&mut self, name: &str, exit: Exit) -> String {
        let actions = self.supervisor.exited(Millis(self.now), &id(name), &exit);
        self.say(actions)
    }

    fn wait(&mut self, ms: u64) -> String {
        self.now += ms;
        let actions = self.supervisor.due(Millis(self.now));
        self.say(actions)
    }

    fn stop(&mut self) -> String {
        let actions = self.supervisor.stop(Millis(self.now), "bye", false);
        self.say(actions)
    }

    fn state(&self, name: &str) -> Option<ChildState> {
        self.supervisor.child(&id(name)).map(|child| child.state)
    }
}

fn short(action: &Action) -> String {
    let name = |id: &ProcessId| id.key().trim_start_matches("top.").to_owned();
    let held = |hold: &bool| if *hold { "*" } else { "" };
    match action {
        Action::Start(id) => format!("+{}", name(id)),
        Action::Restart { id, fallback: None, .. } => format!(">{}", name(id)),
        Action::Restart { id, fallback: Some(kind), .. } => format!(">{}={kind}", name(id)),
        Action::Stop { id, hold } => format!("?{}{}", name(id), held(hold)),
        Action::Kill { id, hold } => format!("!{}{}", name(id), held(hold)),
        Action::Ask(id) => format!("@{}", name(id)),
        Action::End(Outcome::Stopped(_)) => ".stopped".into(),
        Action::End(Outcome::AutoShutdown) => ".auto".into(),
        Action::End(Outcome::IntensityReached(id)) => format!(".intensity:{}", name(id)),
        Action::End(Outcome::StartFailed(id, _)) => format!(".start:{}", name(id)),
    }
}

fn spec(strategy: Strategy, children: Vec<ChildSpec>) -> SupervisorSpec {
    SupervisorSpec { strategy, intensity: 10, children, ..SupervisorSpec::default() }
}

fn abc(strategy: Strategy) -> Rig {
    Rig::new(spec(strategy, vec![child("a"), child("b"), child("c")]))
}

// ---- restart types ----

#[test]
fn a_permanent_child_is_always_restarted() {
    let mut rig = abc(Strategy::OneForOne);
    for exit in [normal(), shutdown(), crash(), Exit::Killed("x".into())] {
        assert_eq!(rig.exit("b", exit), ">b");
    }
}

#[test]
fn a_transient_child_is_restarted_only_if_it_ends_abnormally() {
    for (exit, done) in [
        (crash(), ">t"),
        (Exit::Killed("x".into()), ">t"),
        (normal(), ""),
        (shutdown(), ""),
        (Exit::Cancelled("enough".into()), ""),
    ] {
        let mut rig = Rig::new(spec(Strategy::OneForOne, vec![transient("t")]));
        assert_eq!(rig.exit("t", exit), done);
    }
}

#[test]
fn a_temporary_child_is_never_restarted_and_its_specification_goes() {
    let mut rig = Rig::new(spec(Strategy::OneForOne, vec![temporary("t"), transient("u")]));
    assert_eq!(rig.exit("t", crash()), "");
    assert_eq!(rig.state("t"), None);
    assert_eq!(rig.exit("u", normal()), "");
    assert_eq!(rig.state("u"), Some(ChildState::Stopped), "a transient one's stays");
}

// ---- strategies ----

#[test]
fn one_for_one_restarts_that_child() {
    assert_eq!(abc(Strategy::OneForOne).exit("b", crash()), ">b");
}

#[test]
fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    let mut rig = abc(Strategy::OneForAll);
    assert_eq!(rig.exit("b", crash()), "?c*", "one at a time, the last first");
    assert_eq!(rig.exit("c", shutdown()), "?a*");
    assert_eq!(rig.exit("a", shutdown()), ">a >b >c");
}

#[test]
fn rest_for_one_leaves_alone_those_started_before() {
    let mut rig = abc(Strategy::RestForOne);
    assert_eq!(rig.exit("b", crash()), "?c*");
    assert_eq!(rig.exit("c", shutdown()), ">b >c");
    assert_eq!(rig.exit("c", crash()), ">c");
}

#[test]
fn temporary_siblings_that_are_stopped_do_not_come_back() {
    let children = vec![child("a"), temporary("b"), child("c")];
    let mut rig = Rig::new(spec(Strategy::OneForAll, children));
    assert_eq!(rig.exit("c", crash()), "?b", "and its mailbox is not kept");
    assert_eq!(rig.exit("b", shutdown()), "?a*");
    assert_eq!(rig.exit("a", shutdown()), ">a >c");
    assert_eq!(rig.state("b"), None);
}

#[test]
fn a_transient_sibling_that_had_ended_comes_back_with_all() {
    let mut rig = Rig::new(spec(Strategy::OneForAll, vec![transient("a"), child("b")]));
    assert_eq!(rig.exit("a", normal()), "");
    assert_eq!(rig.exit("b", crash()), ">a >b");
}

#[test]
fn who_ends_while_the_others_are_stopped_is_not_stopped_again() {
    let mut rig = abc(Strategy::OneForAll);
    assert_eq!(rig.exit("a", crash()), "?c*");
    assert_eq!(rig.exit("b", crash()), "");
    assert_eq!(rig.exit("c", shutdown()), ">a >b >c");
}

#[test]
fn a_crash_beside_a_restart_is_decided_after_it() {
    let mut rig = abc(Strategy::RestForOne);
    assert_eq!(rig.exit("b", crash()), "?c*");
    assert_eq!(rig.exit("a", crash()), "");
    assert_eq!(rig.exit("c", shutdown()), ">b >c ?c*", "a restarts, and with it b and c");
    assert_eq!(rig.exit("c", shutdown()), "?b*");
    assert_eq!(rig.exit("b", shutdown()), ">a >b >c");
}

// ---- shutdown ----

#[test]
fn children_stop_in_reverse_order_each_within_its_time() {
    let mut rig = abc(Strategy::OneForOne);
    assert_eq!(rig.stop(), "?c");
    assert_eq!(rig.wait(4_999), "");
    assert_eq!(rig.wait(1), "!c", "five seconds by default");
    assert_eq!(rig.exit("c", Exit::Killed("x".into())), "?b");
    assert_eq!(rig.exit("b", shutdown()), "?a");
    assert_eq!(rig.exit("a", normal()), "?a .stopped", "it ended by itself: it is let go");
}

#[test]
fn brutal_kill_does_not_ask_and_infinity_waits() {
    let brutal = ChildSpec { shutdown: Some(Shutdown::BrutalKill), ..child("a") };
    let patient = ChildSpec { shutdown: Some(Shutdown::Infinity), ..child("b") };
    let mut rig = Rig::new(spec(Strategy::OneForOne, vec![brutal, patient]));
    assert_eq!(rig.stop(), "?b");
    assert_eq!(rig.wait(u64::MAX / 2), "");
    assert_eq!(rig.exit("b", shutdown()), "!a");
    assert_eq!(rig.exit("a", Exit::Killed("x".into())), ".stopped");
}

#[test]
fn a_supervisor_below_has_all_the_time_it_needs() {
    let below = ChildSpec::new("below", "supervisor", Payload::null());
    assert_eq!(below.shutdown(), Shutdown::Infinity);
    assert_eq!(child("a").shutdown(), Shutdown::TimeoutMs(5_000));
}

#[test]
fn dynamic_children_stop_all_at_once() {
    let mut rig = Rig::new(spec(Strategy::Dynamic, vec![child("template")]));
    assert_eq!(rig.supervisor.children().count(), 0, "the template is not a child");
    for name in ["x", "y"] {
        let (_, actions) = rig.supervisor.start_child(Millis(0), child(name)).unwrap();
        assert_eq!(rig.say(actions), format!("+{name}"));
    }
    assert_eq!(rig.exit("x", crash()), ">x");
    assert_eq!(rig.stop(), "?y ?x");
    assert_eq!(rig.exit("x", shutdown()), "");
    assert_eq!(rig.exit("y", shutdown()), ".stopped");
}

#[test]
fn a_stop_in_the_middle_of_a_restart_ends_it() {
    let mut rig = abc(Strategy::OneForAll);
    assert_eq!(rig.exit("a", crash()), "?c*");
    assert_eq!(rig.stop(), "");
    assert_eq!(rig.exit("c", shutdown()), "?b");
    assert_eq!(rig.exit("b", shutdown()), "?a .stopped", "the one that is down is let go");
}

// ---- intensity ----

#[test]
fn one_restart_too_many_stops_all_and_ends_the_supervisor() {
    let children = vec![child("a"), child("b")];
    let spec = SupervisorSpec { intensity: 2, ..spec(Strategy::OneForOne, children) };
    let mut rig = Rig::new(spec);
    assert_eq!(rig.exit("a", crash()), ">a");
    assert_eq!(rig.exit("b", crash()), ">b", "restarts of all children count together");
    assert_eq!(rig.exit("a", crash()), "?b");
    assert_eq!(rig.exit("b", shutdown()), "?a .intensity:a");
}

#[test]
fn restarts_that_lie_further_back_than_the_period_do_not_count() {
    let spec = SupervisorSpec { intensity: 1, ..spec(Strategy::OneForOne, vec![child("a")]) };
    let mut rig = Rig::new(spec);
    assert_eq!(rig.exit("a", crash()), ">a");
    assert_eq!(rig.wait(5_001), "");
    assert_eq!(rig.exit("a", crash()), ">a");
    assert_eq!(rig.wait(5_000), "");
    assert_eq!(rig.exit("a", crash()), "?a .intensity:a");
}

#[test]
fn a_restart_of_all_counts_once() {
    let children = vec![child("a"), child("b")];
    let mut rig = Rig::new(SupervisorSpec { intensity: 1, ..spec(Strategy::OneForAll, children) });
    assert_eq!(rig.exit("a", crash()), "?b*");
    assert_eq!(rig.exit("b", shutdown()), ">a >b");
}

// ---- significant children ----

fn significant(child: ChildSpec) -> ChildSpec {
    ChildSpec { significant: true, ..child }
}

#[test]
fn any_significant_child_that_ends_by_itself_ends_the_supervisor() {
    let children = vec![child("a"), significant(transient("b")), significant(temporary("c"))];
    let any = SupervisorSpec {
        auto_shutdown: AutoShutdown::AnySignificant,
        ..spec(Strategy::OneForOne, children)
    };
    let mut rig = Rig::new(any.clone());
    assert_eq!(rig.exit("b", crash()), ">b", "abnormal: restarted instead");
    assert_eq!(rig.exit("b", normal()), "?c");
    let mut rig = Rig::new(any);
    assert_eq!(rig.exit("c", crash()), "?b", "a temporary one's end always counts");
    assert_eq!(rig.exit("b", shutdown()), "?a");
    assert_eq!(rig.exit("a", shutdown()), ".auto");
}

#[test]
fn all_significant_children_must_have_ended() {
    let children = vec![significant(transient("a")), child("b"), significant(temporary("c"))];
    let mut rig = Rig::new(SupervisorSpec {
        auto_shutdown: AutoShutdown::AllSignificant,
        ..spec(Strategy::OneForOne, children)
    });
    assert_eq!(rig.exit("c", normal()), "");
    assert_eq!(rig.exit("a", normal()), "?b");
    assert_eq!(rig.exit("b", shutdown()), ".auto");
}

#[test]
fn a_significant_child_stopped_by_its_supervisor_does_not_count() {
    let children = vec![significant(transient("a")), child("b")];
    let mut rig = Rig::new(SupervisorSpec {
        auto_shutdown: AutoShutdown::AnySignificant,
        ..spec(Strategy::OneForOne, children)
    });
    let actions = rig.supervisor.terminate_child(Millis(0), "a").unwrap();
    assert_eq!(rig.say(actions), "?a");
    assert_eq!(rig.exit("a", shutdown()), "");
    assert_eq!(rig.state("b"), Some(ChildState::Running));
}

// ---- requests ----

#[test]
fn start_child_refuses_a_name_that_is_there() {
    let mut rig = abc(Strategy::OneForOne);
    let refused = rig.supervisor.start_child(Millis(0), child("a")).unwrap_err();
    assert!(refused.is("already_started"), "{refused}");
    let actions = rig.supervisor.terminate_child(Millis(0), "a").unwrap();
    assert_eq!(rig.say(actions), "?a");
    assert!(rig.supervisor.is_busy(), "requests wait until it has stopped");
    assert_eq!(rig.exit("a", shutdown()), "");
    let refused = rig.supervisor.start_child(Millis(0), child("a")).unwrap_err();
    assert!(refused.is("already_present"), "{refused}");
}

#[test]
fn a_stopped_child_stays_stopped_until_it_is_restarted_or_deleted() {
    let mut rig = abc(Strategy::OneForOne);
    assert!(rig.supervisor.restart_child(Millis(0), "a").unwrap_err().is("running"));
    assert!(rig.supervisor.delete_child("a").unwrap_err().is("running"));
    assert!(rig.supervisor.delete_child("z").unwrap_err().is("not_found"));
    assert!(rig.supervisor.terminate_child(Millis(0), "z").unwrap_err().is("not_found"));
    for name in ["a", "b"] {
        let actions = rig.supervisor.terminate_child(Millis(0), name).unwrap();
        assert_eq!(rig.say(actions), format!("?{name}"));
        assert_eq!(rig.exit(name, shutdown()), "");
    }
    let actions = rig.supervisor.restart_child(Millis(0), "a").unwrap();
    assert_eq!(rig.say(actions), ">a");
    rig.supervisor.delete_child("b").unwrap();
    assert_eq!(rig.state("b"), None);
}

// ---- what OTP has not: back-off, fallback, a person ----

#[test]
fn restarts_in_a_row_wait_longer_each_time() {
    let slow = ChildSpec { backoff: Backoff { first_ms: 100, max_ms: 300 }, ..child("a") };
    let mut rig = Rig::new(spec(Strategy::OneForOne, vec![slow]));
    assert_eq!(rig.exit("a", crash()), ">a");
    for wait in [100, 200, 300, 300] {
        assert_eq!(rig.exit("a", crash()), "");
        assert_eq!(rig.supervisor.wake_at(), Some(Millis(rig.now + wait)));
        assert_eq!(rig.wait(wait - 1), "");
        assert_eq!(rig.wait(1), ">a");
    }
    rig.wait(60_001);
    assert_eq!(rig.exit("a", crash()), ">a", "it has run long enough to begin from none");
}

#[test]
fn a_back_off_holds_up_the_whole_group_that_restarts_together() {
    let slow = ChildSpec { backoff: Backoff { first_ms: 100, max_ms: 100 }, ..child("a") };
    let mut rig = Rig::new(spec(Strategy::OneForAll, vec![slow, child("b")]));
    assert_eq!(rig.exit("a", crash()), "?b*");
    assert_eq!(rig.exit("b", shutdown()), ">a >b");
    assert_eq!(rig.exit("a", crash()), "?b*");
    assert_eq!(rig.exit("b", shutdown()), "");
    assert_eq!(rig.supervisor.wake_at(), Some(Millis(100)));
    assert_eq!(rig.wait(100), ">a >b");
}

#[test]
fn a_child_that_keeps_failing_falls_back() {
    let fallback = Fallback { kind: "simple".into(), after_restarts: 2 };
    let tried = ChildSpec { fallback: Some(fallback), ..child("a") };
    let mut rig = Rig::new(spec(Strategy::OneForOne, vec![tried]));
    let done: Vec<String> = (0..4).map(|_| rig.exit("a", crash())).collect();
    assert_eq!(done, [">a", ">a", ">a=simple", ">a"]);
}

#[test]
fn instead_of_ending_a_person_can_be_asked() {
    let one = SupervisorSpec {
        intensity: 1,
        on_intensity: OnIntensity::Ask,
        ..spec(Strategy::OneForOne, vec![child("a"), child("b")])
    };
    let mut rig = Rig::new(one);
    assert_eq!(rig.exit("a", crash()), ">a");
    assert_eq!(rig.exit("a", crash()), "@a");
    assert_eq!(rig.state("b"), Some(ChildState::Running), "the others go on");
    let actions = rig.supervisor.answered(Millis(0), &id("a"), true);
    assert_eq!(rig.say(actions), ">a");
    assert_eq!(rig.exit("a", crash()), ">a", "and counting begins anew");
    assert_eq!(rig.exit("a", crash()), "@a");
    let actions = rig.supervisor.answered(Millis(0), &id("a"), false);
    assert_eq!(rig.say(actions), "?b");
    assert_eq!(rig.exit("b", shutdown()), "?a .intensity:a");
}

#[test]
fn a_child_that_cannot_be_started_is_not_tried_again() {
    let mut rig = abc(Strategy::OneForOne);
    let taken = Exit::Error(Failure::fatal(crate::failure::ALREADY_EXISTS, "taken"));
    assert_eq!(rig.exit("b", taken), "?c");
}

// ---- bad specifications ----

#[test]
fn a_specification_that_cannot_work_is_refused_before_anything_starts() {
    let refused = |change: &dyn Fn(&mut SupervisorSpec)| {
        let mut bad = spec(Strategy::OneForOne, vec![child("a"), child("b")]);
        change(&mut bad);
        Supervisor::start(&own(), &[ProcessId::parse("worker/up").unwrap()], bad, Millis(0))
            .expect_err("a bad specification")
    };
    type Change<'a> = &'a dyn Fn(&mut SupervisorSpec);
    let cases: [(Change<'_>, &str); 11] = [
        (&|spec| spec.intensity = 0, "intensity 0"),
        (&|spec| spec.period_ms = 0, "period_ms 0"),
        (&|spec| spec.children[1].name = "a".into(), "two children are named `a`"),
        (&|spec| spec.children[1].key = Some("top.a".into()), "two children have the id"),
        (&|spec| spec.children[0].key = Some("up".into()), "would supervise itself"),
        (&|spec| spec.children[0].kind = "no kind!".into(), "child `a`"),
        (&|spec| spec.children[0].significant = true, "cannot be significant"),
        (&|spec| spec.children[0] = significant(transient("a")), "auto_shutdown is `never`"),
        (&|spec| spec.children[0].shutdown = Some(Shutdown::TimeoutMs(0)), "brutal_kill"),
        (&|spec| spec.strategy = Strategy::Dynamic, "one child specification"),
        (&|spec| spec.children[0].backoff.first_ms = 5, "back-off"),
    ];
    for (change, words) in cases {
        let said = refused(change);
        assert!(said.contains(words), "{said:?} does not say {words:?}");
    }
    let itself = ChildSpec { kind: "supervisor".into(), key: Some("top".into()), ..child("a") };
    let said = spec(Strategy::OneForOne, vec![itself]).check(&own(), &[]).unwrap_err();
    assert!(said.contains("would supervise itself"), "{said}");
    // And one further down, before anything of the tree is started.
    let nested = |input: &SupervisorSpec| ChildSpec {
        kind: "supervisor".into(),
        input: Payload::of(input).unwrap(),
        ..child("sub")
    };
    let itself = ChildSpec { kind: "supervisor".into(), key: Some("top".into()), ..child("a") };
    let below = spec(Strategy::OneForOne, vec![itself]);
    let said = spec(Strategy::OneForOne, vec![nested(&below)]).check(&own(), &[]).unwrap_err();
    assert!(said.contains("child `sub`") && said.contains("would supervise itself"), "{said}");
    let never = SupervisorSpec { intensity: 0, ..spec(Strategy::OneForOne, vec![]) };
    let said = spec(Strategy::OneForOne, vec![nested(&never)]).check(&own(), &[]).unwrap_err();
    assert!(said.contains("child `sub`: intensity 0"), "{said}");
}

#[test]
fn a_specification_in_json_names_what_it_does_not_know() {
    let read = |text: &str| serde_json::from_str::<SupervisorSpec>(text);
    let small = read(r#"{"children":[{"name":"a","kind":"worker"}]}"#).unwrap();
    assert_eq!(small.children, [child("a")]);
    let error = read(r#"{"strategy":"one_for_none"}"#).unwrap_err().to_string();
    assert!(error.contains("one_for_none") && error.contains("rest_for_one"), "{error}");
    let error = read(r#"{"childs":[]}"#).unwrap_err().to_string();
    assert!(error.contains("childs"), "{error}");
}
