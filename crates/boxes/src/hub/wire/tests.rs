//! Tests of [`super::read`] and of what is written.

use super::{Request, event, read, refused, subscribed};
use crate::hub::{Event, Quota, Refusal, Subscribed};
use serde_json::value::RawValue;

fn request(line: &str) -> Result<Request, String> {
    read(line.as_bytes(), &Quota::default(), "fresh").map_err(|refusal| refusal.message)
}

#[test]
fn requests_are_read() {
    let Ok(Request::Send { to, message }) =
        request(r#"{"op":"send","to":"owner","topic":"done","body": {"b":1.50} }"#)
    else {
        panic!("a message");
    };
    assert_eq!((to.as_str(), message.topic.as_str()), ("owner", "done"));
    assert_eq!((message.body.as_str(), message.key.as_str()), (r#"{"b":1.50}"#, "fresh"));
    let Ok(Request::Publish(message)) =
        request(r#"{"op":"publish","topic":"a","body":null,"key":"k"}"#)
    else {
        panic!("an event");
    };
    assert_eq!((message.body.as_str(), message.key.as_str()), ("null", "k"));
    assert_eq!(
        request(r#"{"op":"subscribe","topics":["a.*"]}"#),
        Ok(Request::Subscribe(vec!["a.*".to_owned()]))
    );
    assert_eq!(request(r#"{"op":"ack","seq":7}"#), Ok(Request::Acknowledge(7)));
}

#[test]
fn what_is_no_request_is_told_why() {
    let deep =
        format!(r#"{{"op":"publish","topic":"a","body":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let long = format!(r#"{{"op":"publish","topic":"{}","body":1}}"#, "x".repeat(101));
    let many = format!(r#"{{"op":"subscribe","topics":[{}"a"]}}"#, "\"a\",".repeat(32));
    for (line, why) in [
        ("", "one line of JSON"),
        ("hello", "one line of JSON"),
        ("[]", "one line of JSON"),
        (r#"{"op":"send"} {}"#, "trailing characters"),
        (r#"{"op":"fly"}"#, "no `op` fly"),
        (r#"{"topic":"a"}"#, "missing field `op`"),
        (r#"{"op":"send","topic":"a","body":1}"#, "needs `to`"),
        (r#"{"op":"send","to":"","topic":"a","body":1}"#, "`owner`, KIND/KEY"),
        (r#"{"op":"send","to":"owner","topic":"a"}"#, "needs a `body`"),
        (r#"{"op":"send","to":"owner","body":1}"#, "needs a `topic`"),
        (r#"{"op":"publish","topic":"a b","body":1}"#, "no white space"),
        (r#"{"op":"publish","topic":"","body":1}"#, "1 to 100 bytes"),
        (r#"{"op":"publish","topic":"a","body":1,"key":""}"#, "a key has"),
        (r#"{"op":"publish","topic":"a","body":1,"key":"a b"}"#, "a key has"),
        (r#"{"op":"publish","topic":"a","body":1,"from":"box:other"}"#, "unknown field `from`"),
        (r#"{"op":"publish","topic":"a","body":1,"to":"owner"}"#, "`publish` has no `to`"),
        (r#"{"op":"publish","topic":"a","body":1,"body":2}"#, "duplicate field"),
        (r#"{"op":"publish","topic":"a","body":"\ud800"}"#, "the body cannot be read"),
        (r#"{"op":"ack","seq":-1}"#, "invalid value"),
        (r#"{"op":"ack"}"#, "needs `seq`"),
        (r#"{"op":"subscribe","topics":[]}"#, "1 to 32"),
        (&deep, "recursion limit"),
        (&long, "1 to 100 bytes"),
        (&many, "1 to 32"),
    ] {
        let error = request(line).expect_err(line);
        assert!(error.contains(why), "{line}: {error}");
    }
    assert!(read(b"\xff\xfe", &Quota::default(), "fresh").is_err());
}

#[test]
fn what_is_written_is_one_line() {
    let body = RawValue::from_string("{\n\"a\": 1}".to_owned()).expect("json");
    let (topic, from) = ("a.b".to_owned(), "counter/1".to_owned());
    let written = event(&Event { seq: 3, topic, from, body, cut_bytes: None });
    let expected = r#"{"seq":3,"event":{"topic":"a.b","from":"counter/1","body":{ "a": 1}}}"#;
    assert_eq!(written, format!("{expected}\n"));
    let refusal = Refusal::for_now("quota", "too \"much\"\n", 40);
    let expected = r#"{"error":{"code":"quota","message":"too \"much\"\n","retry_after_ms":40}}"#;
    assert_eq!(refused(&refusal), format!("{expected}\n"));
    let written = subscribed(&["x".to_owned()], &Subscribed { refused: vec!["x".to_owned()] });
    assert!(written.starts_with(r#"{"ok":{"subscribed":["x"],"warning":"this box may not hear"#));
}
