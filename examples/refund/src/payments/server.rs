//! The service: axum over the ledger, on this machine only.

use super::address::Files;
use super::behaviour::Behaviour;
use super::launch::make_private;
use super::ledger::{Ledger, Refusal};
use super::wire::{Behave, Counts, Health, Mode, Payment, RefundRequest, SERVICE};
use anyhow::Context;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// The exit code of a service that was told to die.
const DIED: i32 = 86;

struct Service {
    ledger: Mutex<Ledger>,
    behaviour: Behaviour,
    health: Health,
}

type Refused = (StatusCode, String);

/// Serves until it is ended. Whatever ends it, a refund that was confirmed is
/// on the disk.
///
/// # Errors
/// If the directory, the ledger or the port cannot be had.
pub async fn serve(dir: &Path, port: Option<u16>) -> anyhow::Result<()> {
    make_private(dir)?;
    let files = Files::new(dir);
    let ledger = Ledger::open(&files.ledger())?;
    let listener = bind(port, files.read_port()).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let pid = std::process::id();
    let ledger_path = std::fs::canonicalize(files.ledger())?.display().to_string();
    let health =
        Health { service: SERVICE.to_owned(), pid: i32::try_from(pid)?, ledger: ledger_path };
    let behaviour = Behaviour::new();
    let service = Service { ledger: Mutex::new(ledger), behaviour, health };
    files.write(&url, pid).context("cannot write the address file")?;
    println!("payments: {url}, process {pid}, ledger {}", files.ledger().display());
    let router = axum::Router::new()
        .route("/health", get(health_of))
        .route("/refunds", get(counts).post(refund))
        .route("/behave", post(behave))
        .with_state(Arc::new(service));
    axum::serve(listener, router).await?;
    Ok(())
}

/// The port asked for; else the one it had before, so that who knows it still
/// finds it; else any.
async fn bind(asked: Option<u16>, before: Option<u16>) -> anyhow::Result<TcpListener> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Some(port) = asked {
        return TcpListener::bind(at(port)).await.with_context(|| format!("port {port}"));
    }
    if let Some(port) = before
        && let Ok(listener) = TcpListener::bind(at(port)).await
    {
        return Ok(listener);
    }
    Ok(TcpListener::bind(at(0)).await?)
}

async fn health_of(State(service): State<Arc<Service>>) -> Json<serde_json::Value> {
    Json(serde_json::json!(service.health))
}

async fn counts(State(service): State<Arc<Service>>) -> Json<serde_json::Value> {
    let ledger = service.ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let counts: &Counts = ledger.counts();
    Json(serde_json::json!(counts))
}

async fn behave(State(service): State<Arc<Service>>, Json(behave): Json<Behave>) -> StatusCode {
    service.behaviour.set(behave);
    StatusCode::NO_CONTENT
}

async fn refund(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Json(request): Json<RefundRequest>,
) -> Result<Json<Payment>, Refused> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    if key.is_empty() {
        let words = "a refund needs the header Idempotency-Key".to_owned();
        return Err((StatusCode::BAD_REQUEST, words));
    }
    let mode = service.behaviour.take();
    match mode {
        Mode::Fail => return Err((StatusCode::SERVICE_UNAVAILABLE, "out of order".to_owned())),
        Mode::Decline => return Err((StatusCode::PAYMENT_REQUIRED, "declined".to_owned())),
        Mode::Ok | Mode::Stall | Mode::Die => {}
    }
    let payment = service.book(key, request)?;
    match mode {
        Mode::Stall => std::future::pending().await,
        Mode::Die => std::process::exit(DIED),
        _ => Ok(Json(payment)),
    }
}

impl Service {
    /// Waits for the disk: this service has nothing better to do.
    fn book(&self, key: &str, request: RefundRequest) -> Result<Payment, Refused> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.refund(key, request).map_err(|refusal| match refusal {
            Refusal::OtherRefund(words) => (StatusCode::UNPROCESSABLE_ENTITY, words),
            Refusal::Disk(error) => (StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
        })
    }
}
