//! Colours, only where a person sees them.

use std::io::IsTerminal;

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    on: bool,
}

/// What a text means to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Quiet,
    /// It went well.
    Good,
    /// It waits, or was odd.
    Warn,
    /// It went wrong.
    Bad,
}

impl Paint {
    /// No colours.
    #[cfg(test)]
    pub const OFF: Paint = Paint { on: false };

    /// Colours if `stream` is a terminal and nobody said no
    /// (<https://no-color.org>).
    pub fn on(stream: &impl IsTerminal) -> Paint {
        let said_no = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Paint { on: stream.is_terminal() && !said_no && !dumb }
    }

    /// The text in its tone.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Quiet => "2",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
        };
        if self.on && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
