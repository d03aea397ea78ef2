//! Connections to a model's server: plain or TLS, kept open between requests, through
//! the proxy that the environment names. Knows no HTTP body.

use super::fault::causes;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A connection that has not been used for so long is closed, before the server does
/// it in the middle of the next request.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// The connections to one server, made when they are first needed.
#[derive(Default)]
pub(crate) struct Connection {
    pool: OnceLock<Pool>,
}

enum Pool {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
    Proxied(Client<HttpsConnector<Tunnel<HttpConnector>>, Full<Bytes>>),
}

impl Connection {
    /// Sends a request; gives the response's head.
    pub async fn send(
        &self,
        url: &str,
        connect: Duration,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        let pool = match self.pool.get() {
            Some(pool) => pool,
            None => {
                let pool = Pool::new(url, connect)?;
                self.pool.get_or_init(|| pool)
            }
        };
        let response = match pool {
            Pool::Plain(client) => client.request(request),
            Pool::Tls(client) => client.request(request),
            Pool::Proxied(client) => client.request(request),
        };
        response.await.map_err(|error| {
            let what = if error.is_connect() { "cannot connect" } else { "the connection broke" };
            format!("{what}: {}", causes(&error))
        })
    }
}

impl Pool {
    fn new(url: &str, connect: Duration) -> Result<Pool, String> {
        let uri: Uri = url.parse().map_err(|error| format!("the url is none: {error}"))?;
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(connect));
        tcp.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_MAX);
        match uri.scheme_str() {
            Some("http") => {
                // A connection without TLS costs next to nothing, and llama.cpp closes
                // those that wait while others want in: the next request would break.
                builder.pool_max_idle_per_host(0);
                Ok(Pool::Plain(builder.build(tcp)))
            }
            Some("https") => {
                tcp.enforce_http(false);
                let tls = HttpsConnectorBuilder::new().with_tls_config(trust()?);
                let tls = tls.https_only().enable_http1();
                Ok(match Matcher::from_env().intercept(&uri) {
                    None => Pool::Tls(builder.build(tls.wrap_connector(tcp))),
                    Some(proxy) => {
                        let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
                        if let Some(auth) = proxy.basic_auth() {
                            tunnel = tunnel.with_auth(auth.clone());
                        }
                        Pool::Proxied(builder.build(tls.wrap_connector(tunnel)))
                    }
                })
            }
            _ => Err("the url must begin with http:// or https://".to_owned()),
        }
    }
}

/// Whom TLS trusts: the machine's own roots, so that a company's own authority
/// counts. Read once, when first needed.
pub(crate) fn trust() -> Result<ClientConfig, String> {
    static TRUST: OnceLock<Result<ClientConfig, String>> = OnceLock::new();
    TRUST.get_or_init(read_trust).clone()
}

fn read_trust() -> Result<ClientConfig, String> {
    use hyper_rustls::ConfigBuilderExt;
    // Named, not the process's default: two providers in one program leave none.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    let builder = builder.with_native_roots().map_err(|error| {
        format!(
            "no root certificates on this machine ({error}); install `ca-certificates`, \
             or set SSL_CERT_FILE"
        )
    })?;
    Ok(builder.with_no_client_auth())
}
