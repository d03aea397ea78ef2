//! Tests of [`super::Meter`].

use super::{Meter, Over, Quota};

fn quota() -> Quota {
    Quota {
        requests_per_s: 10,
        requests_burst: 3,
        bytes_per_s: 1000,
        bytes_burst: 500,
        ..Quota::default()
    }
}

#[test]
fn requests_are_counted_and_come_back_with_time() {
    let mut meter = Meter::new(&quota(), 7);
    for _ in 0..3 {
        assert_eq!(meter.take(1, 7), Ok(()));
    }
    let over = Over { what: "more than 10 requests in a second".to_owned(), retry_after_ms: 100 };
    assert_eq!(meter.take(1, 7), Err(over));
    assert!(meter.take(1, 106).is_err());
    assert_eq!(meter.take(1, 107), Ok(()));
    // However long nobody asks, no more than the burst are there.
    let taken = (0..10).filter(|_| meter.take(1, 1_000_000).is_ok()).count();
    assert_eq!(taken, 3);
}

#[test]
fn bytes_are_counted_too_and_a_refusal_takes_nothing() {
    let mut meter = Meter::new(&quota(), 0);
    assert_eq!(meter.take(400, 0), Ok(()));
    let over = meter.take(200, 0).expect_err("over");
    assert_eq!(
        (over.what.as_str(), over.retry_after_ms),
        ("more than 1000 bytes in a second", 100)
    );
    assert_eq!(meter.take(100, 0), Ok(()));
    assert_eq!(meter.take(100, 100), Ok(()), "its clock goes on");
}

#[test]
fn a_clock_that_goes_back_gives_nothing() {
    let mut meter = Meter::new(&quota(), 1000);
    for _ in 0..3 {
        assert_eq!(meter.take(1, 1000), Ok(()));
    }
    assert!(meter.take(1, 500).is_err());
    assert!(meter.take(1, 1000).is_err());
}
