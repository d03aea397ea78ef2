//! A tunnel to a host that a secret is for: TLS ends here, with a certificate of the
//! box's own authority, and each request is checked and sent on over TLS of ours.

use super::clock::{Activity, within};
use super::download::Answer;
use super::exchange::exchange;
use super::gate::{Asked, Gate};
use super::refusal::Refusal;
use super::target;
use super::tunnel::{Client, greeted};
use super::watched::Watched;
use crate::spec::HostPort;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::sync::Arc;
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;

/// Serves the requests in a tunnel until it ends.
pub(super) async fn intercept(
    gate: &Gate,
    server: &http1::Builder,
    target: &HostPort,
    client: Client,
    config: Arc<ServerConfig>,
) -> Result<(), Refusal> {
    let (stream, activity) = handshake(gate, target, client, config).await?;
    let service = service_fn(|request| async {
        Ok::<_, Infallible>(Box::pin(answered(gate, target, request)).await)
    });
    tokio::select! {
        // A client that breaks off has nobody to tell.
        _ended = server.serve_connection(TokioIo::new(stream), service) => {}
        () = activity.ceased(gate.limits.box_idle()) => {}
    }
    Ok(())
}

async fn handshake(
    gate: &Gate,
    target: &HostPort,
    mut client: Client,
    config: Arc<ServerConfig>,
) -> Result<(TlsStream<Watched>, Arc<Activity>), Refusal> {
    let hello = greeted(gate, &mut client, target).await?;
    let stream = Watched::new(client.stream);
    let activity = Arc::clone(&stream.activity);
    let start = StartHandshake::from_parts(hello.accepted, stream);
    let why = match within(gate.limits.head, start.into_stream(config)).await {
        Some(Ok(stream)) => return Ok((stream, activity)),
        Some(Err(error)) => error.to_string(),
        None => format!("no handshake within {:?}", gate.limits.head),
    };
    let advice = "Trust the certificates in the box's SSL_CERT_FILE, and speak HTTP/1.1.";
    Err(Refusal::malformed(format!("no TLS with the program in the box: {why}"), advice))
}

async fn answered(gate: &Gate, target: &HostPort, request: Request<Incoming>) -> Answer {
    let asked = Asked::new(gate, &request, Some(target));
    let result = match target::inside(request.uri()) {
        Ok(()) => exchange(gate, &asked, target, true, request).await,
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| {
        gate.log_refused(&asked, &refusal);
        refusal.answer()
    })
}
