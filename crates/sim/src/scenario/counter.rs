//! A loop of `continue_as_new` that counts messages sent by people: each once,
//! in order, across segments.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::User;
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "counter",
    about: "continue_as_new that carries state while messages arrive",
    registry: |_| Registry::new().kind("counter", counter),
    users: || {
        let mut user = User::new().starts("counter", "a", "[0,0]");
        for number in 1..=6 {
            user = user.sends(number * 7, "counter/a", "add", &number.to_string());
        }
        vec![user.sends(200, "counter/a", "end", "null")]
    },
    expect: |run| ends(run, "counter/a", "completed [21,6]"),
    timeless: true,
    ..PLAIN
};

async fn counter(ctx: Ctx, state: (u64, u64)) -> Result<(u64, u64), Failure> {
    let (sum, count) = state;
    let message = ctx.recv().await?;
    if message.topic == "end" {
        return Ok(state);
    }
    let number: u64 = message.read()?;
    if number != count + 1 {
        return Err(Failure::msg(format!("got {number} after {count}")));
    }
    ctx.set("sum", &(sum + number))?;
    ctx.continue_as_new(&(sum + number, count + 1))
}
