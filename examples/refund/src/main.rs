//! Refunds that survive anything and happen once: Greenroom's flagship example.
//!
//! `refund.rs` is the workflow, `order.rs` the orders file, `payments/` a payment
//! service that runs beside it. All commands but `payments` are Greenroom's own.

mod command_line;
mod money;
mod order;
mod payments;
mod refund;
mod settings;

use command_line::CommandLine;
use greenroom::Registry;
use payments::Payments;
use refund::Shop;
use settings::Settings;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let line = CommandLine::of_this_process();
    match begin(&line) {
        Ok(Next::Greenroom(registry)) => greenroom::main(registry),
        Ok(Next::Exit(code)) => code,
        Err(error) => {
            eprintln!("refund: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is left to do.
enum Next {
    Greenroom(Registry),
    Exit(ExitCode),
}

fn begin(line: &CommandLine) -> anyhow::Result<Next> {
    if line.command() == Some("payments") {
        return payments::command(line).map(Next::Exit);
    }
    if let Some(orders) = line.option("--orders") {
        // Greenroom does not know this option: the environment carries it.
        return Err(line.again_without("--orders", "REFUND_ORDERS", &orders));
    }
    let settings = Settings::read(line)?;
    if matches!(line.command(), Some("up" | "run")) && !line.asks_for_help() {
        payments::ensure(&settings)?;
    }
    let payments = Payments::new(&settings)?;
    Ok(Next::Greenroom(registry(Arc::new(Shop { settings, payments }))))
}

fn registry(shop: Arc<Shop>) -> Registry {
    Registry::new().kind("refund", move |ctx, request| refund::refund(ctx, request, shop.clone()))
}
