//! Boxes that speak with processes and each other, and reach hosts, by a node that comes, goes
//! and is killed.

use super::Place;
use crate::house::until;
use std::io::{Read, Write};
use std::net::TcpListener;

/// A box `NAME` of an image of its own, which may do so much.
fn with(place: &Place, name: &str, rights: &str) {
    place.folder(name, &format!("base = \"host\"\n[hub]\n{rights}\n"));
    place.run(&["run", &format!("./{name}"), "--name", name]).ok();
}

/// With a node, and a process `echo/1`.
fn with_node() -> Place {
    let mut place = Place::new();
    place.house.start_node();
    place.house.run(&["run", "echo/1", "-d", "-i", "null"]).ok();
    place
}

fn history(place: &Place, id: &str) -> String {
    place.house.run(&["history", id, "--all", "--json"]).ok().out
}

/// The body of each event in a box's file of them.
fn bodies(place: &Place, name: &str, file: &str) -> Vec<u64> {
    let body = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        event["event"]["body"].as_u64().expect("a number")
    };
    place.sh(name, &format!("cat {file} 2>/dev/null || true")).lines().map(body).collect()
}

/// The process that keeps what is for a box, and its status.
fn mailboxes(place: &Place, name: &str) -> Vec<(String, String)> {
    let all = place.house.run(&["ps", "--all", "--json"]).ok().json();
    let text = |one: &serde_json::Value, field: &str| one[field].as_str().unwrap_or("").to_owned();
    let all = all.as_array().expect("a list").iter();
    let pairs = all.map(|one| (text(one, "id"), text(one, "status")));
    pairs.filter(|(id, _)| id.starts_with(&format!("box_mailbox/{name}."))).collect()
}

#[test]
fn a_box_writes_to_a_process_under_its_own_name_and_is_woken_by_events() {
    let place = with_node();
    with(&place, "work", "send = [\"echo/*\"]\nhear = [\"orders.*\"]");
    place.sh("work", "greenroom-hub send echo/1 done '{\"n\":1}'");
    until("it was heard", || {
        let state = place.house.run(&["state", "echo/1", "--json"]);
        state.code == 0 && state.json()["last"] == serde_json::json!({ "n": 1 })
    });
    let heard = history(&place, "echo/1");
    assert!(heard.contains("box:work") && heard.contains("box.work.done"), "{heard}");
    for (to, words) in [("sleeper/1", "[hub]"), ("owner", "no process owns"), ("box:work", "[hub]")]
    {
        let ran = place.run(&["exec", "work", "--", "greenroom-hub", "send", to, "x", "1"]);
        ran.fails(1, &[words]);
    }
    let shown = place.run(&["inspect", "work"]).ok().out;
    assert!(shown.contains("send      echo/*") && shown.contains("hear      orders.*"), "{shown}");
    let exec = ["box", "exec", "work", "--", "greenroom-hub", "events", "--once", "orders.*"];
    let waiting = place.house.command(&exec).spawn().expect("it runs");
    until("it listens", || {
        let published = place.house.run(&["publish", "orders.new", "7", "--json"]).ok();
        published.json()["told"] == 1
    });
    let woken = waiting.wait_with_output().expect("it ends");
    let event = String::from_utf8(woken.stdout).expect("text");
    assert!(event.contains("orders.new") && event.contains("\"body\":7"), "{event}");
}

#[test]
fn between_boxes_nothing_is_lost_or_told_twice_though_the_node_is_killed() {
    let mut place = with_node();
    with(&place, "left", "send = [\"box:right\"]");
    with(&place, "right", "");
    // It is reached from its first start on.
    place.sh("right", "greenroom-hub publish here 1");
    let listen = "greenroom-hub events --wait 60 box.left.n > /srv/got 2> /srv/why";
    place.run(&["exec", "right", "-d", "--", "sh", "-c", listen]).ok();
    let send = "for i in $(seq 1 60); do \
        greenroom-hub send --wait 60 box:right n $i > /dev/null 2>> /srv/why; done; echo > /srv/done";
    place.run(&["exec", "left", "-d", "--", "sh", "-c", send]).ok();
    for count in [3, 10] {
        until("some have come", || bodies(&place, "right", "/srv/got").len() >= count);
        place.house.kill();
        place.house.start_node();
    }
    let is_done = || place.run(&["exec", "left", "--", "test", "-e", "/srv/done"]).code == 0;
    until("some more are sent", || is_done() || bodies(&place, "right", "/srv/got").len() > 30);
    until("all are sent", is_done);
    until("all have come", || bodies(&place, "right", "/srv/got").len() >= 60);
    // One that came twice would come now.
    place.sh("right", "sleep 1");
    let all: Vec<u64> = (1..=60).collect();
    assert_eq!(bodies(&place, "right", "/srv/got"), all, "{}", place.sh("left", "cat /srv/why"));
}

#[test]
fn what_is_sent_while_the_box_is_stopped_waits_and_what_it_is_for_goes_with_it() {
    let mut place = with_node();
    with(&place, "left", "send = [\"box:right\"]");
    with(&place, "right", "");
    place.sh("right", "greenroom-hub publish here 1");
    place.run(&["stop", "right"]).ok();
    place.sh("left", "greenroom-hub send box:right n 1; greenroom-hub send box:right n 2");
    place.house.kill();
    place.house.start_node();
    for n in ["1", "2"] {
        let event = place.sh("right", "greenroom-hub events --once box.left.n 2>/dev/null");
        assert!(event.contains(&format!("\"body\":{n}")), "{event}");
    }
    // A branch is somebody else: what was for the box is not for it.
    place.sh("left", "greenroom-hub send box:right n 3");
    place.run(&["branch", "right", "try"]).ok();
    place.sh("try", "greenroom-hub publish here 1");
    let none = ["exec", "try", "--timeout", "2s", "--", "greenroom-hub", "events", "box.left.n"];
    assert_eq!((place.run(&none).code, place.run(&none).out.as_str()), (124, ""));
    let first = mailboxes(&place, "right");
    assert_eq!((first.len(), mailboxes(&place, "try").len()), (1, 1));
    // Removed while no node runs: the next one ends what was kept, and a box that has the name
    // then hears nothing of it.
    place.house.kill();
    place.run(&["rm", "-f", "right"]).ok();
    with(&place, "right", "");
    place.house.start_node();
    until("what was for it has ended", || {
        let all = mailboxes(&place, "right");
        all.contains(&(first[0].0.clone(), "cancelled".to_owned()))
            && mailboxes(&place, "try").iter().all(|(_, status)| status == "cancelled")
    });
    place.sh("right", "greenroom-hub publish here 1");
    assert_eq!(mailboxes(&place, "right").len(), 2, "another one");
    let none = ["exec", "right", "--timeout", "2s", "--", "greenroom-hub", "events", "box.left.n"];
    assert_eq!(place.run(&none).out, "");
}

#[test]
fn no_box_passes_for_another_or_takes_more_than_its_share() {
    let place = with_node();
    with(&place, "work", "send = [\"echo/1\"]");
    with(&place, "other", "send = [\"echo/1\"]");
    let script = r#"
import socket, json, os
def ask(lines):
    s = socket.socket(socket.AF_UNIX); s.settimeout(30)
    s.connect('/run/greenroom/hub.sock')
    f = s.makefile('r')
    for line in lines:
        s.sendall(json.dumps(line).encode() + b'\n')
        yield json.loads(f.readline())
say = {'op': 'send', 'to': 'echo/1', 'topic': 'n', 'body': 1}
for field in ['from', 'by', 'name', 'resident']:
    answer, = ask([{**say, field: 'box:other'}])
    print(field, answer['error']['code'])
answer, = ask([{**say, 'topic': 'box.other.n'}])
print('ok' in answer)
print(os.path.exists('/run/greenroom/other.sock'), os.listdir('/run/greenroom'))
asked = ({'op': 'none'} for _ in range(3000))
over = next(one['error'] for one in ask(asked) if one['error']['code'] != 'bad_request')
print(over['code'], 'retry_after_ms' in over, over['message'])
"#;
    let said = place.run(&["exec", "work", "--", "python3", "-c", script]).ok().out;
    for words in [
        "from bad_request\nby bad_request\nname bad_request\nresident bad_request\nTrue\n",
        "False ['hub.sock']\n",
        "quota True this box asks too much of the hub: more than 50 requests in a second\n",
    ] {
        assert!(said.contains(words), "{said}");
    }
    // The other one's share is its own.
    place.sh("other", "greenroom-hub send echo/1 n 2");
    until("both are heard", || history(&place, "echo/1").contains("\"box.other.n\""));
    let heard = history(&place, "echo/1");
    assert!(heard.contains("box.work.box.other.n"), "its own name stands before what it says");
    assert_eq!(heard.matches("box:other").count(), 1, "{heard}");
}

/// Answers each request with `here`.
#[expect(clippy::disallowed_methods, reason = "a test's server runs beside it")]
fn here() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\n";
            let _ = stream.write_all(format!("{head}here\n").as_bytes());
        }
    });
    port
}

#[test]
fn what_runs_in_the_background_has_its_network_and_hub_while_a_node_runs() {
    let mut place = Place::new();
    let port = here();
    let spec = format!("base = \"host\"\n[network]\nallow = [\"127.0.0.1:{port}\"]\n");
    place.folder("far", &spec);
    let line = format!(
        "while :; do curl -sS -m 2 http://127.0.0.1:{port}/ >> /srv/far; \
         greenroom-hub publish --wait 2 beat 1 >> /srv/hub 2>> /srv/why; sleep 0.1; done"
    );
    let run = ["run", "./far", "--name", "far", "-d", "--", "sh", "-c", &line];
    place.run(&run).ok();
    // Its own `exec`s would lend it a network: files are looked at from outside.
    let dir = place.house.in_boxes("boxes/far/1/upper/srv");
    let lines = |file: &str| crate::house::lines(&dir.join(file));
    until("it is told that no node is there", || lines("why") > 0);
    let why = std::fs::read_to_string(dir.join("why")).expect("read");
    assert!(why.contains("`greenroom up`"), "{why}");
    assert_eq!(lines("hub"), 0);
    for _ in 0..2 {
        let before = (lines("far"), lines("hub"));
        place.house.start_node();
        until("it reaches both", || lines("far") > before.0 + 2 && lines("hub") > before.1 + 2);
        // A command beside the node has the network of the box too.
        let get = format!("curl -sS -m 20 http://127.0.0.1:{port}/");
        assert_eq!(place.sh("far", &get), "here\n");
        place.house.kill();
        until("it reaches nothing", || {
            let before = (lines("far"), lines("hub"));
            place.run(&["ls"]).ok();
            place.run(&["ls"]).ok();
            before == (lines("far"), lines("hub"))
        });
    }
}
