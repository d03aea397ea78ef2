//! Which addresses are out on the public network. Pure.

use crate::spec::HostPort;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[cfg(test)]
mod tests;

/// What kind of address a host of a box's network is, if it is none of the public network:
/// whoever wrote the box's folder means this machine, or what is near it.
#[must_use]
pub fn not_outside(host: &HostPort) -> Option<&'static str> {
    match host.host().parse() {
        Ok(address) => not_public(address),
        Err(_) => (host.host() == "localhost").then_some("loopback"),
    }
}

/// Why a name may not lead to this address; nothing if it is a public one.
pub(super) fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let kind = match address.octets() {
        [0, ..] => "unspecified",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [127, ..] => "loopback",
        [169, 254, ..] => "link-local, where clouds keep their metadata",
        [100, 64..=127, ..] => "a provider's own (CGNAT)",
        // Also NAT64's discovery, and DS-Lite's.
        [192, 0, 0, _] => "reserved for protocols",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "for documentation",
        [192, 88, 99, _] => "an IPv6 relay",
        [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => "reserved for special use",
        [198, 18..=19, ..] => "for benchmarks",
        [224..=239, ..] => "multicast",
        [255, 255, 255, 255] => "broadcast",
        [240..=255, ..] => "reserved",
        // Answers to Azure's virtual machines alone: their metadata and keys.
        [168, 63, 129, 16] => "a cloud's metadata",
        _ => return None,
    };
    Some(kind)
}

/// Only 2000::/3 is out there; of that, what is not, or leads to an IPv4 address that
/// was not looked at, is taken away.
fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address == Ipv6Addr::UNSPECIFIED {
        return Some("unspecified");
    }
    if address == Ipv6Addr::LOCALHOST {
        return Some("loopback");
    }
    let kind = match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => "IPv4 in the form of IPv6",
        [0, 0, 0, 0, 0, 0, ..] => "IPv4 in the form of IPv6",
        [0x64, 0xff9b, ..] => "IPv4 behind a translator (NAT64)",
        [0xfc00..=0xfdff, ..] => "private (ULA)",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "for documentation",
        // Teredo carries an IPv4 address too; the others are no places.
        [0x2001, 0..=0x1ff, ..] => "reserved for protocols",
        [0x2002, ..] => "IPv4 behind a translator (6to4)",
        [0x2000..=0x3fff, ..] => return None,
        _ => "reserved",
    };
    Some(kind)
}
