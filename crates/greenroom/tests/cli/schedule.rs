//! `schedule`: made, seen, held, changed; and `kinds`, which counts.

use crate::house::{House, until};

fn runs(house: &House, prefix: &str) -> Vec<String> {
    let listed = house.run(&["ps", "--all", "-n", "1000", "--json"]).ok().json();
    let ids = listed.as_array().into_iter().flatten().filter_map(|row| row["id"].as_str());
    ids.filter(|id| id.starts_with(prefix)).map(str::to_owned).collect()
}

#[test]
fn an_interval_is_made_held_changed_and_deleted() {
    let house = House::up();
    let sum = r#"{"a":1,"b":2}"#;
    let add = ["schedule", "add", "often", "--every", "200ms", "--kind", "add", "-i", sum];
    assert_eq!(house.run(&add).ok().out, "added often\n");
    house.run(&add).fails(1, &["already", "--replace"]);
    until("it has started some", || runs(&house, "add/often@").len() >= 2);
    let id = runs(&house, "add/often@").pop().expect("one");
    assert_eq!(house.run(&["result", &id, "--wait"]).ok().out, "3\n");
    let listed = house.run(&["schedule", "list"]).ok().out;
    assert!(listed.contains("often") && listed.contains("every 200ms"), "{listed}");
    let shown = house.run(&["schedule", "show", "often", "--next", "3", "--json"]).ok().json();
    assert_eq!(shown["upcoming"].as_array().map(Vec::len), Some(3));

    house.run(&["schedule", "pause", "often"]).ok();
    until("it is held", || {
        house.run(&["schedule", "list", "--json"]).ok().json()[0]["status"] == "paused"
    });
    house.run(&["schedule", "resume", "often"]).ok();
    let replace = ["schedule", "add", "often", "--cron", "0 0 1 1 *", "--tz", "Asia/Tokyo"];
    let replace = [&replace[..], &["--kind", "add", "-i", sum, "--replace"]].concat();
    assert_eq!(house.run(&replace).ok().out, "replaced often\n");
    until("it does so", || {
        let shown = house.run(&["schedule", "show", "often"]).ok().out;
        shown.contains("Asia/Tokyo") && shown.contains("-12-31T15:00:00.000Z")
    });
    house.run(&["schedule", "run-now", "often", "-i", r#"{"a":5,"b":5}"#]).ok();
    until("it starts at once", || runs(&house, "add/often@").iter().any(|id| id.ends_with("+now")));
    house.run(&["schedule", "trigger", "often"]).fails(2, &["does not wait for triggers"]);
    assert_eq!(house.run(&["schedule", "delete", "often"]).ok().out, "deleted often\n");
    until("it is gone", || {
        house.run(&["schedule", "list", "--json"]).ok().json() == serde_json::json!([])
    });
    house.run(&["schedule", "show", "often"]).fails(3, &["no process schedule/often"]);
}

#[test]
fn one_that_is_deleted_while_it_is_held_is_gone_and_starts_nothing() {
    let house = House::up();
    let add = ["schedule", "add", "held", "--every", "300ms", "--kind", "add", "-i"];
    let add = [&add[..], &[r#"{"a":1,"b":2}"#]].concat();
    house.run(&add).ok();
    house.run(&["schedule", "pause", "held"]).ok();
    until("it is held", || {
        house.run(&["schedule", "list", "--json"]).ok().json()[0]["status"] == "paused"
    });
    let before = runs(&house, "add/held@").len();
    // Its next time passes meanwhile.
    let mut looks = 0;
    until("a while has passed", || {
        looks += 1;
        looks > 30
    });
    assert_eq!(house.run(&["schedule", "delete", "held"]).ok().out, "deleted held\n");
    until("it is gone", || {
        house.run(&["schedule", "list", "--json"]).ok().json() == serde_json::json!([])
    });
    assert_eq!(runs(&house, "add/held@").len(), before);
    assert_eq!(house.run(&add).ok().out, "added held\n");
    until("it starts again", || runs(&house, "add/held@").len() > before);
}

#[test]
fn wrong_ones_are_refused_before_anything_starts() {
    let house = House::up();
    let add = |args: &[&str]| house.run(&[&["schedule", "add", "s"], args].concat());
    add(&["--kind", "add", "--cron", "0 0 31 2 *"]).fails(2, &["never fires"]);
    add(&["--kind", "add", "--cron", "* * *"]).fails(2, &["the cron line"]);
    add(&["--kind", "add", "--cron", "* * * * *", "--tz", "Mars/Base"]).fails(2, &["Mars/Base"]);
    add(&["--kind", "add", "--every", "0s"]).fails(2, &["an interval of 0 ms"]);
    add(&["--kind", "add", "--every", "often"]).fails(2, &["no span of time"]);
    add(&["--kind", "add"]).fails(2, &["--cron"]);
    add(&["--kind", "nobody", "--every", "1s"]).fails(3, &["no kind `nobody`"]);
    let spec = r#"{"kind":"add","every_ms":0}"#;
    house.run(&["run", "schedule/s", "-d", "-i", spec]).fails(2, &["an interval of 0 ms"]);
    assert!(runs(&house, "schedule/").is_empty());
}

#[test]
fn kinds_counts_who_runs_what() {
    let house = House::up();
    house.run(&["run", "echo@1/1", "-d"]).ok();
    house.run(&["run", "echo@7/2", "-d"]).fails(3, &["echo@7", "echo@1"]);
    house.run(&["run", "add@1/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    house.await_status("echo/1", "receiving");
    let kinds = house.run(&["kinds", "--json"]).ok().json();
    let of = |name: &str| {
        let found = kinds.as_array().into_iter().flatten().find(|kind| kind["kind"] == name);
        found.cloned().expect("it is listed")
    };
    assert_eq!(
        (&of("echo@1")["alive"], &of("echo@1")["processes"]["receiving"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&of("add@1")["alive"], &of("add@1")["processes"]["completed"]),
        (&0.into(), &1.into())
    );
    assert_eq!(of("schedule@1")["code"], true);
    let told = house.run(&["kinds"]).ok().out;
    assert!(told.contains("1 receiving") && told.contains("1 completed"), "{told}");
    house.run(&["doctor"]).ok();
}
