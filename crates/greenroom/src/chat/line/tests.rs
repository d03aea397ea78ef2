//! Lines as people type them.

use super::*;

fn lead() -> ProcessId {
    "lead/1".parse().unwrap()
}

fn ask(process: &str, name: &str, choices: &[&str]) -> Ask {
    let ask = json!({
        "id": format!("{process}#3"), "process": process, "op": 3, "name": name,
        "question": "?", "choices": choices, "opened_at": 1,
    });
    serde_json::from_value(ask).unwrap()
}

fn read_at(text: &str, ask: &Ask) -> Line {
    let all = std::slice::from_ref(ask);
    read(text, Asked { talked_to: &lead(), shown: Some(ask), all })
}

fn read_alone(text: &str) -> Line {
    read(text, Asked { talked_to: &lead(), shown: None, all: &[] })
}

fn say(words: &str) -> Line {
    Line::Say(words.into())
}

#[test]
fn words_go_to_the_agent_and_slashes_do_not() {
    assert_eq!(read_alone(" hello "), say("hello"));
    assert_eq!(read_alone(""), Line::Nothing);
    assert_eq!(read_at("/quit", &ask("lead/1", "approve pay", &[])), Line::Leave);
    assert_eq!(read_alone("/end"), Line::End);
    assert_eq!(read_alone("/usr/bin is full"), say("/usr/bin is full"));
    assert_eq!(read_alone("@notes.md"), Line::File("notes.md".into()));
    assert_eq!(read_alone("@ann said so"), say("@ann said so"));
    assert_eq!(read_alone("/end\nof the paste"), say("/end\nof the paste"));
    let Line::Wrong(words) = read_alone("/foo") else { panic!("it was taken") };
    assert!(words.contains("/foo") && words.contains("/answer"), "{words}");
    assert_eq!(read_alone(" /foo"), say("/foo"));
}

#[test]
fn an_approval_is_answered_in_short() {
    let pay = ask("clerk/2", "approve pay", &[]);
    let answer = |line| match read_at(line, &pay) {
        Line::Answer { to: None, value } => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(answer("y"), json!("approve"));
    assert_eq!(answer("n"), json!({"reject": ""}));
    assert_eq!(answer("no, too much"), json!({"reject": "too much"}));
    assert_eq!(answer("{\"amount\": 5}"), json!({"edit": {"amount": 5}}));
    assert_eq!(answer("{\"reject\": \"x\"}"), json!({"reject": "x"}));
    // No yes by mistake: these are words for the agent.
    assert_eq!(read_at("yes but less", &pay), say("yes but less"));
    assert_eq!(read_at("how long will it take?", &pay), say("how long will it take?"));
    assert!(matches!(read_at("{amount: 5", &pay), Line::Wrong(_)));
}

#[test]
fn a_choice_takes_what_can_be_chosen_and_leaves_the_rest_to_the_agent() {
    let limit = ask("clerk/2", "limit", &["yes", "no"]);
    assert_eq!(read_at("YES", &limit), Line::Answer { to: None, value: json!("yes") });
    assert_eq!(read_at("n", &limit), Line::Answer { to: None, value: json!("no") });
    assert_eq!(read_at("why?", &limit), say("why?"));
}

#[test]
fn words_answer_the_agent_talked_to_and_another_one_only_expressly() {
    let own = ask("lead/1", "question", &[]);
    assert_eq!(read_at("blue", &own), Line::Answer { to: None, value: json!("blue") });
    let below = ask("writer/2", "question", &[]);
    assert_eq!(read_at("blue", &below), say("blue"));
    assert_eq!(read_at("/answer blue", &below), Line::Answer { to: None, value: json!("blue") });
    let to = Some("writer/2#3".parse().unwrap());
    let named = Line::Answer { to, value: json!("dark blue") };
    assert_eq!(read_at("/answer writer/2#3 dark blue", &below), named);
    // One that is gone is not taken for the words.
    assert!(matches!(read_at("/answer writer/2#2 y", &below), Line::Wrong(_)));
    assert!(matches!(read_at("/answer", &below), Line::Wrong(_)));
    assert!(matches!(read_alone("/answer y"), Line::Wrong(_)));
}
