//! What was typed, and what is done with it.

use super::line::{self, Line};
use super::{Chat, Input, Left, is_gone};
use crate::app::App;
use crate::prompt::{READING_TIME, Typed};
use greenroom_agent::{BYE, SAY};
use greenroom_api::Client;
use greenroom_api::wire::{Given, MessageRequest};
use greenroom_model::{PAYLOAD_MAX_BYTES, ProcessId};
use std::io::Read;

const CUT: &str = "(not sent: a terminal takes no line longer than this, and the rest of it was \
    lost; put it into a file and type @FILE)";
const TOO_LONG: &str = "(not sent: a message has at most 32 MiB, and this was longer: nothing of it \
    was kept)";
const NOT_TEXT: &str = "(not sent: that was not UTF-8)";
const TOO_SOON: &str = "(no answer: the question has changed; type it again if it is meant for \
    the one above)";

impl Chat {
    /// Takes what was typed, or that no more will come.
    pub(super) async fn read(
        &mut self,
        app: &App,
        client: &Client,
        id: &ProcessId,
        typed: Option<Typed>,
    ) -> anyhow::Result<Option<Left>> {
        self.screen.entered();
        match typed {
            // Who presses Ctrl-D leaves; a pipe that has ended waits for its answers.
            None if self.keyboard => return Ok(Some(Left::Quit)),
            None => self.input = Input::Over,
            Some(Typed::Cut) => self.screen.notice(CUT)?,
            Some(Typed::TooLong) => self.screen.notice(TOO_LONG)?,
            Some(Typed::NotText) => self.screen.notice(NOT_TEXT)?,
            Some(Typed::Text(text)) => match self.typed(app, client, id, &text).await {
                // What the node refuses is no reason to leave.
                Err(error) if !is_gone(&error) => self.screen.notice(&error.to_string())?,
                left => return left,
            },
        }
        Ok(None)
    }

    async fn typed(
        &mut self,
        app: &App,
        client: &Client,
        id: &ProcessId,
        text: &str,
    ) -> anyhow::Result<Option<Left>> {
        let in_doubt = self.is_in_doubt(app);
        match line::read(text, self.questions.asked(id)) {
            Line::Nothing => {}
            Line::Leave => return Ok(Some(Left::Quit)),
            Line::Help => {
                self.screen.say(line::HELP);
                self.screen.prompt()?;
            }
            Line::Wrong(words) => self.screen.notice(&words)?,
            // Programs may hand on what others have written.
            Line::File(_) if !self.keyboard => self.say(client, id, text.trim().to_owned()).await?,
            Line::File(path) => self.say(client, id, file(&path)?).await?,
            Line::End => {
                client.send(id, &message(BYE, Given::default()), None).await?;
            }
            Line::Answer { to: None, .. } if in_doubt => self.show_again()?,
            // Short words that would have answered the question that has gone.
            Line::Say(_) if in_doubt && line::looks_like_answer(text) => self.show_again()?,
            Line::Answer { to, value } => self.questions.answer(client, to, &value).await?,
            Line::Say(words) => {
                self.say(client, id, words).await?;
                if let Some(ask) = self.questions.shown() {
                    let words =
                        format!("(said to {id}; the question of {} is still open)", ask.process);
                    self.screen.notice(&words)?;
                }
            }
        }
        Ok(None)
    }

    /// Whether the line may have been meant for a question that does not stand there
    /// any more. On a terminal what was half typed is gone; what is typed in an instant
    /// is not meant for what has just come. What a program writes may have been on its
    /// way for any time: the first line after the change does not count.
    fn is_in_doubt(&mut self, app: &App) -> bool {
        let swapped = std::mem::take(&mut self.swapped);
        match self.keyboard {
            true => app.now().since(self.changed_at) < READING_TIME,
            false => swapped,
        }
    }

    fn show_again(&mut self) -> anyhow::Result<()> {
        self.screen.notice(TOO_SOON)?;
        match self.questions.shown() {
            Some(ask) => self.screen.question(ask),
            None => Ok(()),
        }
    }

    pub(super) async fn say(
        &mut self,
        client: &Client,
        id: &ProcessId,
        words: String,
    ) -> anyhow::Result<()> {
        client.send(id, &message(SAY, Given::string(&words)), None).await?;
        self.talk.sent(&words);
        Ok(())
    }
}

fn file(path: &str) -> anyhow::Result<String> {
    let unreadable = |error| anyhow::anyhow!("(not sent: {path} cannot be read: {error})");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(PAYLOAD_MAX_BYTES as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
    // Nobody can be asked nothing.
    anyhow::ensure!(!text.trim().is_empty(), "(not sent: {path} is empty)");
    Ok(text)
}

fn message(topic: &str, body: Given) -> MessageRequest {
    MessageRequest { topic: topic.to_owned(), body }
}
