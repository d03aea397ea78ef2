//! What is read is what stands there; what is kept is its text.

use super::*;

#[test]
fn it_is_looked_into_as_a_value_is() {
    let text = r#" {"a": [1, {"b": "x\n"}], "a": [2], "n": null, "t": true, "big": 1e400} "#;
    let json = Json::read(text).unwrap();
    assert_eq!(json["a"][0].as_u64(), Some(2), "of two of a name the last counts");
    assert_eq!(json.fields().len(), 5);
    assert_eq!(json.fields()[0].1[1]["b"].as_str(), Some("x\n"));
    assert!(json["n"].is_null() && json["none"][7]["x"].is_null() && json["t"].is_true());
    assert_eq!(json["big"].text(), "1e400");
    assert_eq!(json["big"].value(), Value::from("1e400"));
    assert_eq!(json.text(), text.trim());
    assert_eq!(Json::read("\"12\"").unwrap().as_u64(), None);
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(Json::read(&deep(100)).is_ok());
    let refused = Json::read(&deep(100_000)).unwrap_err().to_string();
    assert!(refused.contains("nested too deep"), "{refused}");
    // Half a character would be lost in silence.
    for text in ["{", "{\"a\":01}", "{\"a\":\"\\ud83d\"}", "{\"\\ud83d\":1}", ""] {
        assert!(Json::read(text).is_err(), "{text}");
    }
}

#[test]
fn pieces_are_put_together_in_the_order_in_which_they_came() {
    let whole = Json::read(r#"{"z":1.50,"s":"a\u00fc","l":[1e2],"a":{"b": 1, "b": 2}}"#).unwrap();
    let more = Json::read(r#"{"s":"b","l":[ {"x":0.0} ],"new":-0.0,"z":"c","a":1}"#).unwrap();
    let mut fields = Fields::of(&whole);
    assert_eq!(fields.verbatim().text(), whole.text());
    let spaced = Json::read("{ \"a\" : 1 }").unwrap();
    assert_eq!(Fields::of(&spaced).verbatim().text(), "{ \"a\" : 1 }");
    for (name, value) in more.fields() {
        fields.add(name, value);
    }
    fields.begin("z");
    fields.add_item("citations", &more["l"][0]);
    fields.add_text("words", "one ");
    fields.add_text("words", "two");
    fields.set("last", "x");
    assert_eq!(
        fields.verbatim().text(),
        r#"{"z":"c","s":"aüb","l":[1e2,{"x":0.0}],"a":1,"new":-0.0,"citations":[{"x":0.0}],"words":"one two","last":"x"}"#
    );
    fields.remove("l");
    assert_eq!((fields.text("s").unwrap(), fields.text("l")), ("aüb".to_owned(), None));
}
