//! The terminal of whoever sits here, lent to a command in a box.

use super::beside::beside;
use greenroom_boxes::sandbox::Signals;
use rustix::termios::{
    OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};
use std::io::{self, Stdin};
use std::os::fd::OwnedFd;
use tokio::signal::unix::{SignalKind, signal};

/// A size where nobody tells one.
const USUAL: (u16, u16) = (24, 80);

/// Each key goes on as it is typed; the terminal as it was when this is dropped.
pub struct Raw {
    stdin: Stdin,
    before: Termios,
}

impl Raw {
    pub fn begin() -> io::Result<Raw> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Raw { stdin, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _restored = tcsetattr(&self.stdin, OptionalActions::Drain, &self.before);
    }
}

/// Lines and columns.
pub fn size() -> (u16, u16) {
    match tcgetwinsize(io::stdin()) {
        Ok(Winsize { ws_row: rows @ 1.., ws_col: columns @ 1.., .. }) => (rows, columns),
        _ => USUAL,
    }
}

/// After so many Ctrl-C a command that does not hear is killed.
const PATIENCE: u32 = 3;

/// From here on what would end this process goes to the command, and its window has the size of
/// ours.
pub fn on_signals(signals: Signals, window: Option<OwnedFd>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut resized = signal(SignalKind::window_change())?;
    drop(entered);
    beside(move || {
        runtime.block_on(async {
            let mut interrupts = 0;
            loop {
                let number = tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = hangup.recv() => SignalKind::hangup(),
                    _ = quit.recv() => SignalKind::quit(),
                    _ = resized.recv() => {
                        resize(window.as_ref());
                        continue;
                    }
                };
                interrupts += u32::from(number == SignalKind::interrupt());
                // A command that has ended hears nothing.
                let _ = match interrupts >= PATIENCE {
                    true => signals.kill(),
                    false => signals.send(number.as_raw_value()),
                };
            }
        });
    });
    Ok(())
}

fn resize(window: Option<&OwnedFd>) {
    let (Some(window), (rows, columns)) = (window, size()) else { return };
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // The command's end closes it.
    let _ = tcsetwinsize(window, size);
}
