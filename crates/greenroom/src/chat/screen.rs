//! A chat on the terminal, or as lines of JSON.

use super::happening::Happening;
use super::line::{answers, is_approval, is_aside};
use crate::out;
use crate::paint::{Paint, Tone};
use crate::program::in_its_name;
use crate::view::{amounts, plain, short, until};
use greenroom_api::wire::Ask;
use greenroom_model::{Millis, ProcessId};
use std::io::IsTerminal;

/// So many letters of a tool's arguments and result are shown.
const SHOWN_MAX: usize = 100;

/// So many of why something failed.
const CAUSE_MAX: usize = 400;

/// What is told of a run that is none.
const RECORDED: &str = "(this is a recorded run: no model is asked. Set ANTHROPIC_API_KEY, \
    OPENAI_API_KEY or GEMINI_API_KEY where the node is started, and it is live)";

/// Where a chat is shown.
pub struct Screen {
    json: bool,
    paint: Paint,
    /// The agent is in the middle of a line.
    in_line: bool,
    terminal: bool,
    /// Whose chat it is.
    id: ProcessId,
}

impl Screen {
    /// Standard output.
    pub fn new(json: bool, id: ProcessId) -> Screen {
        let stdout = std::io::stdout();
        Screen {
            json,
            paint: Paint::on(&stdout),
            in_line: false,
            terminal: std::io::stdin().is_terminal() && !json,
            id,
        }
    }

    /// Whether a program reads it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody wants to see what was said before.
    pub fn shows_past(&self) -> bool {
        self.json || self.terminal
    }

    /// Tells what happened.
    pub fn tell(&mut self, happened: &[Happening], now: Millis) -> anyhow::Result<()> {
        for one in happened {
            if self.json {
                out::json(one)?;
            } else {
                match self.trouble(one, now) {
                    Some(words) => self.say(&words),
                    None => self.show(one)?,
                }
            }
        }
        Ok(())
    }

    /// What is no part of what is said: it goes beside the output.
    fn trouble(&self, happening: &Happening, now: Millis) -> Option<String> {
        let id = &self.id;
        Some(match happening {
            Happening::Model { recorded: true, .. } => RECORDED.to_owned(),
            Happening::Cut => "(that was cut: the model reached the longest reply it may give, \
                `maxTokens` of the agent)"
                .to_owned(),
            Happening::Retrying { step, attempt, cause, retry_at } => format!(
                "({}: attempt {attempt} failed: {}; again {})",
                plain(step),
                short(cause, CAUSE_MAX),
                until(now, *retry_at)
            ),
            Happening::GaveUp { step, cause } => {
                format!("({} was given up: {})", plain(step), short(cause, CAUSE_MAX))
            }
            Happening::GivenUp { cause } => {
                format!("(it does not go on: {}; say something to have it try again)", plain(cause))
            }
            Happening::Starting { what } => format!("(waiting for {})", plain(&what.join(", "))),
            Happening::Queued { step, queue } => {
                in_its_name(&format!("({} waits in the queue {})", plain(step), plain(queue)))
            }
            Happening::Unpaid { account, need } => in_its_name(&format!(
                "{id} waits for {} of the budget of {account}; `greenroom budget {account}` shows \
                 what is left, with --add it is raised",
                amounts(need)
            )),
            Happening::Parked { reason } => in_its_name(&format!(
                "{id} is parked, it cannot go on: {}\n  once that is mended `greenroom resume {id}` \
                 lets it go on; `greenroom history {id}` shows where it stands",
                short(reason, CAUSE_MAX)
            )),
            Happening::Paused => {
                in_its_name(&format!("{id} is paused; `greenroom resume {id}` lets it go on"))
            }
            Happening::Resumed => format!("({id} goes on)"),
            _ => return None,
        })
    }

    fn show(&mut self, happening: &Happening) -> anyhow::Result<()> {
        match happening {
            Happening::Heard { text } => {
                self.line(&self.paint.tone(Tone::Strong, &format!("> {}", plain(text))))
            }
            // It stands there as a question.
            Happening::Told { asked: true, .. } => Ok(()),
            Happening::Told { text, .. } => {
                self.line(&self.paint.tone(Tone::Quiet, &format!("  {}", short(text, CAUSE_MAX))))
            }
            Happening::Delta { text } => {
                self.in_line = !text.ends_with('\n');
                out::print(&plain(text))
            }
            Happening::Again { attempt } => {
                let words = format!("(that was cut off; attempt {attempt})");
                self.line(&self.paint.tone(Tone::Quiet, &words))
            }
            Happening::Said { streamed: true, .. } => self.end_line(),
            Happening::Said { text, .. } => self.line(&plain(text)),
            Happening::ToolStarted { name, arguments, .. } => {
                let words =
                    format!("  · {} {}", plain(name), short(&arguments.to_string(), SHOWN_MAX));
                self.line(&self.paint.tone(Tone::Quiet, &words))
            }
            Happening::ToolDone { name, failed, preview, .. } => {
                let tone = if *failed { Tone::Bad } else { Tone::Quiet };
                let mark = if *failed { "✗" } else { "✓" };
                let words = format!("  {mark} {}: {}", plain(name), short(preview, SHOWN_MAX));
                self.line(&self.paint.tone(tone, &words))
            }
            // Nothing for people, or told beside the output.
            _ => Ok(()),
        }
    }

    /// A question, for whoever sits there.
    pub fn question(&mut self, ask: &Ask) -> anyhow::Result<()> {
        if self.json {
            let asked = serde_json::json!({ "event": "asked", "ask": ask });
            return out::json(&asked);
        }
        let who =
            if ask.process == self.id { String::new() } else { format!("{} asks: ", ask.process) };
        let how = match is_aside(ask, &self.id) {
            true => " [/answer …]".to_owned(),
            false if is_approval(ask) || !ask.choices.is_empty() => {
                format!(" [{}]", plain(&answers(ask)))
            }
            false => String::new(),
        };
        // What stands at the beginning of a line is this program's.
        let question = plain(ask.question.trim()).replace('\n', "\n  ");
        let words = format!("? {who}{question}{how}");
        self.line(&self.paint.tone(Tone::Warn, &words))?;
        self.prompt()
    }

    /// The question that stood there is answered, and not from here.
    pub fn gone(&mut self, ask: &Ask) -> anyhow::Result<()> {
        if self.json {
            return out::json(&serde_json::json!({ "event": "gone", "ask": ask.id }));
        }
        self.say(&format!("(the question of {} is no longer open)", ask.process));
        Ok(())
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

    /// Words of this program on what was typed: programs read them as well.
    pub fn notice(&mut self, text: &str) -> anyhow::Result<()> {
        if self.json {
            return out::json(&serde_json::json!({ "event": "notice", "text": text }));
        }
        self.say(&plain(text));
        self.prompt()
    }

    /// A person has ended a line, and the terminal has shown it.
    pub fn entered(&mut self) {
        if self.terminal {
            self.in_line = false;
        }
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
