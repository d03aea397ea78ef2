//! A connection from the box: HTTP/1.1 as to a proxy, request after request, until one
//! of them makes it a tunnel.

use super::download::{Answer, whole};
use super::exchange::exchange;
use super::gate::{Asked, Gate};
use super::intercept::intercept;
use super::refusal::Refusal;
use super::target::of_request;
use super::tunnel::{Client, carry};
use super::watched::Watched;
use crate::spec::HostPort;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;

/// More headers than this are refused.
const HEADERS_MAX: usize = 100;

/// A `CONNECT` that was granted, until its connection is free for it.
struct Granted {
    asked: Asked,
    target: HostPort,
    upgrade: OnUpgrade,
    way: Way,
}

enum Way {
    /// Through, to a server that is connected already.
    Through(TcpStream, IpAddr),
    /// To us.
    Opened(Arc<ServerConfig>),
}

/// Serves one connection to its end.
pub(super) async fn serve(gate: Arc<Gate>, stream: TcpStream) {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(gate.limits.head)
        .max_headers(HEADERS_MAX)
        .max_buf_size(gate.limits.head_bytes_max);
    let granted: Mutex<Option<Granted>> = Mutex::new(None);
    let gate = &*gate;
    {
        let service = service_fn(|request| async {
            Ok::<_, Infallible>(Box::pin(answered(gate, &granted, request)).await)
        });
        let stream = Watched::new(stream);
        let activity = Arc::clone(&stream.activity);
        let connection = server.serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::select! {
            // A client that breaks off, or says what is no HTTP, has been told by hyper.
            _ended = connection => {}
            () = activity.ceased(gate.limits.box_idle()) => return,
        }
    }
    let granted = granted.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(granted) = granted {
        Box::pin(tunnel(gate, &server, granted)).await;
    }
}

async fn answered(
    gate: &Gate,
    granted: &Mutex<Option<Granted>>,
    request: Request<Incoming>,
) -> Answer {
    let target = of_request(request.method(), request.uri());
    let asked = Asked::new(gate, &request, target.as_ref().ok());
    let result = match target {
        Ok(target) if request.method() == Method::CONNECT => {
            grant(gate, &asked, target, request).await.map(|grant| {
                *granted.lock().unwrap_or_else(PoisonError::into_inner) = Some(grant);
                whole(String::new())
            })
        }
        Ok(target) => exchange(gate, &asked, &target, false, request).await,
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| {
        gate.log_refused(&asked, &refusal);
        refusal.answer()
    })
}

/// A tunnel is connected before it is granted, so that a failure can be told.
async fn grant(
    gate: &Gate,
    asked: &Asked,
    target: HostPort,
    request: Request<Incoming>,
) -> Result<Granted, Refusal> {
    gate.permit(&target)?;
    let opened = gate.identity.as_ref().and_then(|identity| identity.server(&target));
    let way = match opened {
        Some(config) => Way::Opened(config),
        None => {
            let (stream, address) = gate.dial(&target).await?;
            Way::Through(stream, address)
        }
    };
    let upgrade = hyper::upgrade::on(request);
    Ok(Granted { asked: asked.clone(), target, upgrade, way })
}

async fn tunnel(gate: &Gate, server: &http1::Builder, granted: Granted) {
    let Granted { asked, target, upgrade, way } = granted;
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Watched>>() else { return };
    let client = Client { stream: parts.io.into_inner().stream, begun: parts.read_buf.to_vec() };
    let result = match way {
        Way::Through(stream, address) => {
            carry(gate, &asked, &target, client, (stream, address)).await
        }
        Way::Opened(config) => intercept(gate, server, &target, client, config).await,
    };
    if let Err(refusal) = result {
        gate.log_refused(&asked, &refusal);
    }
}
