//! What the users of other frameworks complain of, each as a test that would fail if
//! it were so here. Agents on a real node, their models a server that goes by a
//! script; what needs hours or a crash at every moment is in the simulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what a test expects and does not find fails it; a test waits for a node in real time"
)]

mod allowance;
mod answers;
mod architectures;
mod crowd;
mod hostile;
mod house;
mod load;
mod long;
mod mcp;
mod recursion;
mod revoked;
mod strangers;
