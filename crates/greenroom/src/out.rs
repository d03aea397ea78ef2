//! Printing. A reader that has gone away (`greenroom history … | head`) is not
//! an error: the command just ends.

use crate::view::plain_json;
use serde::Serialize;
use std::io::Write;

/// Prints text to standard output.
///
/// # Errors
/// If it cannot be written; a broken pipe is recognised where errors are told.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Prints a line to standard output.
pub fn line(text: &str) -> anyhow::Result<()> {
    print(&format!("{text}\n"))
}

/// Prints a value as one line of JSON.
pub fn json<T: Serialize + ?Sized>(value: &T) -> anyhow::Result<()> {
    line(&plain_json(greenroom_api::wire::line(&value)?))
}

/// Says something beside the output. If nobody can hear it, that is no reason
/// to stop.
pub fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
