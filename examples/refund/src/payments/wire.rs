//! What goes over the wire between a refund and the payment service.

use crate::money::Money;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `POST /refunds`, with a header `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequest {
    pub order: String,
    pub amount: Money,
    pub currency: String,
}

/// A refund that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub payment_id: String,
    /// The key was known: nothing was done again.
    pub repeated: bool,
}

/// `GET /refunds`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// How many refunds were made, ever.
    pub accepted: u64,
    /// How many requests came with a known key, since the service started.
    pub repeats: u64,
    pub orders: BTreeMap<String, OrderCounts>,
}

/// The same of one order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OrderCounts {
    pub accepted: u64,
    pub repeats: u64,
    /// The last payment.
    pub payment_id: String,
}

/// `POST /behave`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Behave {
    pub mode: Mode,
    /// For how many refunds; then all is well again.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// How the service treats a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As it should
    Ok,
    /// Answers 503 and does nothing
    Fail,
    /// Answers 402 and does nothing
    Decline,
    /// Makes the refund and never answers
    Stall,
    /// Makes the refund and exits without an answer
    Die,
}

/// `GET /health`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// [`SERVICE`]: another program may have taken the port.
    pub service: String,
    pub pid: i32,
    /// Where its ledger is: another project may have taken the port.
    pub ledger: String,
}

/// What the service calls itself.
pub const SERVICE: &str = "refund payments";
