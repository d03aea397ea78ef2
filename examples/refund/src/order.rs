//! The orders file: one purchase a row. Knows nothing of refunds.

#[cfg(test)]
mod tests;

use crate::money::Money;
use greenroom::Failure;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// The file that the example ships.
const SHIPPED: &str = include_str!("../orders.csv");

/// A row of the orders file. Other columns are let pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    pub order_id: String,
    pub customer: String,
    pub item: String,
    pub amount: Money,
    pub currency: String,
    pub bought_at: String,
    pub status: String,
}

/// What a status means for a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Paid for, and not given back.
    Refundable,
    /// Given back already.
    Refunded,
    /// A word that only a person understands.
    Unclear,
}

impl Purchase {
    /// What its status means for a refund.
    pub fn standing(&self) -> Standing {
        match self.status.as_str() {
            "paid" | "shipped" | "delivered" | "returned" => Standing::Refundable,
            "refunded" => Standing::Refunded,
            _ => Standing::Unclear,
        }
    }

    /// `1,250.00 EUR`.
    pub fn price(&self) -> String {
        format!("{} {}", self.amount.grouped(), self.currency)
    }
}

/// Finds an order in a file, or in the one shipped.
///
/// # Errors
/// `unknown_order` and `bad_orders` are final. A file that cannot be read may
/// be back at the next attempt.
pub fn find(orders: Option<&Path>, order: &str) -> Result<Purchase, Failure> {
    let Some(path) = orders else {
        return find_in(SHIPPED.as_bytes(), "the orders file shipped", order);
    };
    let name = path.display().to_string();
    let file = std::fs::File::open(path)
        .map_err(|error| Failure::new("no_orders", format!("cannot read {name}: {error}")))?;
    find_in(file, &name, order)
}

fn find_in(orders: impl Read, name: &str, order: &str) -> Result<Purchase, Failure> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(orders);
    let (mut count, mut last) = (0, None);
    for row in reader.deserialize::<Purchase>() {
        let row = row.map_err(|error| Failure::fatal("bad_orders", format!("{name}: {error}")))?;
        if row.order_id == order {
            return Ok(row);
        }
        count += 1;
        last = Some(row.order_id);
    }
    let example = last.map(|last| format!(", the last of them {last}")).unwrap_or_default();
    let words = format!("there is no order {order} among the {count} of {name}{example}");
    Err(Failure::fatal("unknown_order", words))
}
