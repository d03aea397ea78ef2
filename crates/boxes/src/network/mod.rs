//! What a box may reach: a proxy on the host's side is its only way out.
//!
//! A box's network namespace has no way to anywhere, no DNS and no raw sockets that
//! lead out. The proxy takes connections from a listener inside the box, looks up
//! names itself, holds each request against the policy, and puts secrets in at the
//! last hop. Knows no sandbox: it is handed the listener.

mod address;
mod authority;
pub(crate) mod clock;
mod connection;
mod decision;
mod download;
mod error;
mod exchange;
mod gate;
mod headers;
mod hello;
mod intercept;
mod kept;
mod limits;
mod outside;
mod policy;
mod proxy;
mod redact;
mod refusal;
mod secret;
mod target;
mod tunnel;
mod watched;

pub use address::not_outside;
pub use authority::CERTIFICATE_PATH;
pub use decision::{Decision, Decisions, Verdict};
pub use error::Error;
pub use kept::Kept;
pub use limits::Limits;
pub use outside::{Answered, Machine, Outside};
pub use policy::Policy;
pub use proxy::{Egress, Proxy};
pub use secret::Secrets;
