//! Secrets that are never said, and where they come from.

use super::{Key, Secret, expanded};

#[test]
fn nothing_shows_a_secret() {
    let secret = Secret::new("sk-very-secret");
    let key = Key::Value(secret.clone());
    for shown in [format!("{secret}"), format!("{secret:?}"), format!("{key:?}")] {
        assert!(!shown.contains("very"), "{shown}");
    }
    assert_eq!(secret.redact("bad key sk-very-secret!"), "bad key [redacted]!");
    // A word that stands in for a key is no secret.
    assert_eq!(Secret::new("none").redact("none of it"), "none of it");
}

#[test]
fn a_missing_variable_is_named() {
    let failure = Key::Named("GREENROOM_TEST_NO_SUCH_KEY".to_owned()).read("acme").unwrap_err();
    assert_eq!((failure.kind.as_ref(), failure.retryable), ("auth", false));
    assert!(failure.message.contains("acme"), "{failure}");
    assert!(failure.message.contains("GREENROOM_TEST_NO_SUCH_KEY"), "{failure}");
}

#[test]
fn headers_take_variables() {
    let plain = expanded("acme", "x-team", "plain $5").unwrap();
    assert_eq!((plain.value.reveal(), plain.secrets.len()), ("plain $5", 0));
    let path = std::env::var("PATH").unwrap();
    let put_in = expanded("acme", "x-team", "a ${PATH} b").unwrap();
    assert_eq!(put_in.value.reveal(), format!("a {} b", path.trim()));
    assert_eq!(put_in.secrets[0].reveal(), path.trim());
    assert!(expanded("acme", "x-team", "${PATH").unwrap_err().is("bad_request"));
    assert!(expanded("acme", "x-team", "${GREENROOM_TEST_NO_SUCH}").unwrap_err().is("auth"));
}
