//! Where a request wants to go, by its first line and its `Host`. Pure.

use super::refusal::Refusal;
use crate::spec::HostPort;
use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Uri};

/// Where a request asks to go, for the log: also when it is refused, without userinfo.
pub(super) fn asked(uri: &Uri) -> (String, Option<u16>) {
    (uri.host().unwrap_or("").chars().take(255).collect(), uri.port_u16())
}

/// The one place that a request to a proxy names.
pub(super) fn of_request(method: &Method, uri: &Uri) -> Result<HostPort, Refusal> {
    let Some(authority) = uri.authority() else {
        return Err(Refusal::malformed(
            "this is the box's proxy, not a server, and the request names no host in its first line",
            "Send it as to a proxy: CONNECT for https, the whole URL for http. Programs do so by \
             HTTP_PROXY and HTTPS_PROXY, which are set in the box.",
        ));
    };
    if method == Method::CONNECT {
        return read(authority.as_str());
    }
    if uri.scheme_str() != Some("http") {
        return Err(Refusal::malformed(
            "only http:// is asked of a proxy by its whole URL",
            "For https use CONNECT, as programs do by HTTPS_PROXY.",
        ));
    }
    read(&with_port(authority.as_str(), 80))
}

/// Inside of a tunnel a request's first line has a path alone.
pub(super) fn inside(uri: &Uri) -> Result<(), Refusal> {
    if uri.authority().is_none() && uri.path().starts_with('/') {
        return Ok(());
    }
    Err(Refusal::malformed(
        "a request in a tunnel names a host in its first line, or no path",
        "Send the path alone, as to a server.",
    ))
}

/// `Host` must be there once and say the same as the first line.
pub(super) fn host_agrees(
    headers: &HeaderMap,
    target: &HostPort,
    port_default: u16,
) -> Result<(), Refusal> {
    let advice = "Send one Host header with the host and port of the request's URL.";
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refusal::malformed("the request has no Host header, or more than one", advice));
    };
    let said = host.to_str().ok().and_then(|host| with_port(host, port_default).parse().ok());
    if said.as_ref() != Some(target) {
        let why = format!("the Host header is not {target}, where the request is to go");
        return Err(Refusal::malformed(why, advice));
    }
    Ok(())
}

fn read(authority: &str) -> Result<HostPort, Refusal> {
    authority.parse().map_err(|_why: String| {
        // Not quoted: it may hold a password before an `@`.
        Refusal::malformed(
            "the host is neither a name nor an address in its usual form, or has no port",
            "Write host:port, with an IPv4 address as four decimal numbers, an IPv6 address in \
             brackets, and no user name before it.",
        )
    })
}

fn with_port(authority: &str, port: u16) -> String {
    let bare = match authority.rsplit_once(']') {
        Some((_, rest)) => rest.is_empty(),
        None => !authority.contains(':'),
    };
    if bare { format!("{authority}:{port}") } else { authority.to_owned() }
}
