//! A chat with an agent on the terminal: what it says as it says it, its questions
//! answered inline, those of the agents it has started too.

mod happening;
mod line;
mod questions;
mod screen;
mod talk;
mod trouble;
mod typed;

use crate::app::App;
use crate::prompt::{Paused, Prompt, Typed};
use crate::pulse;
use crate::view::pressure;
use greenroom_api::wire::Ask;
use greenroom_api::{Client, ClientError, Seen};
use greenroom_model::{Exit, Millis, Op, ProcessId};
use happening::Happening;
pub use line::is_approval;
use questions::{Change, Questions};
use screen::Screen;
use std::io::IsTerminal;
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
    /// It waits for an answer, and nobody is there to give it.
    Asked(Box<Ask>),
    /// It is parked or paused, and nobody is there to wait.
    Held,
    /// It could not answer, and nobody is there to try again.
    GivenUp,
}

/// A chat, on whatever node.
pub struct Chat {
    talk: Talk,
    screen: Screen,
    prompt: Prompt,
    questions: Questions,
    input: Input,
    /// Somebody types, and sees late what is shown.
    keyboard: bool,
    /// When the question that stands there was shown, or the last one went.
    changed_at: Millis,
    /// A question has gone since the last line.
    swapped: bool,
    /// What was said before is all there.
    caught_up: bool,
    /// What was asked before was looked for, since it is on this node.
    looked: bool,
    /// The step of which was said that it waits in a queue, and when.
    queue_told: Option<(Op, Millis)>,
    /// How often nobody was seen to do anything but wait for an answer.
    stuck: u32,
    /// Which look this is.
    looks: u32,
}

/// Which look for questions it is.
#[derive(Clone, Copy, PartialEq)]
enum When {
    /// The one before any line is taken.
    First,
    /// Another.
    Later,
}

/// Where words come from.
enum Input {
    /// Line by line.
    Lines,
    /// These, once it listens; then no more.
    Once(String),
    /// No more will come: the chat is left once all are answered.
    Over,
}

/// How often open questions are looked for.
const QUESTIONS_EVERY: Duration = Duration::from_millis(400);

/// After so many looks without anything but a question nobody goes on by itself.
const STUCK_LOOKS: u32 = 3;

/// The queues are looked at every so many looks.
const QUEUES_EVERY: u32 = 5;

/// Who stands in a queue for so long is told of, and again after that.
const QUEUED_LONG: Duration = Duration::from_secs(2);
const QUEUED_AGAIN: Duration = Duration::from_secs(30);

impl Chat {
    /// A chat; with `once` these words are said and the answer to them waited for.
    pub fn new(json: bool, id: &ProcessId, once: Option<String>) -> Chat {
        Chat {
            talk: Talk::default(),
            screen: Screen::new(json, id.clone()),
            prompt: Prompt::default(),
            questions: Questions::default(),
            input: once.map_or(Input::Lines, Input::Once),
            keyboard: std::io::stdin().is_terminal(),
            changed_at: Millis(0),
            swapped: false,
            caught_up: false,
            looked: false,
            queue_told: None,
            stuck: 0,
            looks: 0,
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
        let past = client.process(id).await?.events;
        self.caught_up = self.talk.last >= past;
        self.looked = false;
        if self.types() {
            self.prompt.begin(&*app.env);
        }
        let mut tick = app.env.sleep(QUESTIONS_EVERY);
        loop {
            // The first line may be meant for what is asked already.
            if self.caught_up && !std::mem::replace(&mut self.looked, self.caught_up) {
                self.look_for_questions(app, client, id, When::First).await?;
            }
            let over = tokio::select! {
                seen = events.next() => match seen? {
                    None => return Ok(Left::NodeGone),
                    Some(Seen::Ended(exit)) => return Ok(Left::Ended(exit)),
                    Some(Seen::Emitted(value)) => {
                        let happened = self.talk.emitted(&value);
                        self.screen.tell(&happened, app.now())?;
                        None
                    }
                    Some(Seen::Turn(turn)) => {
                        let happened = self.talk.turn(&turn);
                        self.tell(app, happened, turn.last() <= past)?;
                        let caught_up = turn.last() >= past;
                        if caught_up && !std::mem::replace(&mut self.caught_up, caught_up) {
                            self.screen.tell(&self.talk.held(), app.now())?;
                        }
                        None
                    }
                },
                // What was said before is not taken for what is said now.
                typed = self.prompt.next(), if self.caught_up && self.types() => {
                    self.read(app, client, id, typed).await?
                }
                () = &mut tick => {
                    tick = app.env.sleep(QUESTIONS_EVERY);
                    self.look(app, client, id).await?
                }
                _ = tokio::signal::ctrl_c() => return Ok(Left::Quit),
            };
            let over = match over {
                None => self.rest(client, id).await?,
                over => over,
            };
            if let Some(left) = over {
                return Ok(left);
            }
        }
    }

    /// Whether more lines may come.
    fn types(&self) -> bool {
        matches!(self.input, Input::Lines)
    }

    /// Tells what has happened; of what is past only what was said.
    fn tell(
        &mut self,
        app: &App,
        mut happened: Vec<Happening>,
        is_past: bool,
    ) -> anyhow::Result<()> {
        let types = self.types();
        if is_past && !(types && self.screen.shows_past()) {
            return Ok(());
        }
        if is_past {
            happened.retain(|one| !one.is_trouble());
        }
        self.screen.tell(&happened, app.now())?;
        if types && happened.contains(&Happening::Listening) && self.talk.listening {
            self.screen.prompt()?;
        }
        Ok(())
    }

    /// Where nobody types: says what is to be said once it listens, and finds out
    /// whether that was it.
    async fn rest(&mut self, client: &Client, id: &ProcessId) -> anyhow::Result<Option<Left>> {
        if !self.caught_up || self.types() {
            return Ok(None);
        }
        if self.talk.listening
            && let Input::Once(words) = std::mem::replace(&mut self.input, Input::Over)
        {
            self.say(client, id, words).await?;
        }
        let is_over = matches!(self.input, Input::Over);
        let is_over = is_over && self.talk.is_answered();
        let left = if self.talk.has_given_up() { Left::GivenUp } else { Left::Quit };
        Ok(is_over.then_some(left))
    }

    /// Looks what else there is to know.
    async fn look(
        &mut self,
        app: &App,
        client: &Client,
        id: &ProcessId,
    ) -> anyhow::Result<Option<Left>> {
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(QUEUES_EVERY) {
            self.look_at_queues(app, client).await?;
        }
        self.look_for_questions(app, client, id, When::Later).await?;
        Ok(self.stuck())
    }

    /// Whether it waits for what nobody here will give it.
    fn stuck(&mut self) -> Option<Left> {
        let waits = self.caught_up && self.talk.is_idle() && !self.talk.is_answered();
        if self.types() || !waits {
            self.stuck = 0;
            return None;
        }
        if !self.talk.held().is_empty() {
            return Some(Left::Held);
        }
        let ask = self.questions.shown().cloned()?;
        self.stuck += 1;
        (self.stuck >= STUCK_LOOKS).then(|| Left::Asked(Box::new(ask)))
    }

    async fn look_at_queues(&mut self, app: &App, client: &Client) -> anyhow::Result<()> {
        let Some((op, step)) = self.talk.queued() else { return Ok(()) };
        let since = step.queued_at.unwrap_or_default();
        let told = self.queue_told.filter(|(of, _)| *of == op).map(|(_, at)| at);
        let (from, long) = told.map_or((since, QUEUED_LONG), |at| (at, QUEUED_AGAIN));
        if app.now().since(from) < long {
            return Ok(());
        }
        let (name, queue) = (step.name.clone(), step.queue.clone().unwrap_or_default());
        let Some(view) = client.queues().await?.into_iter().find(|view| view.name == queue) else {
            return Ok(());
        };
        let words = pressure(&view).unwrap_or_else(|| {
            format!("{queue}: {} steps wait, {} are under way", view.waiting, view.running)
        });
        self.queue_told = Some((op, app.now()));
        self.screen.tell(&[Happening::Queued { step: name, queue: words }], app.now())
    }

    /// Shows the question that is to be shown. No line that was begun before it was
    /// there may answer it: lines that wait are read first, as they were meant, and
    /// what is half typed is taken away. At the first look nothing was read yet, and what
    /// was open before is what a line may be meant for.
    async fn look_for_questions(
        &mut self,
        app: &App,
        client: &Client,
        id: &ProcessId,
        when: When,
    ) -> anyhow::Result<()> {
        // Nobody is interrupted.
        if when == When::Later && self.talk.is_speaking() {
            return Ok(());
        }
        let Some(Change { next, gone }) = self.questions.look(client, id).await? else {
            return Ok(());
        };
        // Where plain words answer neither, words for the agent stay that.
        let takes_words = |ask: &Ask| !line::is_aside(ask, id);
        let is_harmless =
            ![self.questions.shown(), next.as_ref()].into_iter().flatten().any(takes_words);
        let half = match self.prompt.pause(!is_harmless) {
            Paused::Busy if when == When::Later => return Ok(()),
            Paused::Busy => None,
            Paused::Clean => None,
            Paused::Half(words) => Some(words),
        };
        if !is_harmless {
            self.swapped = self.questions.shown().is_some();
            self.changed_at = app.now();
        }
        if let Some(gone) = gone {
            self.screen.gone(&gone)?;
        }
        if let Some(half) = half {
            self.screen.notice(&format!("(not sent, for this came in between: {half})"))?;
        }
        self.questions.show(next);
        match self.questions.shown() {
            Some(ask) if self.types() || self.screen.is_json() => self.screen.question(ask),
            None if self.types() => self.screen.prompt(),
            _ => Ok(()),
        }
    }

    /// What was typed while there is no node. Whether the person leaves.
    pub async fn typed_in_vain(&mut self) -> anyhow::Result<bool> {
        let words = match self.prompt.next().await {
            None => return Ok(true),
            Some(Typed::Text(text)) => text,
            Some(_) => String::new(),
        };
        if ["/quit", "/exit", "/q"].contains(&words.trim()) {
            return Ok(true);
        }
        if !words.trim().is_empty() {
            self.screen.notice("(not sent: there is no node; /quit leaves)")?;
        }
        Ok(false)
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<ClientError>();
    error.is_some_and(|error| ["no_node", "broken", "stopped"].contains(&error.code.as_str()))
}
