//! Lines that a person types while something else goes on.

use greenroom_runtime::Env;
use std::io::BufRead;
use tokio::sync::mpsc;

/// The lines of standard input. Reading begins with the first wish for one.
#[derive(Default)]
pub struct Prompt {
    lines: Option<mpsc::Receiver<String>>,
}

impl Prompt {
    /// Begins to read, if it has not.
    pub fn begin(&mut self, env: &dyn Env) {
        if self.lines.is_some() {
            return;
        }
        let (sender, receiver) = mpsc::channel(1);
        self.lines = Some(receiver);
        // A thread of its own: a read of a terminal cannot be given up.
        env.thread(
            "prompt",
            Box::new(move || {
                for line in std::io::stdin().lock().lines() {
                    let Ok(line) = line else { return };
                    if sender.blocking_send(line).is_err() {
                        return;
                    }
                }
            }),
        );
    }

    /// The next line; `None`: there is none to come. For ever nothing if nobody has
    /// begun to read.
    pub async fn line_or_end(&mut self) -> Option<String> {
        match &mut self.lines {
            Some(lines) => lines.recv().await,
            None => std::future::pending().await,
        }
    }

    /// The next line; for ever nothing if there is none to come.
    pub async fn line(&mut self) -> String {
        if let Some(lines) = &mut self.lines
            && let Some(line) = lines.recv().await
        {
            return line;
        }
        std::future::pending().await
    }
}
