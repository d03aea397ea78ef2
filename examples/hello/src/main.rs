//! The smallest Greenroom program: two steps with a sleep between them.

use greenroom::{Ctx, Failure, Registry};
use std::time::Duration;

async fn hello(ctx: Ctx, name: Option<String>) -> Result<String, Failure> {
    let name = name.unwrap_or_else(|| "world".to_owned());
    let greeting = ctx.step("greet", move |_| greet(name.clone())).await?;
    ctx.sleep(Duration::from_secs(2)).await?;
    ctx.step("shout", move |_| shout(greeting.clone())).await
}

async fn greet(name: String) -> Result<String, Failure> {
    Ok(format!("hello, {name}"))
}

async fn shout(greeting: String) -> Result<String, Failure> {
    Ok(greeting.to_uppercase())
}

fn main() -> std::process::ExitCode {
    greenroom::main(Registry::new().kind("hello", hello))
}
