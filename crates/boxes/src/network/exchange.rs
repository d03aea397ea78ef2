//! One HTTP request that was read whole by its head, checked, and sent on anew: what
//! goes out is written by us, so nobody can hide a second request in it.

use super::clock::{Activity, within};
use super::download::{Answer, Beside, Download, Upload};
use super::gate::{Asked, Gate};
use super::headers::{no_upgrade, strip_hop};
use super::redact::Redactor;
use super::refusal::Refusal;
use super::secret::Used;
use super::target::host_agrees;
use crate::spec::HostPort;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Sends a request to a host and gives its answer. Each goes over a connection of its
/// own, to an address that was checked for it.
pub(super) async fn exchange(
    gate: &Gate,
    asked: &Asked,
    target: &HostPort,
    tls: bool,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    gate.permit(target)?;
    host_agrees(request.headers(), target, if tls { 443 } else { 80 })?;
    no_upgrade(request.headers())?;
    if request.method() == Method::TRACE {
        let advice = "Use another method: TRACE makes a server repeat what it was sent.";
        return Err(Refusal::forbidden("TRACE is not let through", advice));
    }
    let (stream, address) = gate.dial(target).await?;
    let trip = Trip { gate, asked, target, address, tls };
    let result = if tls {
        let stream = trip.secure(stream).await?;
        trip.send(stream, request).await
    } else {
        trip.send(stream, request).await
    };
    result.map_err(|refusal| refusal.at(address))
}

struct Trip<'a> {
    gate: &'a Gate,
    asked: &'a Asked,
    target: &'a HostPort,
    address: IpAddr,
    tls: bool,
}

impl Trip<'_> {
    /// TLS to the real server, whose certificate must be good for the host.
    async fn secure(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Refusal> {
        let target = self.target;
        let failed = |why: String| {
            let advice = "No secret was sent. Check the server's certificate.";
            let why = format!("no TLS with {target} at {}: {why}", self.address);
            Err(Refusal::failed(why, advice).at(self.address))
        };
        let Some(identity) = &self.gate.identity else {
            return failed("no secret is for it".to_owned());
        };
        let Ok(name) = ServerName::try_from(target.host().to_owned()) else {
            return failed("no certificate can name it".to_owned());
        };
        let connector = TlsConnector::from(identity.client());
        match within(self.gate.limits.head, connector.connect(name, stream)).await {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(error)) => failed(error.to_string()),
            None => failed(format!("no handshake within {:?}", self.gate.limits.head)),
        }
    }

    /// The last hop: here values are put in.
    async fn send<S>(&self, stream: S, request: Request<Incoming>) -> Result<Answer, Refusal>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (gate, target) = (self.gate, self.target);
        let activity = Arc::new(Activity::default());
        let (request, used) = self.outgoing(request, &activity)?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(gate.limits.head_bytes_max);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broke(&error.to_string()))?;
        gate.log_allowed(
            self.asked,
            self.address,
            "in the allow-list",
            used.names.iter().cloned().collect(),
        );
        let mut connection: Option<Beside> = Some(Box::pin(async move {
            // How it ended is told by the response.
            let _ended = connection.await;
        }));
        let mut response = Box::pin(sender.send_request(request));
        let (watched, idle) = (Arc::clone(&activity), gate.limits.idle);
        let mut ceased: Beside = Box::pin(async move { watched.ceased(idle).await });
        let head = poll_fn(|cx| {
            if let Some(running) = &mut connection
                && running.as_mut().poll(cx).is_ready()
            {
                connection = None;
            }
            match response.as_mut().poll(cx) {
                Poll::Ready(head) => Poll::Ready(Some(head)),
                Poll::Pending => ceased.as_mut().poll(cx).map(|()| None),
            }
        });
        let response = match head.await {
            Some(Ok(response)) => response,
            Some(Err(error)) => return Err(self.broke(&error.to_string())),
            None => {
                let why = format!("{target} sent no answer within {idle:?}");
                return Err(Refusal::failed(why, "Try again later."));
            }
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(self.broke("it switched protocols without being asked"));
        }
        Ok(incoming(response, used, |body, redactor| Download {
            body,
            connection,
            ceased,
            activity,
            redactor,
        }))
    }

    fn broke(&self, why: &str) -> Refusal {
        let why = format!("the connection to {} broke: {why}", self.target);
        Refusal::failed(why, "Whether the server took the request is not known.")
    }

    /// The request as the server gets it.
    fn outgoing(
        &self,
        request: Request<Incoming>,
        activity: &Arc<Activity>,
    ) -> Result<(Request<Upload>, Used), Refusal> {
        let (gate, target) = (self.gate, self.target);
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned();
        parts.uri = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
        parts.version = Version::HTTP_11;
        strip_hop(&mut parts.headers);
        // The body is framed anew, by what was read of it.
        parts.headers.remove(CONTENT_LENGTH);
        let host = HeaderValue::try_from(named(target, self.tls));
        let host = host.map_err(|error| self.broke(&error.to_string()))?;
        parts.headers.insert(HOST, host);
        let used =
            gate.placeholders.put_in(&mut parts.headers, target, &gate.policy, &*gate.secrets)?;
        if !used.names.is_empty() {
            // In a compressed answer a value could not be seen.
            parts.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let mut outgoing = Request::new(Upload { body, activity: Arc::clone(activity) });
        *outgoing.method_mut() = parts.method;
        *outgoing.uri_mut() = parts.uri;
        *outgoing.headers_mut() = parts.headers;
        Ok((outgoing, used))
    }
}

/// The host as `Host` says it: without the port that its scheme has anyway.
fn named(target: &HostPort, tls: bool) -> String {
    let text = target.to_string();
    let usual = target.port() == if tls { 443 } else { 80 };
    match text.rsplit_once(':') {
        Some((host, _)) if usual => host.to_owned(),
        _ => text,
    }
}

/// The response as the box gets it.
fn incoming(
    response: Response<Incoming>,
    used: Used,
    wrap: impl FnOnce(Incoming, Option<Redactor>) -> Download,
) -> Answer {
    let (parts, body) = response.into_parts();
    let mut headers = parts.headers;
    strip_hop(&mut headers);
    let redactor = (!used.needles.is_empty()).then(|| {
        let mut redactor = Redactor::new(used.needles);
        redactor.headers(&mut headers);
        // A placeholder has another length than what it stands for.
        headers.remove(CONTENT_LENGTH);
        redactor
    });
    // Built anew: a reason phrase of the server's own would come along otherwise.
    let mut answer = Response::new(wrap(body, redactor).boxed_unsync());
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = headers;
    answer
}
