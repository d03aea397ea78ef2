//! Images, and commands in boxes.

use super::Place;
use crate::house::until;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

#[test]
fn a_folder_is_built_step_by_step_and_once() {
    let place = Place::new();
    place.folder("steps", "base = \"host\"\nsetup = [\"echo working; echo two > /srv/two\"]\n");
    let built = place.run(&["build", "./steps"]).ok();
    assert!(built.out.starts_with("steps "), "{}", built.out);
    for words in ["[1/", "echo working", "  working", "done in"] {
        assert!(built.err.contains(words), "{words}: {}", built.err);
    }
    let again = place.run(&["build", "steps"]).ok();
    assert_eq!(again.out, built.out, "the same id");
    assert!(again.err.contains("cached") && !again.err.contains("  working"), "{}", again.err);
    let json = place.run(&["build", "./steps", "--json"]).ok();
    assert_eq!(json.json()["name"], "steps");
    assert!(json.err.lines().all(|line| line.starts_with('{')), "{}", json.err);
    let images = place.run(&["images"]).ok().out;
    assert!(images.contains("steps") && images.contains("IMAGE"), "{images}");
    assert_eq!(place.run(&["images", "--json"]).ok().json()[0]["name"], "steps");

    place.folder("broken", "base = \"host\"\nsetup = [\"echo why >&2; exit 3\"]\n");
    for _ in 0..2 {
        place.run(&["build", "./broken"]).fails(1, &["`broken`", "setup", "why", "build again"]);
    }
    place.folder("other", "base = \"host\"\n[files]\n\"/srv/b\" = { text = \"b\" }\n");
    let both = place.run(&["build", "./plain", "+", "./other"]).ok();
    let id = both.out.split_whitespace().last().expect("an id");
    let seen = place.run(&["run", id, "--", "ls", "/srv"]).ok().out;
    assert_eq!(seen, "a\nb\nhello.sh\n");
    place.folder("clash", "base = \"host\"\n[files]\n\"/srv/a\" = { text = \"other\" }\n");
    place.run(&["build", "plain", "clash"]).fails(2, &["srv/a", "plain", "clash"]);
    place.run(&["rmi", "steps"]).ok();
    assert_eq!(place.run(&["rmi", "steps"]).code, 3);
    place.run(&["gc", "--json"]).ok().json();
}

#[test]
fn a_command_has_its_own_streams_and_exit_code() {
    let place = Place::with_work();
    let ran = place.run(&["exec", "work", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (7, "out\n", "err\n"));
    place.run(&["exec", "work", "--", "no-such"]).fails(127, &["no-such", "PATH"]);
    place.run(&["exec", "work", "--", "/srv/a"]).fails(126, &["/srv/a"]);
    assert_eq!(place.run(&["exec", "work", "--", "sh", "-c", "kill -9 $$"]).code, 137);
    assert_eq!(place.run(&["exec", "work", "--timeout", "300ms", "--", "sleep", "60"]).code, 124);
    let env = ["exec", "work", "-e", "X=a=b", "-w", "/srv", "--", "sh", "-c", "pwd; echo $X"];
    assert_eq!(place.run(&env).ok().out, "/srv\na=b\n");

    // All bytes there are, both ways.
    let bytes: Vec<u8> = (0..=255u8).cycle().take(300_000).collect();
    let mut command = place.house.command(&["box", "exec", "work", "-i", "--", "cat"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut heard = Vec::new();
    std::thread::scope(|scope| {
        let bytes = &bytes;
        scope.spawn(move || std::io::Write::write_all(&mut stdin, bytes).expect("it reads"));
        child.stdout.take().expect("a pipe").read_to_end(&mut heard).expect("it writes");
    });
    assert!(child.wait().expect("it ends").success());
    assert_eq!(heard.len(), bytes.len());
    assert!(heard == bytes);

    // Nobody's input is taken who has not said so: a pipe may stay open for ever.
    let exec = ["box", "exec", "work", "--json", "--", "cat"];
    let mut child = place.house.command(&exec).stdin(Stdio::piped()).spawn().expect("it runs");
    let open = child.stdin.take();
    assert!(child.wait().expect("it ends").success());
    drop(open);
    let json = ["box", "exec", "work", "-i", "--json", "--", "cat"];
    assert_eq!(place.house.run_with(&json, b"heard").ok().json()["stdout"], "heard");

    let json = place.run(&["exec", "work", "--json", "--", "sh", "-c", "echo x; exit 3"]);
    assert_eq!((json.code, &json.json()["stdout"]), (3, &"x\n".into()));
    assert_eq!(json.json()["ending"]["code"], 3);
    let rows = place.run(&["ps", "work", "--json"]).ok().json();
    assert!(rows.as_array().expect("rows").len() > 6);
    let shown = place.run(&["ps", "work"]).ok().out;
    for words in ["exit 7", "exit 127", "signal 9", "timed out", "COMMAND"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn output_comes_as_it_is_written_and_a_reader_may_go() {
    let place = Place::with_work();
    let line = "echo first; read line; echo got $line; yes | head -c 100000000";
    let mut command = place.house.command(&["box", "exec", "work", "-i", "--", "sh", "-c", line]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it runs");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut seen = String::new();
    out.read_line(&mut seen).expect("a line");
    std::io::Write::write_all(&mut stdin, b"it\n").expect("it reads");
    out.read_line(&mut seen).expect("a line");
    assert_eq!(seen, "first\ngot it\n");
    drop(out);
    assert!(child.wait().expect("it ends").success(), "as `| head` does it");
}

#[test]
fn a_box_is_disposed_of_unless_it_is_kept() {
    let place = Place::new();
    assert_eq!(place.run(&["run", "./plain", "--", "cat", "/srv/a"]).ok().out, "one\n");
    assert_eq!(place.run(&["run", "plain", "--", "sh", "-c", "exit 9"]).code, 9);
    assert!(place.names().is_empty());
    let kept = place.run(&["run", "plain", "--keep", "--", "true"]).ok();
    assert!(kept.err.contains("plain-1"), "{}", kept.err);
    place.run(&["run", "plain", "--name", "mine", "--", "touch", "/srv/x"]).ok();
    assert_eq!(place.names(), ["plain-1", "mine"]);
    assert_eq!(place.sh("mine", "ls /srv"), "a\nhello.sh\nx\n");
    place.run(&["branch", "mine", "try", "other"]).ok();
    place.run(&["rm", "mine", "nobody"]).fails(3, &["no box `nobody`", "nothing was removed"]);
    assert_eq!(place.names().len(), 4);
    assert_eq!(place.run(&["rm", "-f", "mine", "try", "nobody"]).ok().out, "3 boxes removed\n");
    assert_eq!(place.run(&["rm", "plain-1"]).ok().out, "1 box removed\n");
}

#[test]
fn what_runs_in_the_background_outlives_the_command_that_started_it() {
    let place = Place::new();
    place.folder("plain", super::SPEC);
    let line = "echo begun; while :; do date +%N > /srv/beat; sleep 0.05; done";
    let started = place.run(&["run", "./plain", "--name", "work", "-d", "--", "sh", "-c", line]);
    assert_eq!(started.ok().out, "work\n");
    let beat = || place.sh("work", "cat /srv/beat");
    until("it beats", || place.run(&["exec", "work", "--", "test", "-s", "/srv/beat"]).code == 0);
    let first = beat();
    until("it goes on", || beat() != first);
    let logged = || place.run(&["logs", "work", "--exec", "1"]).ok().out;
    assert_eq!(logged(), "begun\n");
    place.run(&["freeze", "work"]).ok();
    place.run(&["exec", "work", "--", "true"]).fails(125, &["frozen", "box thaw work"]);
    place.run(&["diff", "work"]).ok();
    let listed = place.run(&["ls"]).ok().out;
    assert!(listed.contains("frozen") && !listed.contains("running"), "{listed}");
    let shown = place.run(&["inspect", "work"]).ok().out;
    assert!(shown.contains("status    frozen"), "{shown}");
    place.run(&["thaw", "work", "--json"]).ok().json();
    place.sh("work", "mkfifo /srv/pipe");
    let told = place.run(&["diff", "work"]).ok();
    assert!(
        told.err.contains("warning: work: srv/pipe: a pipe, which is left out"),
        "{}",
        told.err
    );
    assert!(!told.out.contains("srv/pipe"), "{}", told.out);
    let listed = place.run(&["ls"]).ok().out;
    assert!(listed.contains("running"), "{listed}");
    assert_eq!(place.run(&["stop", "work"]).ok().out, "work stopped\n");
    assert!(place.run(&["ls"]).ok().out.contains("stopped"));
    assert_eq!(logged(), "begun\n", "what it printed is kept when its box is stopped");
    assert!(place.run(&["ls"]).ok().out.contains("stopped"), "and it is not started to tell");
    let shown = place.run(&["inspect", "work"]).ok().out;
    for words in ["box       work", "image     plain", "action    greet", "network   none"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let json = place.run(&["inspect", "work", "--json"]).ok().json();
    assert_eq!(json["image"]["actions"]["greet"]["argv"][0], "echo");
    assert_eq!(place.run(&["inspect", "plain", "--json"]).ok().json()["image"]["name"], "plain");
}

#[test]
fn what_every_command_printed_can_be_read_again() {
    let place = Place::with_work();
    place.run(&["exec", "work", "--", "sh", "-c", "echo one; echo bad >&2; exit 3"]);
    place.run(&["exec", "work", "--json", "--", "echo", "two"]).ok();
    place.run(&["exec", "work", "--", "no-such-program"]);
    let all = place.run(&["logs", "work"]).ok();
    let heads: Vec<&str> = all.out.lines().filter(|line| line.starts_with("==>")).collect();
    assert_eq!(heads.len(), 3, "{}", all.out);
    assert_eq!(heads[1], "==> work 2: echo two (exit 0) <==");
    assert!(heads[0].starts_with("==> work 1: sh -c ") && heads[0].ends_with("(exit 3) <=="));
    assert!(all.out.contains("<==\none\n==>") && all.err.starts_with("bad\n"), "{}", all.out);
    let one = place.run(&["logs", "work", "--exec", "1"]).ok();
    assert_eq!((one.out.as_str(), one.err.as_str()), ("one\n", "bad\n"));
    let json = place.run(&["logs", "work", "--exec", "2", "--json"]).ok().json();
    assert_eq!((&json["stdout"], &json["cut_bytes"]), (&"two\n".into(), &0.into()));
    let rows = place.run(&["logs", "work", "--json"]).ok().json();
    assert_eq!(
        (rows[0]["stderr"].as_str(), rows.as_array().map(Vec::len)),
        (Some("bad\n"), Some(3))
    );
    assert_eq!(rows[2]["kept"], false, "it never began");

    place.folder("small", "base = \"host\"\n[limits]\noutput = \"1KiB\"\n");
    place.run(&["run", "./small", "--name", "small", "--", "seq", "5000"]).ok();
    let no = place.run(&["ps", "small", "--json"]).ok().json()[0]["no"].to_string();
    let cut = place.run(&["logs", "small", "--exec", &no]).ok();
    assert_eq!((cut.out.len(), cut.err.contains("22.3 KiB more")), (1024, true), "{}", cut.err);
    place.run(&["logs", "work", "--exec", &no]).fails(3, &["no command", "box ps"]);
}

#[test]
fn a_log_is_followed_to_the_end_of_its_command_or_box() {
    let place = Place::with_work();
    let line = "for i in 1 2 3; do echo $i; sleep 0.2; done";
    let mut child = place
        .house
        .command(&["box", "exec", "work", "--", "sh", "-c", line])
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    until("it has begun", || place.run(&["logs", "work"]).out.contains("1\n"));
    assert_eq!(place.run(&["logs", "work", "--exec", "1", "-f"]).ok().out, "1\n2\n3\n");
    child.wait().expect("it ends");
    let line = "while :; do echo beat; sleep 0.05; done";
    place.run(&["exec", "work", "-d", "--", "sh", "-c", line]).ok();
    let mut follow = place.house.command(&["box", "logs", "work", "-f"]).spawn().expect("it runs");
    let mut lines = BufReader::new(follow.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    while next() != "beat" {}
    assert_eq!(next(), "beat");
    place.run(&["stop", "work"]).ok();
    while lines.next().is_some() {}
    assert!(follow.wait().expect("it ends").success());
}

#[test]
fn a_command_in_the_background_has_its_time_and_its_errors_too() {
    let place = Place::new();
    place.folder("short", "base = \"host\"\n[limits]\nwall = \"1s\"\n");
    place.run(&["run", "./short", "--name", "short", "-d", "--", "sleep", "555"]).ok();
    let run = ["run", "./plain", "--name", "work", "-d", "--timeout", "1s", "--", "sleep", "555"];
    place.run(&run).ok();
    let sleeps = |name: &str| {
        place.sh(name, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").contains("sleep 555")
    };
    for name in ["short", "work"] {
        until("its time is up", || !sleeps(name));
    }
    place.run(&["exec", "work", "-d", "--", "no-such"]).fails(127, &["no-such", "PATH"]);
    place.run(&["exec", "work", "-d", "--", "/srv/none"]).fails(127, &["/srv/none"]);
    place.run(&["exec", "work", "-d", "--", "/srv/a"]).fails(126, &["/srv/a"]);
    let nowhere = ["exec", "work", "-w", "/nope", "--", "true"];
    place.run(&nowhere).fails(125, &["the folder `/nope`", "No such file"]);
}

#[test]
fn a_command_that_is_killed_takes_along_what_it_ran() {
    let place = Place::with_work();
    let exec = ["box", "exec", "work", "--", "sh", "-c", "echo on; exec sleep 777"];
    let mut child = place.house.command(&exec).spawn().expect("it runs");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("a line");
    child.kill().expect("killed");
    child.wait().expect("it ends");
    until("the command is gone", || {
        !place.sh("work", "cat /proc/*/cmdline | tr '\\0' ' '").contains("777 ")
    });
    let shown = place.run(&["ps", "work"]).ok().out;
    assert!(shown.contains("no end known"), "{shown}");

    let run = ["box", "run", "plain", "--", "sh", "-c", "echo on; exec sleep 777"];
    let mut child = place.house.command(&run).spawn().expect("it runs");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(place.names().len(), 2);
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert_eq!(place.run(&["gc", "--json"]).ok().json()["boxes"], 1);
    assert_eq!(place.names(), ["work"]);
}

#[test]
fn a_build_that_is_killed_is_done_again() {
    let place = Place::new();
    let spec = "base = \"host\"\nsetup = [\"echo first > /srv/one\", \"test -e /srv/one; echo on; sleep 3\"]\n";
    place.folder("slow", spec);
    let mut command = place.house.command(&["box", "build", "./slow"]);
    let mut child = command.spawn().expect("it runs");
    let mut err = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut seen = String::new();
    while !seen.contains("  on\n") {
        assert!(err.read_line(&mut seen).expect("a line") > 0, "{seen}");
    }
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert_eq!(place.run(&["images", "--json"]).ok().out, "[]\n");
    let again = place.run(&["build", "./slow"]).ok();
    assert!(again.err.contains("cached"), "the first step is kept: {}", again.err);
    place.run(&["run", "slow", "--", "cat", "/srv/one"]).ok();
}

#[test]
fn an_action_is_held_against_its_schema() {
    let place = Place::with_work();
    let greet = ["action", "work", "greet", "--args", r#"{"name":"$(id)"}"#];
    assert_eq!(place.run(&greet).ok().out, "hello $(id)\n");
    let ran = place.run(&["run", "plain", "--action", "greet", "--args", r#"{"name":"you"}"#]);
    assert_eq!(ran.ok().out, "hello you\n");
    let json = place.run(&["action", "work", "greet", "--args", r#"{"name":"me"}"#, "--json"]);
    assert_eq!(json.ok().json()["stdout"], "hello me\n");
    for (args, words) in [("{}", "name"), (r#"{"name":3}"#, "name"), (r#"{"name":"x"}"#, "name")] {
        let ran = place.run(&["action", "work", "greet", "--args", args]);
        ran.fails(125, &["do not fit", words, "box inspect"]);
    }
    place.run(&["action", "work", "greet", "--args", "{"]).fails(125, &["JSON"]);
    place.run(&["action", "work", "leave"]).fails(125, &["no action `leave`", "greet"]);
    assert_eq!(place.names(), ["work"], "no box was made for what could not be run");
}

#[test]
fn doctor_tells_what_each_wall_rests_on() {
    let place = Place::new();
    let shown = place.run(&["doctor"]).ok().out;
    for words in ["MECHANISM", "namespace", "freeze", "microvm"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let rows = place.run(&["doctor", "--json"]).ok().json();
    assert!(rows.as_array().expect("rows").iter().any(|row| row["mechanism"] == "destroy"));
    assert!(!place.house.path(".greenroom/boxes").exists(), "looking makes nothing");
}
