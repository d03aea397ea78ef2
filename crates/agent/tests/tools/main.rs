//! Tools as agents use them: through steps of processes on a node, against real
//! servers, files and children.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be, and these run in real time"
)]

mod function;
mod mcp;
mod mcp_http;
mod workspace;
mod world;
