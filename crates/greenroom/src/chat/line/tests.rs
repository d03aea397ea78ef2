//! Lines as people type them.

use super::*;

#[test]
fn words_go_to_the_agent_and_slashes_do_not() {
    assert_eq!(read(" hello ", None), Line::Say("hello".into()));
    assert_eq!(read("", None), Line::Nothing);
    assert_eq!(read("/quit", Some("approve pay")), Line::Leave);
    assert_eq!(read("/end", None), Line::End);
    assert_eq!(read("/usr/bin is full", None), Line::Say("/usr/bin is full".into()));
}

#[test]
fn an_approval_is_answered_in_short() {
    let answer = |line| match read(line, Some("approve pay")) {
        Line::Answer(value) => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(answer("y"), json!("approve"));
    assert_eq!(answer("n"), json!({"reject": ""}));
    assert_eq!(answer("no, too much"), json!({"reject": "too much"}));
    assert_eq!(answer("{\"amount\": 5}"), json!({"edit": {"amount": 5}}));
    assert_eq!(answer("{\"reject\": \"x\"}"), json!({"reject": "x"}));
    // No yes by mistake.
    assert_eq!(answer("yes but less"), json!("yes but less"));
}

#[test]
fn any_other_question_takes_the_words() {
    assert_eq!(read("blue", Some("question")), Line::Answer(json!("blue")));
}
