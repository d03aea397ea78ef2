//! The payment service of a campaign: kept alive, and made to misbehave.

use super::chance::Chance;
use super::http;
use super::program::{Caller, Program};
use super::running::Running;
use super::{clock, orders::Order};
use anyhow::{Context, bail};
use serde_json::{Value, json};

/// How often something is looked at before it counts as failed.
const LOOKS_MAX: u32 = 500;

pub struct Payments {
    caller: Caller,
    running: Running,
    port: u16,
    /// How often it died.
    pub deaths: u32,
}

impl Payments {
    pub fn start(program: &Program) -> anyhow::Result<Payments> {
        let caller = program.caller(Vec::new());
        let running = caller.start("payments", &["payments", "--port", "0"])?;
        let address = program.dir().join("payments.addr");
        for _ in 0..LOOKS_MAX {
            let text = std::fs::read_to_string(&address).unwrap_or_default();
            if let Some(port) = text.trim().rsplit(':').next().and_then(|port| port.parse().ok()) {
                return Ok(Payments { caller, running, port, deaths: 0 });
            }
            clock::pause_ms(20);
        }
        bail!("the payment service does not come up");
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it again at its old address if it has died.
    pub fn keep_alive(&mut self) -> anyhow::Result<()> {
        if self.running.ended()?.is_none() {
            return Ok(());
        }
        self.deaths += 1;
        for _ in 0..LOOKS_MAX {
            let port = self.port.to_string();
            self.running = self.caller.start("payments", &["payments", "--port", &port])?;
            // Ends at once where the port is still taken.
            clock::pause_ms(100);
            if self.running.ended()?.is_none() {
                return Ok(());
            }
        }
        bail!("the payment service does not come back to port {port}", port = self.port)
    }

    /// Makes it fail, stall or die, now and then.
    pub fn mischief(&self, chance: &mut Chance) {
        let (mode, times) = match chance.between(0, 12) {
            0..3 => ("fail", chance.between(1, 5)),
            3..8 => ("stall", chance.between(1, 4)),
            8 => ("die", 1),
            _ => return,
        };
        // It may be dead just now.
        let _ = self.behave(mode, times);
    }

    pub fn behave(&self, mode: &str, times: u64) -> anyhow::Result<()> {
        let body = json!({ "mode": mode, "times": times }).to_string();
        http::request(self.port, "POST", "/behave", &body).map(|_| ())
    }

    /// What it counted, as it says itself.
    pub fn counts(&self) -> anyhow::Result<Counts> {
        let counts = http::request(self.port, "GET", "/refunds", "");
        Ok(Counts(counts.context("the payment service does not tell its counts")?))
    }
}

/// What the payment service counted.
pub struct Counts(pub Value);

impl Counts {
    /// How many refunds it made for this order.
    pub fn of(&self, order: &Order) -> u64 {
        self.0["orders"][&order.id]["accepted"].as_u64().unwrap_or(0)
    }

    pub fn payment_id(&self, order: &Order) -> &Value {
        &self.0["orders"][&order.id]["payment_id"]
    }

    pub fn accepted(&self) -> u64 {
        self.0["accepted"].as_u64().unwrap_or(0)
    }

    /// Repeated requests, since its last start.
    pub fn repeats(&self) -> u64 {
        self.0["repeats"].as_u64().unwrap_or(0)
    }
}
