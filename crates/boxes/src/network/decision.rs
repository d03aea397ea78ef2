//! What the proxy decided, for whoever keeps the log.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One decision. Holds no value of a secret, no path and no query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The box.
    pub box_id: String,
    /// The request's method.
    pub method: String,
    /// The host it asked for, in its own spelling if that is no host.
    pub host: String,
    /// The port, if it gave one.
    pub port: Option<u16>,
    /// The address that was chosen.
    pub address: Option<IpAddr>,
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    pub why: String,
    /// The secrets that were put in, by name.
    pub secrets: Vec<String>,
    /// The secrets whose placeholder went where they are not for, by name. The
    /// placeholder is all that was, or would have been, sent.
    pub misplaced: Vec<String>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It went out.
    Allowed,
    /// The policy, or how it was written, did not let it out.
    Refused,
    /// The policy lets it out, but something outside or on this machine failed.
    Failed,
}

/// Hears every decision.
pub trait Decisions: Send + Sync {
    /// Called before an allowed request is sent, in a task: it must not wait. A box
    /// makes as many decisions as requests, so what is kept of them needs a bound.
    fn decided(&self, decision: &Decision);
}
