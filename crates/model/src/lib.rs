//! Plain data and pure rules of Greenroom: ids, payloads, events, messages,
//! exits, retry, the ledger of what a process waits for.
//!
//! Knows no I/O, no async runtime, no clock and no store. Facts go in,
//! decisions come out, so every rule here can be tested without a machine.

pub mod budget;
mod deadlock;
mod divergence;
mod envelope;
mod error;
mod event;
mod exit;
mod id;
mod in_hand;
mod ledger;
mod link;
mod message;
pub mod pattern;
mod payload;
pub mod queue;
mod retry;
mod revival;
mod rewind;
pub mod schedule;
pub mod stage;
mod standing;
mod status;
mod sum;
pub mod supervisor;
mod time;
mod topic;
mod unfinished;

pub use deadlock::{Waits, circles, stuck};
pub use divergence::Divergence;
pub use envelope::{Carried, Cause, Envelope, Limits};
pub use error::Error;
pub use event::{Event, Given, Need, Segment, Settles, Supervised, Terms};
pub use exit::{Exit, Failure, RETRY_AFTER_MAX, failure};
pub use id::{AskId, Epoch, Kind, MessageNo, Op, ProcessId, ProcessNo, Seq, Shard};
pub use in_hand::InHand;
pub use ledger::{BlockedSend, Ledger, OpenAsk, OpenStep};
pub use link::linked_exit;
pub use message::{AskSpec, Content, Filter, Lane, Message, Origin, ReplyTo, Stop};
pub use payload::{BlobRef, PAYLOAD_MAX_BYTES, Payload, Short};
pub use retry::{Retry, RetryDecision};
pub use revival::{GivenBack, Revival, given_back, revival};
pub use rewind::{history_in_force, restart_point, state_after};
pub use standing::{Audience, Lookup, Place, Standing};
pub use status::Status;
pub use sum::{Mark, Sum};
pub use time::Millis;
pub use topic::Topic;
pub use unfinished::{Unfinished, unfinished};
