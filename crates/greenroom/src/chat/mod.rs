//! A chat with an agent on the terminal: what it says as it says it, its questions
//! answered inline, those of the agents it has started too.

mod line;
mod questions;
mod screen;
mod talk;

use crate::app::App;
use crate::prompt::Prompt;
use crate::pulse;
use greenroom_agent::{BYE, SAY};
use greenroom_api::wire::{Given, MessageRequest};
use greenroom_api::{Client, ClientError, Seen};
use greenroom_model::{Exit, ProcessId};
use line::Line;
use questions::Questions;
use screen::Screen;
use std::time::Duration;
use talk::Talk;

/// How it was left.
pub enum Left {
    /// The agent has ended.
    Ended(Exit),
    /// The person has left; the agent waits.
    Quit,
    /// The node has gone; the agent goes on with the next.
    NodeGone,
}

/// A chat, on whatever node.
pub struct Chat {
    talk: Talk,
    screen: Screen,
    prompt: Prompt,
    questions: Questions,
    /// Words to say first; then the chat is left once they are answered.
    once: Once,
}

/// What is said without anybody at the keyboard.
enum Once {
    /// Nothing: a person types.
    No,
    /// These words, when it listens.
    Say(String),
    /// They were said; the answer is waited for.
    Said,
}

/// How often open questions are looked for.
const QUESTIONS_EVERY: Duration = Duration::from_millis(400);

impl Chat {
    /// A chat; with `once` these words are said and the answer to them waited for.
    pub fn new(json: bool, once: Option<String>) -> Chat {
        Chat {
            talk: Talk::default(),
            screen: Screen::new(json),
            prompt: Prompt::default(),
            questions: Questions::default(),
            once: once.map_or(Once::No, Once::Say),
        }
    }

    /// Goes on with it on this node.
    ///
    /// # Errors
    /// If the node cannot be understood or refuses.
    pub async fn on(&mut self, app: &App, client: &Client, id: &ProcessId) -> anyhow::Result<Left> {
        let tell = |answers: bool| pulse::say(answers);
        match pulse::watched_by(app, client, tell, self.follow(app, client, id)).await {
            Err(error) if is_gone(&error) => Ok(Left::NodeGone),
            left => left,
        }
    }

    async fn follow(&mut self, app: &App, client: &Client, id: &ProcessId) -> anyhow::Result<Left> {
        let mut events = client.events(id, self.talk.last).await?;
        // What is older than this was said before.
        let now = client.process(id).await?.events;
        if matches!(self.once, Once::No) {
            self.prompt.begin(&*app.env);
        }
        let typed = !matches!(self.once, Once::Say(_) | Once::Said);
        let mut tick = app.env.sleep(QUESTIONS_EVERY);
        loop {
            tokio::select! {
                seen = events.next() => match seen? {
                    None => return Ok(Left::NodeGone),
                    Some(Seen::Ended(exit)) => return Ok(Left::Ended(exit)),
                    Some(Seen::Emitted(value)) => {
                        let happened = self.talk.emitted(&value);
                        self.screen.tell(&happened)?;
                    }
                    Some(Seen::Turn(turn)) => {
                        let happened = self.talk.turn(&turn);
                        if turn.last() > now || matches!(self.once, Once::No) {
                            self.screen.tell(&happened)?;
                        }
                        let is_now = turn.last() >= now;
                        if is_now && self.talk.listening && self.listens(client, id).await? {
                            return Ok(Left::Quit);
                        }
                    }
                },
                line = self.prompt.line_or_end(), if typed => match line {
                    None => return Ok(Left::Quit),
                    Some(line) => if let Some(left) = self.typed(client, id, &line).await? {
                        return Ok(left);
                    },
                },
                () = &mut tick => {
                    tick = app.env.sleep(QUESTIONS_EVERY);
                    self.look_for_questions(client, id).await?;
                }
                _ = tokio::signal::ctrl_c() => return Ok(Left::Quit),
            }
        }
    }

    /// It waits for a word: for one that was given beforehand, or a person's.
    /// Whether nothing more is to be said.
    async fn listens(&mut self, client: &Client, id: &ProcessId) -> anyhow::Result<bool> {
        match std::mem::replace(&mut self.once, Once::Said) {
            Once::No => {
                self.once = Once::No;
                self.screen.prompt()?;
                Ok(false)
            }
            Once::Say(words) => self.say(client, id, words).await.map(|()| false),
            Once::Said => Ok(true),
        }
    }

    async fn look_for_questions(&mut self, client: &Client, id: &ProcessId) -> anyhow::Result<()> {
        // Nobody is interrupted.
        if self.talk.is_speaking() {
            return Ok(());
        }
        if let Some(ask) = self.questions.look(client, id).await? {
            self.screen.question(&ask, id)?;
        }
        Ok(())
    }

    async fn typed(
        &mut self,
        client: &Client,
        id: &ProcessId,
        line: &str,
    ) -> anyhow::Result<Option<Left>> {
        let asked = self.questions.open().map(|ask| ask.name.clone());
        match line::read(line, asked.as_deref()) {
            Line::Nothing => {}
            Line::Leave => return Ok(Some(Left::Quit)),
            Line::Help => self.screen.say(line::HELP),
            Line::Say(words) => self.say(client, id, words).await?,
            Line::End => {
                client.send(id, &message(BYE, Given::default()), None).await?;
            }
            Line::Answer(value) => {
                if let Err(error) = self.questions.answer(client, &value).await {
                    self.screen.say(&error.to_string());
                }
            }
        }
        Ok(None)
    }

    async fn say(&mut self, client: &Client, id: &ProcessId, words: String) -> anyhow::Result<()> {
        client.send(id, &message(SAY, Given::string(&words)), None).await?;
        self.talk.sent(&words);
        Ok(())
    }
}

fn message(topic: &str, body: Given) -> MessageRequest {
    MessageRequest { topic: topic.to_owned(), body }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<ClientError>();
    error.is_some_and(|error| ["no_node", "broken", "stopped"].contains(&error.code.as_str()))
}
