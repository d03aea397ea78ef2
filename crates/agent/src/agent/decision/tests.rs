//! What people answer to an approval, and what is no answer.

use super::Decision;
use serde_json::json;

#[test]
fn people_say_yes_and_no_in_many_ways() {
    for yes in [json!("approve"), json!(" Yes"), json!(true)] {
        assert_eq!(Decision::read(&yes), Ok(Decision::Approve), "{yes}");
    }
    for no in [json!("reject"), json!("no"), json!(false)] {
        assert_eq!(Decision::read(&no), Ok(Decision::Reject(String::new())), "{no}");
    }
    let why = Decision::Reject("too much".to_owned());
    assert_eq!(Decision::read(&json!({"reject": "too much"})), Ok(why));
    let edit = Decision::Edit(json!({"amount": 5}));
    assert_eq!(Decision::read(&json!({"edit": {"amount": 5}})), Ok(edit));
}

#[test]
fn anything_else_is_told_what_may_be_answered() {
    for bad in [json!(null), json!("maybe"), json!({"approve": 1, "edit": {}}), json!([])] {
        let words = Decision::read(&bad).unwrap_err();
        assert!(words.contains("\"approve\""), "{words}");
    }
}
