//! Amounts as files hold them.

use super::*;

#[test]
fn amounts_are_read_and_written_exactly() {
    for (text, plain, grouped) in [
        ("5", "5.00", "5.00"),
        ("999.9", "999.90", "999.90"),
        ("1000.01", "1000.01", "1,000.01"),
        (" 1234567.89 ", "1234567.89", "1,234,567.89"),
    ] {
        let money: Money = text.parse().expect("an amount");
        assert_eq!((money.to_string().as_str(), money.grouped().as_str()), (plain, grouped));
    }
}

#[test]
fn what_is_no_amount_is_refused() {
    for text in ["", ".", "1.", ".5", "-5", "1,250.00", "1.250", "abc", "99999999999999999999"] {
        assert!(text.parse::<Money>().is_err(), "{text}");
    }
}
