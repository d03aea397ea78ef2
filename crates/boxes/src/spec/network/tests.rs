//! Hosts and ports.

use super::*;

#[test]
fn names_and_addresses_read_back() {
    for (text, same) in [
        ("shop.example:443", "shop.example:443"),
        ("Shop.Example:80", "shop.example:80"),
        ("10.0.0.1:5432", "10.0.0.1:5432"),
        ("[::1]:8080", "[::1]:8080"),
        ("localhost:1", "localhost:1"),
    ] {
        let host: HostPort = text.parse().unwrap();
        assert_eq!(host.to_string(), same);
        assert_eq!(host.to_string().parse(), Ok(host));
    }
}

#[test]
fn everything_else_is_refused_with_an_example() {
    for bad in [
        "",
        "shop.example",
        ":443",
        "shop.example:0",
        "shop.example:65536",
        "*.example:443",
        "https://shop.example:443",
        "127.1:80",
        "0x7f000001:80",
        "2130706433:80",
        "::1:80",
        "[::g]:80",
        "a b:80",
        "-a:80",
        "a..b:80",
        "shop.example:https",
        "a/b:80",
    ] {
        let error = bad.parse::<HostPort>().unwrap_err();
        assert!(error.contains("shop.example:443"), "{bad}: {error}");
    }
}
