//! The table of routes.

use crate::extract::{BODY_MAX_BYTES, only_json};
use crate::peer::guard;
use crate::refusal::Refusal;
use crate::route::{
    ask, budget, cancel, dead, events, export, fork, history, import, kind, message,
    node as status, pause, place, process, queue, restart, result, schedule, state, trace, verify,
};
use crate::shutdown::Shutdown;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Router, middleware};
use greenroom_runtime::Node;

/// What routes work with.
#[derive(Clone)]
struct Served {
    node: Node,
    shutdown: Shutdown,
}

impl FromRef<Served> for Node {
    fn from_ref(served: &Served) -> Node {
        served.node.clone()
    }
}

impl FromRef<Served> for Shutdown {
    fn from_ref(served: &Served) -> Shutdown {
        served.shutdown.clone()
    }
}

/// Every route, over a node.
pub fn router(node: Node, shutdown: Shutdown) -> Router {
    let one = Router::new()
        .route("/", get(process::get))
        .route("/history", get(history::get))
        .route("/events", get(events::get))
        .route("/state", get(state::get))
        .route("/result", get(result::get))
        .route("/ancestors", get(process::ancestors))
        .route("/messages", post(message::post))
        .route("/cancel", post(cancel::post))
        .route("/pause", post(pause::pause))
        .route("/resume", post(pause::resume))
        .route("/restart", post(restart::post))
        .route("/fork", post(fork::post))
        .route("/budget", get(budget::get).post(budget::raise));
    Router::new()
        .route("/v1/processes", get(process::list).post(process::start))
        .nest("/v1/processes/{kind}/{key}", one)
        .route("/v1/trace/{kind}/{key}", get(trace::get))
        .route("/v1/asks", get(ask::list))
        .route("/v1/asks/{kind}/{key}/{op}", post(ask::answer))
        .route("/v1/names", get(place::names))
        .route("/v1/names/{name}/messages", post(place::send))
        .route("/v1/groups", get(place::groups))
        .route("/v1/groups/{group}", post(place::publish_to_group))
        .route("/v1/subscriptions", get(place::subscriptions))
        .route("/v1/topics/{topic}", post(place::publish))
        .route("/v1/dead", get(dead::list))
        .route("/v1/dead/{no}", get(dead::get))
        .route("/v1/dead/requeue", post(dead::requeue))
        .route("/v1/dead/drop", post(dead::discard))
        .route("/v1/schedules", get(schedule::list).post(schedule::add))
        .route("/v1/schedules/{name}", get(schedule::get))
        .route("/v1/schedules/{name}/run", post(schedule::run))
        .route("/v1/schedules/{name}/trigger", post(schedule::trigger))
        .route("/v1/schedules/{name}/delete", post(schedule::delete))
        .route("/v1/queues", get(queue::list))
        .route("/v1/queues/{name}/reopen", post(queue::reopen))
        .route("/v1/kinds", get(kind::list))
        .route("/v1/node", get(status::get))
        .route("/v1/verify", get(verify::get))
        .route("/v1/export", get(export::get))
        .route("/v1/import", post(import::post).layer(DefaultBodyLimit::disable()))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(middleware::from_fn(only_json))
        .layer(middleware::from_fn(guard))
        .with_state(Served { node, shutdown })
}

async fn no_route() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "no_route", "there is no such route")
}

async fn wrong_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "this route has another method")
}
