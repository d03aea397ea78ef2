//! Sizes and times.

use super::*;

#[test]
fn what_people_write_is_understood() {
    assert_eq!(bytes("512MiB"), Ok(512 << 20));
    assert_eq!(bytes("2 GB"), Ok(2_000_000_000));
    assert_eq!(bytes("1B"), Ok(1));
    assert_eq!(millis("30s"), Ok(30_000));
    assert_eq!(millis("250ms"), Ok(250));
    assert_eq!(millis("2m"), Ok(120_000));
}

#[test]
fn what_is_no_size_is_refused_with_an_example() {
    for bad in ["", "512", "MiB", "-1MiB", "1.5GiB", "1Mib", "99999999999TiB"] {
        assert!(bytes(bad).unwrap_err().contains("such as \"512MiB\""), "{bad}");
    }
    assert!(bytes("0MiB").unwrap_err().contains("do nothing"));
    assert!(millis("5 days").unwrap_err().contains("such as \"30s\""));
}
