//! What is written is read.

use super::*;

fn records() -> (tempfile::TempDir, Records) {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::open(&dir.path().join("boxes.sqlite3")).unwrap();
    (dir, records)
}

fn row(name: &str) -> BoxRow {
    BoxRow {
        name: name.to_owned(),
        image: ImageId::of(b"image"),
        owner: Some("agent/1".to_owned()),
        made_ms: 7,
        sandbox: None,
        mounted: Vec::new(),
        boot: None,
        loss: None,
        within: Some(Rights { send: vec!["box:db".to_owned()], hear: Vec::new() }),
    }
}

#[test]
fn a_row_comes_back_as_it_was_written() {
    let (_dir, records) = records();
    records.insert(&row("one")).unwrap();
    records.lose("one", Some(Loss::Unsynced)).unwrap();
    let expected = BoxRow { loss: Some(Loss::Unsynced), ..row("one") };
    assert_eq!(records.find("one").unwrap(), Some(expected.clone()));
    assert_eq!(records.of_owner("agent/1").unwrap(), [expected]);
    assert_eq!(records.of_owner("agent/2").unwrap(), []);
}

#[test]
fn a_command_is_there_before_it_has_ended_and_goes_with_its_box() {
    let (_dir, records) = records();
    records.insert(&row("one")).unwrap();
    let no = records.begin_exec("one", &["true".to_owned()], 1).unwrap();
    assert_eq!(records.execs(Some("one")).unwrap()[0].ending, None);
    records.end_exec(no, 2, Ending::TimedOut, Usage::default(), None).unwrap();
    let ended = records.execs(None).unwrap();
    assert_eq!((ended[0].ending, ended[0].ended_ms), (Some(Ending::TimedOut), Some(2)));
    records.remove("one").unwrap();
    assert_eq!(records.execs(None).unwrap(), []);
}

#[test]
fn what_the_hub_may_keep_outlives_the_box_and_goes_when_it_is_forgotten() {
    let (_dir, records) = records();
    records.insert(&row("one")).unwrap();
    for number in [1, 2, 1] {
        records.add_mailbox("one", number).unwrap();
    }
    records.remove("one").unwrap();
    assert_eq!(records.find("one").unwrap(), None);
    assert_eq!(records.mailboxes().unwrap(), [("one".to_owned(), 1), ("one".to_owned(), 2)]);
    records.remove_mailbox("one", 1).unwrap();
    assert_eq!(records.mailboxes().unwrap(), [("one".to_owned(), 2)]);
    // Another one of the name is granted what it is granted itself.
    let free = BoxRow { within: None, ..row("one") };
    records.insert(&free).unwrap();
    assert_eq!(records.find("one").unwrap(), Some(free));
}

#[test]
fn what_is_granted_goes_with_its_box() {
    let (_dir, records) = records();
    let host = "shop.example:443".parse().unwrap();
    let granted = Granted::from([("TOKEN".to_owned(), [host].into())]);
    records.insert(&row("one")).unwrap();
    assert_eq!(records.granted("one").unwrap(), Granted::new());
    records.grant("one", &granted).unwrap();
    assert_eq!(records.granted("one").unwrap(), granted);
    records.remove("one").unwrap();
    assert_eq!(records.granted("one").unwrap(), Granted::new());
}

#[test]
fn the_long_outputs_of_the_last_commands_are_kept() {
    let (_dir, records) = records();
    records.insert(&row("one")).unwrap();
    records.insert(&row("two")).unwrap();
    let layer = LayerId::of(b"printed");
    let run = |name: &str| {
        let no = records.begin_exec(name, &["yes".to_owned()], 1).unwrap();
        let end = Ending::Code(0);
        records.end_exec(no, 2, end, Usage::default(), Some(layer)).unwrap();
    };
    run("two");
    (0..20).for_each(|_| run("one"));
    let kept = |name| {
        let execs = records.execs(Some(name)).unwrap();
        execs.iter().map(|exec| exec.output.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(kept("one"), [vec![false; 4], vec![true; 16]].concat());
    assert_eq!(kept("two"), [true]);
}

#[test]
fn rows_of_a_newer_format_are_left_alone() {
    let (dir, records) = records();
    records.with(|connection| connection.pragma_update(None, "user_version", 2)).unwrap();
    let error = Records::open(&dir.path().join("boxes.sqlite3")).unwrap_err();
    assert!(error.to_string().contains("newer format"), "{error}");
}

#[test]
fn what_a_box_runs_over_and_was_sealed_as_goes_with_its_sandbox() {
    let (_dir, records) = records();
    records.insert(&row("one")).unwrap();
    let [low, high] = [LayerId::of(b"low"), LayerId::of(b"high")];
    records.mount("one", 3, &[low], None, "boot").unwrap();
    let mounted = records.find("one").unwrap().unwrap();
    assert_eq!((mounted.sandbox, mounted.mounted), (Some(3), vec![low]));
    records.sealing("one", &[low, high]).unwrap();
    let begun = SealedRow { was: vec![low], now: vec![low, high], at_ms: 0 };
    assert_eq!(records.sealed_row("one").unwrap(), Some(begun));
    assert!(records.snapshots().unwrap().contains(&vec![low, high]));
    records.sealed("one", &[low, high], 7).unwrap();
    let done = SealedRow { was: vec![low, high], now: vec![low, high], at_ms: 7 };
    assert_eq!(records.sealed_row("one").unwrap(), Some(done.clone()));
    records.freeze("one").unwrap();
    assert!(records.is_frozen("one").unwrap() && records.frozen().unwrap().contains("one"));
    records.mount("one", 4, &[low], Some(&done), "boot").unwrap();
    assert_eq!(records.sealed_row("one").unwrap(), Some(done));
    assert!(!records.is_frozen("one").unwrap(), "another sandbox is not");
    records.unmount("one").unwrap();
    assert_eq!(records.sealed_row("one").unwrap(), None);
}
