//! A chat on the terminal, or as lines of JSON.

use super::talk::Happening;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::view::short;
use greenroom_api::wire::Ask;
use greenroom_model::ProcessId;
use std::collections::BTreeMap;
use std::io::IsTerminal;

/// So many letters of a tool's arguments and result are shown.
const SHOWN_MAX: usize = 100;

/// What is told of a run that is none.
const RECORDED: &str = "(this is a recorded run: no model is asked. Set ANTHROPIC_API_KEY, \
    OPENAI_API_KEY or GEMINI_API_KEY where the node is started, and it is live)";

/// Where a chat is shown.
pub struct Screen {
    json: bool,
    paint: Paint,
    /// The agent is in the middle of a line.
    in_line: bool,
    /// The names of calls under way.
    calls: BTreeMap<String, String>,
    terminal: bool,
}

impl Screen {
    /// Standard output.
    pub fn new(json: bool) -> Screen {
        let stdout = std::io::stdout();
        Screen {
            json,
            paint: Paint::on(&stdout),
            in_line: false,
            calls: BTreeMap::new(),
            terminal: std::io::stdin().is_terminal() && !json,
        }
    }

    /// Tells what happened.
    pub fn tell(&mut self, happened: &[Happening]) -> anyhow::Result<()> {
        for one in happened {
            if self.json {
                out::json(one)?;
            } else {
                self.show(one)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, happening: &Happening) -> anyhow::Result<()> {
        match happening {
            Happening::Listening | Happening::Model { recorded: false, .. } => Ok(()),
            Happening::Model { .. } => {
                self.say(RECORDED);
                Ok(())
            }
            Happening::Heard { text } => {
                self.line(&self.paint.tone(Tone::Strong, &format!("> {text}")))
            }
            Happening::Delta { text } => {
                self.in_line = !text.ends_with('\n');
                out::print(text)
            }
            Happening::Again { attempt } => {
                let words = format!("(that was cut off; attempt {attempt})");
                self.line(&self.paint.tone(Tone::Quiet, &words))
            }
            Happening::Said { streamed: true, .. } => self.end_line(),
            Happening::Said { text, .. } => self.line(text),
            Happening::ToolStarted { id, name, arguments } => {
                self.calls.insert(id.clone(), name.clone());
                let words = format!("  · {name} {}", short(&arguments.to_string(), SHOWN_MAX));
                self.line(&self.paint.tone(Tone::Quiet, &words))
            }
            Happening::ToolDone { id, failed, preview } => {
                let name = self.calls.remove(id).unwrap_or_default();
                let tone = if *failed { Tone::Bad } else { Tone::Quiet };
                let mark = if *failed { "✗" } else { "✓" };
                let words = format!("  {mark} {name}: {}", short(preview, SHOWN_MAX));
                self.line(&self.paint.tone(tone, &words))
            }
        }
    }

    /// A question, for whoever sits there.
    pub fn question(&mut self, ask: &Ask, id: &ProcessId) -> anyhow::Result<()> {
        if self.json {
            let asked = serde_json::json!({ "event": "asked", "ask": ask });
            return out::json(&asked);
        }
        let who =
            if ask.process == *id { String::new() } else { format!("{} asks: ", ask.process) };
        let how = if ask.name.starts_with("approve ") { " [y / n why / {…}]" } else { "" };
        let how = if ask.choices.is_empty() {
            how.to_owned()
        } else {
            format!(" [{}]", ask.choices.join("/"))
        };
        let words = format!("? {who}{}{how}", ask.question.trim());
        self.line(&self.paint.tone(Tone::Warn, &words))?;
        self.prompt()
    }

    /// Where a person may type.
    pub fn prompt(&mut self) -> anyhow::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        self.end_line()?;
        out::print("> ")?;
        self.in_line = true;
        Ok(())
    }

    /// Words of this program, not of the agent.
    pub fn say(&mut self, words: &str) {
        if !self.json {
            let _ = self.end_line();
        }
        out::say(&format!("{words}\n"));
    }

    fn line(&mut self, text: &str) -> anyhow::Result<()> {
        self.end_line()?;
        out::line(text)
    }

    fn end_line(&mut self) -> anyhow::Result<()> {
        if std::mem::take(&mut self.in_line) {
            out::print("\n")?;
        }
        Ok(())
    }
}
