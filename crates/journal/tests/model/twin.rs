//! A store and the one in memory, given the same commits.

use crate::plan::{NAMES, Plan, PlannedSpawn};
use greenroom_journal::testing::request;
use greenroom_journal::{
    AccountWork, AskChange, Commit, FirstTurn, HubWork, Journal, Lease, Listing, Memory, Outgoing,
    Places, Publish, Scope, Spawn, ToChildren, Turn, Watch, Whom, encode_events,
};
use greenroom_model::budget::{Budget, Spend};
use greenroom_model::{
    AskSpec, Audience, Content, Event, Exit, Failure, Kind, Lookup, Millis, Op, Origin, Payload,
    Place, ProcessId, ProcessNo, ReplyTo, Seq, Shard, Status, Sum,
};
use std::collections::HashMap;

pub struct Twin {
    model: Memory,
    store: Box<dyn Journal>,
    lease: Lease,
    now: u64,
}

/// Where a process stands within a group.
struct Standing {
    no: ProcessNo,
    seq: Seq,
    sum: Sum,
    ended: bool,
    mail: Vec<greenroom_model::MessageNo>,
}

fn name(number: u8) -> ProcessId {
    ProcessId::new("p", &number.to_string()).expect("valid")
}

fn number(value: u8) -> Payload {
    Payload::of(&value).expect("a payload")
}

fn exit(which: u8) -> (Status, Exit) {
    match which {
        0 => (Status::Completed, Exit::Normal(number(7))),
        1 => (Status::Failed, Exit::Error(Failure::msg("oops"))),
        2 => (Status::Cancelled, Exit::Killed("enough".into())),
        _ => (Status::Cancelled, Exit::Cancelled("please".into())),
    }
}

fn content(kind: u8, caller: &ProcessId) -> Content {
    let user = |topic: &str, reply_to| {
        let (topic, body) = (topic.into(), number(1));
        Content::User { topic, body, reply_to, carried: None }
    };
    let reply_to = |process: &ProcessId| Some(ReplyTo { process: process.clone(), op: Op(9) });
    match kind {
        0..=2 => user("plain", None),
        3 | 4 => user("call", reply_to(caller)),
        5 => user("call for another", reply_to(&name(0))),
        6 => Content::cancel("r"),
        7 => Content::Restart { keep: None, asked_at: None },
        8 => Content::Reply { op: Op(2), result: Ok(number(2)) },
        _ => Content::Exited { op: Op(3), id: caller.clone(), exit: Exit::NoProcess },
    }
}

impl Twin {
    pub fn new(store: Box<dyn Journal>) -> Twin {
        let model = Memory::new();
        let lease = model.acquire("twin", Millis(1)).expect("acquires");
        assert_eq!(store.acquire("twin", Millis(1)).expect("acquires"), lease);
        Twin { model, store, lease, now: 1 }
    }

    pub fn commit(&mut self, plans: &[Plan]) {
        let mut places = self.places();
        // Who hears of an end in the group where it is brought back itself may
        // hear of it or not: it is a race either way.
        if plans.iter().any(|plan| plan.end.is_some()) {
            places.retain(|_, standing| !standing.ended);
        }
        let group: Vec<Commit> = plans.iter().map(|plan| self.build(plan, &mut places)).collect();
        let wanted = self.model.commit(&group).expect("commits");
        let got = self.store.commit(&group).expect("commits");
        let shown = || format!("{plans:#?}");
        assert_eq!(format!("{got:#?}"), format!("{wanted:#?}"), "after {}", shown());
    }

    fn places(&self) -> HashMap<u8, Standing> {
        let mut places = HashMap::new();
        for which in 0..NAMES {
            let Some(row) = self.model.find(&name(which)).expect("reads") else {
                continue;
            };
            let loaded = self.model.load(row.no, Scope::Segment).expect("reads").expect("is there");
            let mail = loaded.mailbox.iter().map(|message| message.no).collect();
            let ended = row.status.is_ended();
            let standing = Standing { no: row.no, seq: row.seq, sum: row.sum, ended, mail };
            places.insert(which, standing);
        }
        places
    }

    fn build(&mut self, plan: &Plan, places: &mut HashMap<u8, Standing>) -> Commit {
        self.now += 1;
        let at = Millis(self.now);
        let own = name(plan.actor);
        let place = places.get_mut(&plan.actor).filter(|_| !plan.outside);
        let turn = place.map(|place| turn(plan, place, at));
        let from = Origin::Process(own.clone());
        let sends = plan.sends.iter().map(|(to, kind)| Outgoing {
            to: name(*to),
            from: from.clone(),
            content: content(*kind, &own),
            root: format!("root {kind}"),
            hops: u32::from(*to),
        });
        let mut epoch = self.lease.epoch;
        epoch.0 -= i64::from(plan.old_epoch);
        Commit {
            at,
            epoch,
            turn,
            sends: sends.collect(),
            spawns: plan.spawns.iter().map(|planned| spawn(plan, planned, &own, at)).collect(),
            accounts: accounts(plan, &own),
            letters: Vec::new(),
            letter_rules: Default::default(),
            hub: plan.hub.iter().map(|(what, which)| hub(*what, *which, &own)).collect(),
            request: plan.request.map(|key| {
                // Some of them are no longer kept when they come again.
                let until = Millis(self.now + 4 + u64::from(key));
                request(&format!("key {key}"), &format!("what {}", plan.actor), until)
            }),
        }
    }

    /// Everything that can be read is the same.
    pub fn compare(&self) {
        let found = self.store.verify(&mut |_| ()).expect("reads");
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(show(&*self.store, self.now), show(&self.model, self.now));
    }
}

fn turn(plan: &Plan, place: &mut Standing, at: Millis) -> Turn {
    let id = name(plan.actor);
    let events = [Event::TimerFired { op: Op(at.0) }, Event::OperationDropped { op: Op(1) }];
    let count = 1 + usize::from(plan.consume > 0);
    let body = encode_events(&events[..count]).expect("encodes");
    let sum = place.sum.then(place.seq.plus(1), at, &body);
    let mut expect_seq = place.seq;
    if plan.stale {
        expect_seq.0 += 1;
    }
    let end = plan.end.map(exit);
    let status = end.as_ref().map_or(Status::ALL[usize::from(plan.status)], |(status, _)| *status);
    let take = usize::from(plan.consume).min(place.mail.len());
    let turn = Turn {
        process: place.no,
        shard: Shard::of(&id),
        id,
        expect_seq,
        body,
        count,
        sum,
        status,
        wake_at: plan.wake.map(|at| Millis(u64::from(at) * 10)),
        segment: Seq(1),
        kind: plan.version.map(|version| Kind::new("p", u32::from(version)).expect("valid")),
        exit: end.map(|(_, exit)| exit),
        consumed: place.mail.drain(..take).collect(),
        watches: plan.watches.iter().map(|(op, to)| watch(*op, *to)).collect(),
        asks: plan.asks.iter().map(|(op, open)| ask(*op, *open)).collect(),
        unset: plan.state.iter().map(|(key, value)| format!("k{}", key + value % 2)).collect(),
        state: plan.state.iter().map(|(key, value)| (format!("k{key}"), number(*value))).collect(),
        given_up: Vec::new(),
        to_children: plan.told.map(said).into_iter().collect(),
        unwatched: plan.told.map(|op| Op(u64::from(op))).into_iter().collect(),
        unlinks: plan.link.filter(|(_, made)| !made).map(|(to, _)| name(to)).into_iter().collect(),
        links: plan.link.filter(|(_, made)| *made).map(|(to, _)| name(to)).into_iter().collect(),
        leaves: status.is_ended(),
        roots: Vec::new(),
    };
    // Where it will stand if this one passes; if not, the next is stale too.
    (place.seq, place.sum) = (place.seq.plus(count), sum);
    turn
}

fn said(which: u8) -> ToChildren {
    let whom = [Whom::Supervised, Whom::Others][usize::from(which % 2)];
    let tree = whom == Whom::Others;
    let content = Content::Cancel { reason: "r".into(), stop: None, tree };
    ToChildren { content, whom, spawns: usize::from(which) }
}

/// Work with two names, two groups and four patterns.
fn hub(what: u8, which: u8, own: &ProcessId) -> HubWork {
    let op = Op(20 + u64::from(what));
    let group = |which: u8| format!("g{}", which % 2);
    let place = match what % 3 {
        0 => Place::Name(format!("n{}", which % 2)),
        1 => Place::Group(group(which)),
        _ => Place::Topic(["a.b", "a.*", "a.>"][usize::from(which)].to_owned()),
    };
    match what {
        0..=2 => HubWork::Join { place, op: (what == 0).then_some(op) },
        3 => HubWork::Leave { place },
        4 => HubWork::LeaveAll,
        5 => HubWork::Lookup { op, lookup: Lookup::Name(format!("n{}", which % 2)) },
        6 => HubWork::Lookup { op, lookup: Lookup::Group(group(which)) },
        7 => HubWork::Lookup { op, lookup: Lookup::Children },
        _ => HubWork::Publish(Publish {
            op: (which == 0).then_some(op),
            to: if which == 1 { Audience::Group(group(which)) } else { Audience::Subscribers },
            topic: "a.b".into(),
            from: Origin::Process(own.clone()),
            content: content(which, own),
            root: "root".into(),
            hops: 4,
            after: ProcessNo(i64::from(which)),
            at_most: (which == 2).then_some(1),
        }),
    }
}

/// Whoever is started gets a budget, from its parent's if that cannot lead in a
/// circle: who has started somebody is older. Messages are paid.
fn accounts(plan: &Plan, own: &ProcessId) -> Vec<AccountWork> {
    let account = || own.clone();
    let open = |(spawn, planned): (usize, &PlannedSpawn)| AccountWork::Open {
        id: name(planned.name),
        parent: (plan.actor < planned.name).then(account),
        limits: Budget::default().messages(10),
        spawn,
    };
    let mut work: Vec<AccountWork> = plan.spawns.iter().enumerate().map(open).collect();
    let spent = Spend::messages(plan.sends.len() as u64);
    work.push(AccountWork::Spend { account: account(), spent, back: Spend::default() });
    work.push(AccountWork::Told { account: account(), publish: 0 });
    if plan.end.is_some() {
        work.push(AccountWork::Close { account: account() });
    }
    work
}

fn watch(op: u8, target: u8) -> Watch {
    Watch { op: Op(u64::from(op)), target: name(target) }
}

fn ask(op: u8, open: bool) -> AskChange {
    let op = Op(u64::from(op));
    if !open {
        return AskChange::Close { op };
    }
    let spec = AskSpec {
        name: "ok".into(),
        question: format!("well, {op}?"),
        choices: Vec::new(),
        deadline: None,
        default: Some(number(3)),
    };
    AskChange::Open { op, spec }
}

fn spawn(plan: &Plan, planned: &PlannedSpawn, own: &ProcessId, at: Millis) -> Spawn {
    // Only an import brings processes that have ended, and it says nothing to
    // children: those of the one that comes may be there already.
    let ended = planned.ended && plan.told.is_none();
    let body = encode_events(&[Event::TimerFired { op: Op(5) }]).expect("encodes");
    let turn = FirstTurn { at, body, count: 1 };
    let (status, exit) = exit(0);
    Spawn {
        id: name(planned.name),
        kind: Kind::new("p", 1).expect("valid"),
        parent: planned.parent.map(|op| (own.clone(), Op(u64::from(op)))),
        watched: planned.watched,
        detached: planned.turns == 3,
        revive: None,
        root: format!("root of {}", planned.name),
        hops: 2,
        turns: vec![turn; usize::from(planned.turns)],
        status: if ended { status } else { Status::Running },
        wake_at: planned.watches.map(|at| Millis(u64::from(at))),
        segment: Seq(1),
        exit: ended.then_some(exit),
        state: planned.watches.map(|key| (format!("k{key}"), number(key))).into_iter().collect(),
        asks: planned.watches.map(|op| ask(op, true)).into_iter().collect(),
        watches: planned.watches.map(|target| watch(6, target)).into_iter().collect(),
    }
}

fn show(journal: &dyn Journal, now: u64) -> String {
    let rows = journal.list(&Listing { limit: 100, ..Listing::default() }).expect("reads");
    let loaded: Vec<_> = rows
        .iter()
        .map(|row| {
            let loaded = journal.load(row.no, Scope::Whole).expect("loads").expect("is there");
            (loaded, journal.state(row.no).expect("reads"))
        })
        .collect();
    let asks = journal.asks(None).expect("reads");
    let dead = journal.dead(1_000).expect("reads");
    let due = journal.due((Millis(0), ProcessNo(0)), 100).expect("reads");
    let runnable = journal.runnable(ProcessNo(0), 100).expect("reads");
    let requests: Vec<_> = (0..4)
        .map(|key| journal.request(&format!("key {key}"), Millis(now)).expect("reads"))
        .collect();
    let places: Vec<_> = [Place::Name, Place::Group, Place::Topic]
        .map(|sort| Places { like: sort(String::new()), limit: 100 })
        .map(|places| journal.places(&places).expect("reads"))
        .into();
    format!("{places:?}\n{requests:?}\n{loaded:#?}\n{asks:#?}\n{dead:#?}\n{due:?}\n{runnable:?}")
}
