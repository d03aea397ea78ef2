//! Headers that are for the next hop alone are not passed on. Pure.

use super::refusal::Refusal;
use hyper::header::{
    CONNECTION, EXPECT, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};

const HOP: [HeaderName; 8] = [
    CONNECTION,
    EXPECT,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes what is for this hop, and what `Connection` names.
pub(super) fn strip_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    headers.remove("http2-settings");
}

/// After an upgrade nothing could be checked. An offer of HTTP/2 is not one: who offers
/// it goes on without.
pub(super) fn no_upgrade(headers: &HeaderMap) -> Result<(), Refusal> {
    let harmless =
        |value: &hyper::header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"h2c");
    if headers.get_all(UPGRADE).iter().all(harmless) {
        return Ok(());
    }
    Err(Refusal::forbidden(
        "the request wants to upgrade the connection (to a WebSocket, say), after which nothing \
         could be checked",
        "WebSockets go over TLS (wss://) to an allowed host that no secret is for.",
    ))
}
