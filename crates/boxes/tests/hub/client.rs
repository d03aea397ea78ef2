//! The client: a static program that works where there is nothing else.

use crate::house::{command, eventually, pause};
use crate::world::{World, client, client_told, rights};
use greenroom_boxes::hub::{CLIENT, CLIENT_PATH, Rights, client_bind};
use greenroom_boxes::sandbox::Level;
use std::os::fd::OwnedFd;

#[test]
fn a_box_with_an_empty_base_sends_publishes_and_hears() {
    let world = World::new();
    let sandbox = world.empty("work");
    let _served = world.serve(&*sandbox, rights(&["counter/1"], &["news"]));
    let (code, out, err) = client(&*sandbox, &["send", "counter/1", "done", "{\"n\":\n1}"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("\"repeated\":false"), "{out}");
    let (code, ..) = client_told(&*sandbox, &["publish", "begun", "-", "--key", "k"], b"[1, 2]\n");
    assert_eq!(code, 0);
    let sent = std::mem::take(&mut world.hub.kept().sent);
    let told: Vec<(&str, &str, &str, &str)> = sent
        .iter()
        .map(|(from, to, one)| (from.as_str(), to.as_str(), &*one.topic, &*one.body))
        .collect();
    assert_eq!(
        told,
        [("work", "counter/1", "done", "{\"n\": 1}"), ("work", "*", "begun", "[1, 2]")]
    );
    assert_eq!((sent[0].2.key.len(), sent[1].2.key.as_str()), (32, "k"));
    // What comes is printed, and does not come again.
    world.hub.put("work", "other", "x", "0");
    world.hub.put("work", "news", "counter/1", "{\"a\":\"ü\\n\"}");
    world.hub.put("work", "news", "counter/1", "2");
    let line = |seq: u64, body: &str| {
        format!(
            "{{\"seq\":{seq},\"event\":{{\"topic\":\"news\",\"from\":\"counter/1\",\"body\":{body}}}}}\n"
        )
    };
    let heard = client(&*sandbox, &["events", "news", "--once"]);
    assert_eq!(heard, (0, line(2, "{\"a\":\"ü\\n\"}"), String::new()));
    assert_eq!(client(&*sandbox, &["events", "news", "--once"]).1, line(3, "2"));
    let kept = world.hub.kept();
    assert_eq!((kept.boxes["work"].waiting.len(), kept.boxes["work"].topics.len()), (1, 1));
    drop(kept);
    assert_eq!(client(&*sandbox, &["unsubscribe", "news"]).0, 0);
    assert!(world.hub.kept().boxes["work"].topics.is_empty());
}

#[test]
fn events_go_on_through_a_node_that_goes_and_comes_back() {
    let world = World::new();
    let sandbox = world.empty("work");
    let served = world.serve(&*sandbox, rights(&[], &["news"]));
    let mut running = sandbox.exec(&command(&[CLIENT_PATH, "events", "news"])).expect("starts");
    let mut out = lines(running.stdout.take().expect("stdout"));
    world.hub.put("work", "news", "a", "1");
    assert!(out().contains("\"seq\":1"));
    drop(served);
    world.hub.put("work", "news", "a", "2");
    pause(300);
    let _served = world.serve(&*sandbox, rights(&[], &["news"]));
    assert!(out().contains("\"seq\":2"));
    for seq in 3..40 {
        world.hub.put("work", "news", "a", "3");
        assert!(out().contains(&format!("\"seq\":{seq},")));
    }
    let all: Vec<u64> = (1..40).collect();
    eventually("all are acknowledged", || world.hub.kept().boxes["work"].acknowledged == all);
}

fn lines(fd: OwnedFd) -> impl FnMut() -> String {
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(std::fs::File::from(fd)));
    move || lines.next().expect("a line").expect("read")
}

/// One that nobody saw is not acknowledged.
#[test]
fn an_event_that_cannot_be_printed_comes_again() {
    let world = World::new();
    let sandbox = world.full("work");
    let _served = world.serve(&*sandbox, rights(&[], &["news"]));
    world.hub.put("work", "news", "a", "1");
    let full = format!("{CLIENT_PATH} events news --once > /dev/full");
    let output = crate::house::run(&*sandbox, &crate::house::sh(&full));
    let said = crate::house::text(&output);
    assert!(said.contains("No space left") && said.contains("not acknowledged"), "{said}");
    assert!(client(&*sandbox, &["events", "news", "--once"]).1.contains("\"seq\":1,"));
}

#[test]
fn a_message_is_tried_again_under_its_key() {
    let world = World::new();
    let sandbox = world.empty("work");
    let served = world.serve(&*sandbox, Rights::default());
    world.hub.kept().away = 3;
    assert_eq!(client(&*sandbox, &["send", "owner", "a", "1"]).0, 0);
    assert_eq!(world.hub.kept().sent.len(), 1);
    assert_eq!(world.hub.kept().away, 0);
    let (_, out, _) = client(&*sandbox, &["send", "owner", "a", "2", "--key", "same"]);
    assert!(out.contains("\"repeated\":false"), "{out}");
    let (_, out, _) = client(&*sandbox, &["send", "owner", "a", "2", "--key", "same"]);
    assert!(out.contains("\"repeated\":true"), "{out}");
    assert_eq!(world.hub.kept().sent.len(), 2);
    let (code, _, err) = client(&*sandbox, &["send", "owner", "a", "3", "--key", "same"]);
    assert!(code == 1 && err.contains("key_reused"), "{err}");
    // Nobody serves: it waits as long as it is told to, and what it said is heard later.
    drop(served);
    let (code, _, err) = client(&*sandbox, &["send", "owner", "a", "4", "--wait", "1"]);
    assert!(code == 3 && err.contains("is the node that serves this box running?"), "{err}");
    assert!(err.contains("It may arrive all the same: with `--key "), "{err}");
    let _served = world.serve(&*sandbox, Rights::default());
    eventually("it is heard", || world.hub.kept().sent.len() >= 3);
    pause(100);
    assert_eq!(world.hub.kept().sent.len(), 3, "once, however often it was tried");
}

#[test]
fn people_are_told_what_is_wrong() {
    let world = World::new();
    let sandbox = world.empty("work");
    let _served = world.serve(&*sandbox, Rights::default());
    let (code, out, _) = client(&*sandbox, &["--help"]);
    assert!(code == 0 && out.contains("send TO TOPIC JSON"), "{out}");
    for (words, why) in [
        (&["fly"][..], "`fly` is no command"),
        (&["send", "owner", "a"], "send needs three words"),
        (&["events"], "events needs a TOPIC"),
        (&["send", "owner", "a", "1", "--once"], "`send` has no such option"),
        (&["events", "a", "--key", "k"], "`events` has no such option"),
        (&["send", "owner", "a", "1", "--wait", "soon"], "--wait takes seconds"),
        (&["send", "owner", "a", "1", "--fast"], "--fast is no option"),
    ] {
        let (code, _, err) = client(&*sandbox, words);
        assert!(code == 2 && err.contains(why), "{words:?}: {err}");
    }
    for (words, why) in [
        (&["send", "owner", "a", "{no}"][..], "one line of JSON"),
        (&["send", "owner", "a", "1}{\"op\":\"ack\""], "trailing characters"),
        (&["send", "owner", "a", "1,\"to\":\"counter/1\""], "duplicate field"),
        (&["send", "owner", "a b", "1"], "no white space"),
        (&["send", "counter/1", "a", "1"], "it may not; ask its owner (not_allowed)"),
    ] {
        let (code, _, err) = client(&*sandbox, words);
        assert!(code == 1 && err.contains(why), "{words:?}: {err}");
    }
    assert!(world.hub.kept().sent.is_empty());
    world.hub.put("work", "secret", "a", "1");
    let (code, _, err) = client(&*sandbox, &["events", "secret", "--once"]);
    assert!(code == 0 && err.contains("may not hear what is published under secret"), "{err}");
    let mut without = world.house.spec("without");
    without.binds.push(client_bind(&world.house.dir.path().join("bin")).expect("the client"));
    let without = world.house.level().create(&without).expect("a box");
    let (code, _, err) = client(&*without, &["send", "owner", "a", "1", "--wait", "0"]);
    assert!(code == 3 && err.contains("this box has no hub"), "{err}");
}

#[test]
fn the_client_is_there_and_is_no_part_of_what_the_box_wrote() {
    let world = World::new();
    assert!(CLIENT.len() < 2 << 20, "{} bytes", CLIENT.len());
    let dir = world.house.dir.path().join("bin");
    let first = client_bind(&dir).expect("placed").source;
    let before = std::fs::metadata(&first).expect("there").modified().expect("a time");
    let again = client_bind(&dir).expect("placed").source;
    assert_eq!(first, again);
    assert_eq!(std::fs::metadata(&again).expect("there").modified().expect("a time"), before);
    // What somebody else has put there is not what boxes are given.
    std::fs::remove_file(&first).expect("removed");
    std::fs::write(&first, "#!/bin/sh\n").expect("written");
    client_bind(&dir).expect("placed");
    assert_eq!(std::fs::read(&first).expect("read"), CLIENT);
    let sandbox = world.full("work");
    let _served = world.serve(&*sandbox, Rights::default());
    assert_eq!(client(&*sandbox, &["send", "owner", "a", "1"]).0, 0);
    for script in ["echo > F", "rm F", "chmod 0 F"] {
        let script = script.replace('F', CLIENT_PATH);
        let output = crate::house::run(&*sandbox, &crate::house::sh(&script));
        assert_ne!(output.finished.end, greenroom_boxes::sandbox::End::Code(0), "{script}");
    }
    assert_eq!(client(&*sandbox, &["send", "owner", "a", "1"]).0, 0);
    let without = world.house.spawn("without");
    let found = crate::house::run(&*without, &crate::house::sh("ls /run"));
    assert!(!crate::house::text(&found).contains("greenroom"));
    let upper = sandbox.upper().expect("a folder").to_owned();
    let written: Vec<_> = std::fs::read_dir(upper).expect("read").flatten().collect();
    assert!(written.is_empty(), "{written:?}");
}
