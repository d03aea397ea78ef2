//! `dead`: what no process took, seen, sent again and dropped.

use crate::house::House;

#[test]
fn letters_are_listed_shown_sent_again_and_dropped() {
    let house = House::up();
    for key in ["1", "2"] {
        house.run(&["run", &format!("echo/{key}"), "-d"]).ok();
        house.await_status(&format!("echo/{key}"), "receiving");
        house.run(&["pause", &format!("echo/{key}")]).ok();
        house.await_status(&format!("echo/{key}"), "paused");
    }
    for (to, body) in [("echo/1", r#"{"n":1}"#), ("echo/1", "2"), ("echo/2", "3")] {
        house.run(&["send", to, "note", body]).ok();
    }
    for key in ["1", "2"] {
        house.run(&["cancel", &format!("echo/{key}"), "--kill"]).ok();
        house.await_status(&format!("echo/{key}"), "cancelled");
    }
    let listed = house.run(&["dead", "--json"]).ok().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    let of_one = house.run(&["dead", "--to", "echo/1", "-n", "1", "--json"]).ok().json();
    assert_eq!((&of_one[0]["no"], of_one.as_array().map(Vec::len)), (&2.into(), Some(1)));
    let more = house.run(&["dead", "--to", "echo/1", "-n", "1"]);
    assert!(more.err.contains("--before 2"), "{}", more.err);
    let reason = house.run(&["dead", "--reason", "Ended before", "--before", "2", "--json"]);
    assert_eq!(reason.ok().json()[0]["no"], 1);
    let shown = house.run(&["dead", "show", "1"]).ok().out;
    for part in ["echo/1", "note", r#"{"n":1}"#, "root", "ended before it took"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(house.run(&["dead", "show", "1", "--json"]).ok().json()["hops"], 0);
    house.run(&["dead", "show", "9"]).fails(3, &["no dead letter 9"]);

    house.run(&["dead", "requeue", "1"]).fails(1, &["echo/1 has ended"]);
    house.run(&["run", "echo/3", "-d"]).ok();
    let sent = house.run(&["dead", "requeue", "1", "2", "--to", "echo/3"]).ok().out;
    assert_eq!(sent, "sent again: 1, 2\n");
    house.run(&["dead", "requeue", "1", "--to", "echo/3"]).fails(3, &["no dead letter 1"]);
    house.run(&["send", "echo/3", "stop", "null"]).ok();
    assert_eq!(house.run(&["result", "echo/3", "--wait"]).ok().out, "2\n");

    house.run(&["dead", "drop"]).fails(2, &["--all"]);
    house.run(&["dead", "drop", "3", "--to", "echo/2"]).fails(2, &["choose among --all"]);
    house.run(&["dead", "drop", "--all", "--older-than", "soon"]).fails(2, &["no span of time"]);
    let none = house.run(&["dead", "drop", "--all", "--older-than", "7d", "--json"]).ok();
    assert_eq!(none.json()["dropped"], 0);
    assert_eq!(house.run(&["dead", "drop", "3"]).ok().out, "dropped 1\n");
    assert_eq!(house.run(&["dead", "drop", "--all"]).ok().out, "dropped 0\n");
    assert_eq!(house.run(&["dead", "--json"]).ok().json(), serde_json::json!([]));
}
