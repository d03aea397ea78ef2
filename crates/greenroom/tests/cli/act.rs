//! Commands that change something.

use crate::house::{House, lines};

#[test]
fn send_with_a_topic_and_without() {
    let house = House::up();
    house.run(&["run", "echo/1", "-d"]).ok();
    assert_eq!(house.run(&["send", "echo/1", "1"]).ok().out, "sent to echo/1\n");
    house.run(&["send", "echo/1", "note", "2", "--key", "k"]).ok();
    let again = house.run(&["send", "echo/1", "note", "2", "--key", "k"]).ok().out;
    assert!(again.contains("had this message before"), "{again}");
    house.run(&["send", "echo/1", "stop", "null"]).ok();
    assert_eq!(house.run(&["result", "echo/1", "--wait"]).ok().out, "2\n");
}

#[test]
fn answers_may_be_words_json_or_named_asks() {
    let house = House::up();
    house.run(&["run", "asker/1", "-d", "-i", "\"effects\""]).ok();
    house.await_status("asker/1", "asking");
    house.run(&["answer", "asker/1", "maybe"]).fails(2, &["approve, reject"]);
    let ask = house.run(&["asks", "--json"]).ok().json()[0]["id"].as_str().map(str::to_owned);
    let ask = ask.expect("an id");
    house.run(&["answer", &ask, "\"approve\""]).ok();
    assert_eq!(house.run(&["result", "asker/1", "-w"]).ok().out, "\"approve\"\n");
    assert_eq!(lines(&house.path("effects")), 1);
    house.run(&["answer", &ask, "approve"]).fails(3, &["no open ask"]);
    house.run(&["answer", "asker/1", "approve"]).fails(3, &["asks nothing, it is completed"]);
}

#[test]
fn a_question_that_was_answered_is_not_listed_while_its_process_is_paused() {
    let mut house = House::up();
    house.run(&["run", "asker/1", "-d", "-i", "\"effects\""]).ok();
    house.await_status("asker/1", "asking");
    house.run(&["pause", "asker/1"]).ok();
    house.await_status("asker/1", "paused");
    let asks = |house: &House| house.run(&["asks", "--json"]).ok().json();
    let ask = asks(&house)[0]["id"].as_str().expect("an id").to_owned();
    house.run(&["answer", &ask, "approve"]).ok();
    assert_eq!(asks(&house), serde_json::json!([]));
    // The API, by the same words.
    house.run(&["answer", &ask, "reject"]).fails(3, &["no open ask", "may have been answered"]);
    house.kill();
    assert_eq!(asks(&house), serde_json::json!([]), "without a node it is the same");
    house.start_node();
    house.run(&["resume", "asker/1"]).ok();
    assert_eq!(house.run(&["result", "asker/1", "-w"]).ok().out, "\"approve\"\n");
}

#[test]
fn an_id_that_is_taken_is_told_alike_by_run_and_fork() {
    let house = House::up();
    for key in ["echo/1", "echo/2"] {
        house.run(&["run", key, "-d"]).ok();
    }
    house.await_status("echo/1", "receiving");
    let exists = &["echo/2 exists already"];
    house.run(&["run", "echo/2", "-d"]).fails(1, exists);
    house
        .run(&["fork", "echo/1", "--key", "2"])
        .fails(1, &["echo/2 exists already", "another key"]);
    for args in [&["run", "echo/2", "--json"][..], &["fork", "echo/1", "--key", "2", "--json"]] {
        let ran = house.run(args).fails(1, &[]);
        assert!(ran.err.contains("\"exists\"") || ran.out.contains("\"exists\""), "{}", ran.err);
    }
}

#[test]
fn cancel_lets_clean_up_and_kill_does_not() {
    let house = House::up();
    house.run(&["run", "echo/1", "-d"]).ok();
    house.run(&["cancel", "echo/1", "--reason", "enough"]).ok();
    house.run(&["result", "echo/1", "--wait"]).fails(4, &["cancelled: enough"]);
    house.run(&["run", "echo/2", "-d"]).ok();
    assert_eq!(house.run(&["cancel", "echo/2", "--kill"]).ok().out, "killed echo/2\n");
    house.run(&["result", "echo/2", "--wait"]).fails(4, &["killed"]);
}

#[test]
fn pause_holds_and_resume_lets_go() {
    let house = House::up();
    house.run(&["run", "echo/1", "-d"]).ok();
    house.await_status("echo/1", "receiving");
    house.run(&["pause", "echo/1"]).ok();
    house.await_status("echo/1", "paused");
    house.run(&["resume", "echo/1"]).ok();
    house.await_status("echo/1", "receiving");
    house.run(&["send", "echo/1", "stop", "null"]).ok();
    house.run(&["result", "echo/1", "--wait"]).ok();
}

#[test]
fn restart_tries_again_and_fork_goes_another_way() {
    let house = House::up();
    house.run(&["run", "failer/1", "-i", "\"later.txt\""]).fails(1, &["No such file"]);
    std::fs::write(house.path("later.txt"), "here").expect("written");
    house.run(&["restart", "failer/1"]).ok();
    house.await_status("failer/1", "completed");
    assert_eq!(house.run(&["result", "failer/1"]).ok().out, "\"here\"\n");
    house.run(&["restart", "failer/1", "--fresh", "--json"]).ok();
    assert_eq!(
        house.run(&["fork", "failer/1", "--at", "2", "--key", "two"]).ok().out,
        "failer/two\n"
    );
    assert_eq!(house.run(&["result", "failer/two", "--wait"]).ok().out, "\"here\"\n");
    let forked = house.run(&["fork", "failer/1", "--at", "1", "--json"]);
    assert!(forked.ok().json()["id"].is_string());
}

#[test]
fn a_tree_is_cancelled_and_waited_for() {
    let house = House::up();
    house.run(&["run", "echo/1", "-d"]).ok();
    house.run(&["cancel", "echo/1", "--tree", "--kill"]).fails(2, &["cannot be used with"]);
    let out = house.run(&["cancel", "echo/1", "--tree", "--wait"]).ok().out;
    assert!(out.contains("all 1 have ended"), "{out}");
    house.run(&["cancel", "echo/1", "--tree"]).fails(1, &["has ended"]);
}

#[test]
fn what_nobody_hears_is_published_to_nobody() {
    let house = House::up();
    let out = house.run(&["publish", "orders.1.created", "{}", "--key", "k"]).ok().out;
    assert_eq!(out, "orders.1.created published to 0 processes\n");
    house.run(&["publish", "orders.*", "{}"]).fails(2, &["wildcard"]);
    house.run(&["publish", "hello", "1", "--group", "workers"]).ok();
    house.run(&["send", "name:nobody", "1"]).fails(3, &["no process has the name nobody"]);
    for list in ["names", "groups", "subscriptions"] {
        assert_eq!(house.run(&[list, "--json"]).ok().json().as_array().map(Vec::len), Some(0));
    }
}
