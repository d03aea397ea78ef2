//! Once per key, over restarts and torn lines.

use super::*;

fn request(amount: &str) -> RefundRequest {
    let amount = amount.parse().expect("an amount");
    RefundRequest { order: "A-1".to_owned(), amount, currency: "EUR".to_owned() }
}

#[test]
fn a_key_is_one_refund_over_restarts() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("payments.log");
    let mut ledger = Ledger::open(&path).expect("opens");
    let first = ledger.refund("k", request("10")).expect("refunded");
    assert!(!first.repeated);
    drop(ledger);
    let mut ledger = Ledger::open(&path).expect("opens again");
    let again = ledger.refund("k", request("10")).expect("repeated");
    assert_eq!((again.payment_id, again.repeated), (first.payment_id, true));
    assert!(matches!(ledger.refund("k", request("11")), Err(Refusal::OtherRefund(_))));
    assert_eq!((ledger.counts().accepted, ledger.counts().repeats), (1, 1));
}

#[test]
fn half_a_line_was_never_confirmed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("payments.log");
    Ledger::open(&path).expect("opens").refund("k", request("10")).expect("refunded");
    let whole = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, format!("{whole}{}", &whole[..20])).expect("written");
    let mut ledger = Ledger::open(&path).expect("opens");
    assert_eq!(ledger.counts().accepted, 1);
    ledger.refund("l", request("10")).expect("refunded");
    drop(ledger);
    assert_eq!(Ledger::open(&path).expect("opens").counts().accepted, 2);
}

#[test]
fn a_ledger_has_one_service() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("payments.log");
    let _held = Ledger::open(&path).expect("opens");
    let error = Ledger::open(&path).err().expect("in use").to_string();
    assert!(error.contains("another payment service"), "{error}");
}

#[test]
fn a_whole_line_that_is_none_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("payments.log");
    std::fs::write(&path, "{}\n").expect("written");
    let error = format!("{:#}", Ledger::open(&path).err().expect("refused"));
    assert!(error.contains("line 1"), "{error}");
}
