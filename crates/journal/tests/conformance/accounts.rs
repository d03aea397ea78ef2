//! Budgets: what is used up is noted with what used it up, or not at all.

use crate::stage::{Cell, Stage, child, id, outgoing, user};
use greenroom_journal::{AccountWork, Commit, HubWork, Publish, Receipt, Refusal};
use greenroom_model::budget::{Account, Budget, Spend};
use greenroom_model::{Audience, Origin, Place, ProcessNo, Seq};

fn account(stage: &Stage, name: &str) -> Account {
    stage.journal().account(&id(name)).expect("reads").into_iter().next().expect("is there")
}

fn spent(stage: &Stage, name: &str) -> u64 {
    account(stage, name).spent.messages
}

fn spend(name: &str, messages: u64) -> AccountWork {
    AccountWork::Spend {
        account: id(name),
        spent: Spend::messages(messages),
        back: Spend::default(),
    }
}

fn open(name: &str, parent: Option<&str>, messages: u64) -> AccountWork {
    let limits = Budget::default().messages(messages);
    AccountWork::Open { id: id(name), parent: parent.map(id), limits, spawn: 0 }
}

/// A process with a budget of 100 messages.
fn rich(stage: &mut Stage) -> Cell {
    let mut commit = stage.blank();
    commit.spawns.push(crate::stage::spawn("rich/1", commit.at.0));
    commit.accounts.push(open("rich/1", None, 100));
    let cell = crate::stage::newborn(&commit.spawns[0]);
    let receipt = stage.commit(commit).expect("passes");
    assert_eq!(receipt.accounts.len(), 1);
    Cell { no: receipt.spawned[0].no, ..cell }
}

fn pay(stage: &mut Stage, cell: &mut Cell, work: Vec<AccountWork>) -> Receipt {
    let commit = Commit { accounts: work, ..stage.turn(cell) };
    stage.go(cell, commit)
}

pub fn paid_with_the_turn_or_not_at_all(stage: &mut Stage) {
    let mut cell = rich(stage);
    let receipt = pay(stage, &mut cell, vec![spend("rich/1", 3), spend("rich/1", 4)]);
    assert_eq!(receipt.accounts[0].spent.messages, 7);
    stage.reopen();
    assert_eq!(spent(stage, "rich/1"), 7);
    // A turn that is refused has used nothing up.
    let mut stale = stage.turn(&cell);
    if let Some(turn) = &mut stale.turn {
        turn.expect_seq = Seq(99);
    }
    stale.accounts.push(spend("rich/1", 50));
    assert!(matches!(stage.commit(stale), Err(Refusal::Stale { .. })));
    assert_eq!(spent(stage, "rich/1"), 7);
    // Nobody's budget is nobody's.
    let receipt = pay(stage, &mut cell, vec![spend("nobody/1", 1)]);
    assert!(receipt.accounts.is_empty());
    assert!(stage.journal().account(&id("nobody/1")).expect("reads").is_empty());
}

pub fn many_of_a_group_pay(stage: &mut Stage) {
    let (rich, other) = (rich(stage), stage.start("other/1"));
    let commits = [
        Commit { accounts: vec![spend("rich/1", 1)], ..stage.turn(&rich) },
        Commit { accounts: vec![spend("rich/1", 2)], ..stage.turn(&other) },
    ];
    let outcomes = stage.commit_all(&commits);
    let seen: Vec<u64> = (outcomes.iter())
        .map(|outcome| outcome.as_ref().expect("passes").accounts[0].spent.messages)
        .collect();
    assert_eq!(seen, [1, 3]);
    assert_eq!(spent(stage, "rich/1"), 3);
    assert_eq!(account(stage, "rich/1").version, 3);
}

pub fn only_a_new_process_gets_one(stage: &mut Stage) {
    let mut cell = rich(stage);
    let spawns = vec![child("child/1", &cell, 1, 1)];
    let again = spawns.clone();
    let accounts = vec![open("child/1", Some("rich/1"), 40)];
    let commit = Commit { accounts, spawns, ..stage.turn(&cell) };
    stage.go(&mut cell, commit);
    assert_eq!(account(stage, "rich/1").reserved.messages, 40);
    let chain = stage.journal().account(&id("child/1")).expect("reads");
    assert_eq!(chain.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["child/1", "rich/1"]);
    let accounts = vec![open("child/1", Some("rich/1"), 60)];
    let commit = Commit { accounts, spawns: again, ..stage.turn(&cell) };
    assert!(stage.go(&mut cell, commit).accounts.is_empty());
    assert_eq!(account(stage, "rich/1").reserved.messages, 40);
    // What is left comes back at its end; more can be given.
    let raise = AccountWork::Raise { account: id("rich/1"), by: Budget::default().messages(10) };
    let close = AccountWork::Close { account: id("child/1") };
    let receipt = pay(stage, &mut cell, vec![spend("child/1", 5), close, raise]);
    assert_eq!(receipt.accounts.len(), 2);
    let rich = account(stage, "rich/1");
    assert_eq!((rich.reserved.messages, rich.spent.messages), (0, 5));
    assert_eq!(rich.limits.messages, Some(110));
}

pub fn a_publish_is_paid_for_each_it_reaches(stage: &mut Stage) {
    let mut cell = rich(stage);
    for name in ["a/1", "b/1", "c/1"] {
        let mut member = stage.start(name);
        let join = HubWork::Join { place: Place::Group("crew".into()), op: None };
        let commit = Commit { hub: vec![join], ..stage.turn(&member) };
        stage.go(&mut member, commit);
    }
    let publish = |at_most| {
        HubWork::Publish(Publish {
            op: None,
            to: Audience::Group("crew".into()),
            topic: "go".into(),
            from: Origin::External("tester".into()),
            content: user("go"),
            root: "root".into(),
            hops: 1,
            after: ProcessNo(0),
            at_most,
        })
    };
    let hub = vec![publish(None), publish(Some(2))];
    let told = |publish| AccountWork::Told { account: id("rich/1"), publish };
    let sends = vec![outgoing(&id("a/1"), user("direct"))];
    let accounts = vec![told(0), told(1)];
    let commit = Commit { hub, sends, accounts, ..stage.turn(&cell) };
    let receipt = stage.go(&mut cell, commit);
    let reached: Vec<u64> = receipt.published.iter().map(|one| one.told).collect();
    assert_eq!(reached, [3, 2]);
    assert!(receipt.published[1].after.is_some());
    assert_eq!(spent(stage, "rich/1"), 5);
}
