//! `refund payments …`: the service, and a hand on it.

use super::address::Files;
use super::client::Payments;
use super::launch::{block_on, pause};
use super::server::serve;
use super::wire::{Behave, Counts, Mode, SERVICE};
use crate::command_line::CommandLine;
use crate::settings::Settings;
use anyhow::{anyhow, bail};
use clap::{Parser, Subcommand};
use greenroom::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::process::ExitCode;

/// The payment service of this example
///
/// Without a command it serves until it is ended.
#[derive(Parser)]
#[command(name = "refund payments")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Hand>,

    /// The port to serve on; 0 takes any [default: the one it had before]
    #[arg(long)]
    port: Option<u16>,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,

    /// The node's directory [default: .greenroom]
    #[arg(long, global = true)]
    dir: Option<std::path::PathBuf>,
}

#[derive(Subcommand)]
enum Hand {
    /// End the service
    Stop,
    /// Count the refunds it made
    Show,
    /// Make it misbehave for the next refunds
    Behave {
        mode: Mode,
        /// For how many refunds
        #[arg(default_value_t = 1)]
        times: u32,
    },
}

/// Runs the command.
///
/// # Errors
/// If it did not work.
pub fn command(line: &CommandLine) -> anyhow::Result<ExitCode> {
    let words = std::iter::once("refund payments").chain(line.after_command().iter().map(|w| &**w));
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            error.print()?;
            return Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
    };
    let settings = Settings::read(line)?;
    if arguments.dir.is_some_and(|dir| dir != settings.dir) {
        bail!("--dir is given twice");
    }
    let payments = Payments::new(&settings)?;
    block_on(async {
        match arguments.command {
            None => serve(&settings.dir, arguments.port).await,
            Some(Hand::Stop) => stop(&payments, &Files::new(&settings.dir)).await,
            Some(Hand::Show) => show(&payments.counts().await.map_err(told)?, arguments.json),
            Some(Hand::Behave { mode, times }) => {
                payments.behave(&Behave { mode, times }).await.map_err(told)
            }
        }
    })??;
    Ok(ExitCode::SUCCESS)
}

/// Its own word for its process is better than a file that may be old.
async fn stop(payments: &Payments, files: &Files) -> anyhow::Result<()> {
    let Some(health) = payments.health().await.filter(|health| health.service == SERVICE) else {
        println!("payments: not running");
        return Ok(());
    };
    let pid = Pid::from_raw(health.pid).ok_or_else(|| anyhow!("it has no process id"))?;
    kill_process(pid, Signal::TERM)?;
    while payments.health().await.as_ref() == Some(&health) {
        pause().await;
    }
    // Its address stays: it comes back to the same port if it can.
    let _ = std::fs::remove_file(files.pid());
    println!("payments: stopped process {}", health.pid);
    Ok(())
}

fn show(counts: &Counts, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(counts)?);
        return Ok(());
    }
    println!("{} refunds made, {} requests repeated", counts.accepted, counts.repeats);
    for (order, of) in &counts.orders {
        println!("  {order}  {}  refunds {}  repeats {}", of.payment_id, of.accepted, of.repeats);
    }
    Ok(())
}

fn told(failure: Failure) -> anyhow::Error {
    anyhow!("{failure}")
}
