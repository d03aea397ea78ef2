//! How an MCP server by HTTP is reached: its address and headers, secrets put in.

use super::ANSWER_MAX_BYTES;
use super::expand::{Lookup, expand};
use super::secrets::Secrets;
use super::web::Web;
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The transport to the server, with the secrets put in, which it adds to `secrets`.
/// Errors: in words without values.
pub fn transport(
    url: &str,
    headers: &BTreeMap<String, String>,
    lookup: &Lookup,
    secrets: &mut Secrets,
) -> Result<StreamableHttpClientTransport<Web>, String> {
    let url = expand(url, lookup).map_err(|why| format!("its url: {why}"))?;
    secrets.add(&url, &host(&url));
    let parsed: Uri = url.parse().map_err(|error| format!("its url: {error}"))?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) {
        return Err("its url: expected http:// or https://".to_owned());
    }
    let mut all = HashMap::new();
    for (name, value) in headers {
        let value = expand(value, lookup).map_err(|why| format!("its header {name}: {why}"))?;
        secrets.hide_words(&value);
        let header: HeaderName = name
            .parse()
            .map_err(|_| format!("its header {name}: this cannot be a header's name"))?;
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| format!("its header {name}: its value cannot be sent"))?;
        value.set_sensitive(true);
        all.insert(header, value);
    }
    let mut config = StreamableHttpClientTransportConfig::with_uri(url)
        .custom_headers(all)
        .max_sse_event_size(ANSWER_MAX_BYTES);
    let mut again = ExponentialBackoff::default();
    again.max_times = Some(3);
    again.base_duration = Duration::from_millis(200);
    config.retry_config = Arc::new(again);
    Ok(StreamableHttpClientTransport::with_client(Web, config))
}

/// The scheme and host of an address: what stands before an `@` or after the host may
/// be a secret.
pub fn host(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}")
}
