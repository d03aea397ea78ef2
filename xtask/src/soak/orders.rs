//! The orders of a campaign, drawn from its seed: what each costs, and what a
//! person will say to it.

use super::chance::Chance;
use std::fmt::Write;

pub struct Order {
    /// Also the process's key. Holds the seed: a store may have seen others.
    pub id: String,
    pub euros: u64,
    /// What the person says, if one is asked.
    pub approve: bool,
}

impl Order {
    /// Whether a person is asked.
    pub fn is_large(&self) -> bool {
        self.euros > 1_000
    }

    /// Whether money moves in the end.
    pub fn is_paid(&self) -> bool {
        !self.is_large() || self.approve
    }

    pub fn process(&self) -> String {
        format!("refund/{}", self.id)
    }
}

pub fn draw(seed: u64, count: u32) -> Vec<Order> {
    let mut chance = Chance::new(seed, 1);
    let order = |number| Order {
        id: format!("S{seed}-{number:05}"),
        euros: if chance.percent(33) {
            chance.between(1_001, 5_000)
        } else {
            chance.between(5, 1_001)
        },
        approve: chance.percent(70),
    };
    (1..=count).map(order).collect()
}

/// As the orders file that the example reads.
pub fn csv(orders: &[Order]) -> String {
    let mut text = "order_id,customer,item,amount,currency,bought_at,status\n".to_owned();
    for Order { id, euros, .. } in orders {
        let _ = writeln!(text, "{id},Soak,Thing,{euros}.00,EUR,2026-11-01,delivered");
    }
    text
}
