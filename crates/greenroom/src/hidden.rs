//! A line that a person types and nobody sees.

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, BufRead, Stdin, Write};

/// The terminal as it was, whatever happens.
struct Unseen {
    stdin: Stdin,
    before: Termios,
}

impl Unseen {
    /// Each key comes at once and is not shown; Ctrl-C is a key like any other, so that
    /// nobody is left with a terminal that shows nothing.
    fn begin() -> io::Result<Unseen> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&stdin, OptionalActions::Flush, &unseen)?;
        Ok(Unseen { stdin, before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _restored = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }
}

/// Asks for a line; `None`: the person has stopped it (Ctrl-C, or Ctrl-D at its begin).
///
/// # Errors
/// Standard input is no terminal, or cannot be read.
pub fn line(question: &str) -> io::Result<Option<String>> {
    let mut terminal = io::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let unseen = Unseen::begin()?;
    let typed = typed(unseen.stdin.lock());
    drop(unseen);
    writeln!(terminal)?;
    typed
}

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_U: u8 = 21;
const BACKSPACE: [u8; 2] = [8, 127];

fn typed(keys: impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    for key in keys.bytes() {
        match key? {
            CTRL_C => return Ok(None),
            CTRL_D if line.is_empty() => return Ok(None),
            b'\r' | b'\n' | CTRL_D => break,
            CTRL_U => line.clear(),
            key if BACKSPACE.contains(&key) => {
                // A whole letter, however many bytes it has.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            key => line.push(key),
        }
    }
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "what was typed is no text");
    String::from_utf8(line).map(Some).map_err(no_text)
}
