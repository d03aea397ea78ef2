//! A process that does not outlive its handle.

use anyhow::{Context, bail};
use std::process::{Child, Command, ExitStatus};

use super::clock;

/// A process that is killed when this is dropped.
pub struct Running(Child);

impl Running {
    pub fn start(mut command: Command) -> anyhow::Result<Running> {
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Running(child))
    }

    /// How much memory it takes, in bytes; 0 once it is gone.
    pub fn rss_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) * 1_024
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits until it is gone; that must not take long.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("cannot run kill")?;
        for _ in 0..1_000 {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            clock::pause_ms(20);
        }
        bail!("process {pid} does not stop when it is asked to");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
