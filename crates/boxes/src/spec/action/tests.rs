//! Filling an argv never makes two arguments of one.

use super::*;
use serde_json::json;

fn action(argv: &[&str]) -> Action {
    let schema = json!({
        "type": "object",
        "properties": {"drink": {"type": "string"}, "sugar": {"type": "integer"}},
        "required": ["drink"],
    });
    let argv = argv.iter().map(|&element| element.to_owned()).collect();
    Action { description: String::new(), argv, schema, read_only: false }
}

#[test]
fn a_value_stays_one_argument_whatever_is_in_it() {
    let action = action(&["buy", "--drink={drink}", "{{{drink}}}"]);
    assert_eq!(action.fault(), None);
    let argv = action.argv(&json!({"drink": "latte; rm -rf / {drink} $(x)"})).unwrap();
    assert_eq!(
        argv,
        ["buy", "--drink=latte; rm -rf / {drink} $(x)", "{latte; rm -rf / {drink} $(x)}"]
    );
}

#[test]
fn what_does_not_fit_an_argv_is_named() {
    let action = action(&["buy", "{drink}"]);
    for bad in
        [json!({}), json!({"drink": null}), json!({"drink": ["a"]}), json!({"drink": "a\0b"})]
    {
        let error = action.argv(&bad).unwrap_err();
        assert_eq!(error.name, "drink");
    }
    assert_eq!(action.argv(&json!({"drink": 7})).unwrap(), ["buy", "7"]);
}

#[test]
fn a_template_that_cannot_be_filled_is_no_action() {
    for (argv, words) in [
        (&[][..], "needs a program"),
        (&[""], "needs a program"),
        (&["{drink}"], "may not come from a call"),
        (&["buy", "{milk}"], "{milk} must be"),
        (&["buy", "{sugar}"], "{sugar} must be"),
        (&["buy", "{drink"], "without `}`"),
        (&["buy", "drink}"], "without `{`"),
        (&["buy", "{}"], "argument's name"),
    ] {
        let fault = action(argv).fault().unwrap();
        assert!(fault.contains(words), "{argv:?}: {fault}");
    }
}
