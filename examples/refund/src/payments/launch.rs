//! Starts the payment service as a process of its own, where none answers.

use super::address::Files;
use super::client::Payments;
use super::wire::SERVICE;
use crate::settings::Settings;
use anyhow::{Context, bail};
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 500;

/// Sees to it that a payment service answers, unless there is one elsewhere.
/// Of two nodes that come at once, one starts it and the other waits.
///
/// # Errors
/// If it cannot be started.
pub fn ensure(settings: &Settings) -> anyhow::Result<()> {
    if settings.payments.is_some() {
        return Ok(());
    }
    let dir = &settings.dir;
    make_private(dir)?;
    block_on(ensure_here(settings))?.context("cannot start the payment service")
}

/// Makes the node's directory, for this user alone, as the node itself would.
pub fn make_private(dir: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make the directory {}", dir.display()))
}

async fn ensure_here(settings: &Settings) -> anyhow::Result<()> {
    let files = Files::new(&settings.dir);
    let payments = Payments::new(settings)?;
    // Let go by the system if this process dies in here.
    let lock = File::create(files.lock())?;
    lock.lock()?;
    if answers(&payments, &files).await {
        return Ok(());
    }
    let mut child = start(settings, &files)?;
    for _ in 0..LOOKS_MAX {
        if answers(&payments, &files).await {
            return Ok(());
        }
        // Not the end yet: one that is just coming up may hold the ledger.
        let _ = child.try_wait();
        pause().await;
    }
    bail!("it does not answer; {} may say why", files.output().display())
}

/// Whether it is the service of this directory that answers at the address.
async fn answers(payments: &Payments, files: &Files) -> bool {
    let Some(health) = payments.health().await else {
        return false;
    };
    let ledger = std::fs::canonicalize(files.ledger());
    let ours = ledger.is_ok_and(|path| path.display().to_string() == health.ledger);
    health.service == SERVICE && ours
}

fn start(settings: &Settings, files: &Files) -> anyhow::Result<Child> {
    let output = OpenOptions::new().create(true).append(true).open(files.output())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("payments").arg("--dir").arg(&settings.dir);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    // A group of its own: Ctrl-C ends the node, not the payment service.
    Ok(command.process_group(0).spawn()?)
}

#[expect(clippy::disallowed_methods, reason = "no node runs yet that could be asked")]
pub async fn pause() {
    tokio::time::sleep(LOOK_EVERY).await;
}

/// Runs a future where there is no runtime yet.
pub fn block_on<F: Future>(work: F) -> anyhow::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
