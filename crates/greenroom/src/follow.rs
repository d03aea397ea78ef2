//! Following a process on the terminal: lines as facts become durable, below
//! them what it waits for, and a prompt when it asks.

use crate::app::App;
use crate::input;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::prompt::{Paused, Prompt, READING_TIME};
use crate::pulse;
use crate::view::{Live, one_line, plain, short};
use greenroom_api::{Client, ClientError, Events, Seen};
use greenroom_model::{AskId, Exit, Millis, Op, ProcessId, Seq};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How following ended.
pub enum Followed {
    /// The process ended.
    Ended(Exit),
    /// The node went away; the process has not ended.
    NodeGone,
    /// The person has seen enough.
    Interrupted,
}

/// How to follow.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Tell what happens, on standard error.
    pub tell: bool,
    /// Let a person at the terminal answer what the process asks.
    pub prompt: bool,
}

/// What has been seen of a process, on whatever node.
#[derive(Default)]
pub struct Story {
    live: Live,
    /// Its last event.
    last: Seq,
    /// The budget of which was said how it is raised.
    hinted: Option<ProcessId>,
}

const TOO_SOON: &str =
    "(no answer: the question has only just come; type it again if it is meant for the one below)";

/// Follows it to its end, on from where the story is.
///
/// # Errors
/// If the node cannot be understood or refuses.
pub async fn follow(
    app: &App,
    client: &Client,
    id: &ProcessId,
    manner: Manner,
    story: &mut Story,
) -> anyhow::Result<Followed> {
    let silent = AtomicBool::new(false);
    let mut screen = Screen::new(app, client, id, manner, story, &silent);
    // On a terminal it stands among the lower lines.
    let redrawn = screen.terminal;
    let tell = |answers: bool| match redrawn {
        true => silent.store(!answers, Ordering::Relaxed),
        false => pulse::say(answers),
    };
    let followed = pulse::watched_by(app, client, tell, follow_on(&mut screen)).await;
    screen.clear();
    match followed {
        Err(error) if is_gone(&error) => Ok(Followed::NodeGone),
        followed => followed,
    }
}

/// The node has stopped, or is stopping.
fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<ClientError>();
    error.is_some_and(|error| ["no_node", "broken", "stopped"].contains(&error.code.as_str()))
}

async fn follow_on(screen: &mut Screen<'_>) -> anyhow::Result<Followed> {
    let mut events = screen.client.events(screen.id, screen.story.last).await?;
    loop {
        let tick = screen.app.env.sleep(Duration::from_millis(500));
        tokio::select! {
            seen = events.next() => match screen.seen(seen?) {
                Some(followed) => return Ok(followed),
                // All that has come is shown before anything is drawn.
                None => if let Some(followed) = drain(&mut events, screen).await? {
                    return Ok(followed);
                },
            },
            line = screen.prompt.line() => screen.answer(&line).await?,
            () = tick, if screen.terminal => screen.draw(),
            _ = tokio::signal::ctrl_c() => {
                screen.clear();
                return Ok(Followed::Interrupted);
            }
        }
        screen.draw();
    }
}

/// Takes what is there already, so that a long history is not drawn in steps.
/// Gives back how it is over, if it is: an end, or a node that has gone.
async fn drain(events: &mut Events, screen: &mut Screen<'_>) -> anyhow::Result<Option<Followed>> {
    use futures_util::FutureExt;
    while let Some(seen) = events.next().now_or_never() {
        if let Some(followed) = screen.seen(seen?) {
            return Ok(Some(followed));
        }
    }
    Ok(None)
}

struct Screen<'a> {
    app: &'a App,
    client: &'a Client,
    id: &'a ProcessId,
    manner: Manner,
    story: &'a mut Story,
    paint: Paint,
    /// Standard error is a terminal: the lower lines are redrawn.
    terminal: bool,
    /// How many lower lines stand there.
    drawn: usize,
    prompt: Prompt,
    /// The question on the screen, and since when.
    asked: Option<Op>,
    asked_at: Millis,
    /// The node does not answer.
    silent: &'a AtomicBool,
}

impl<'a> Screen<'a> {
    fn new(
        app: &'a App,
        client: &'a Client,
        id: &'a ProcessId,
        manner: Manner,
        story: &'a mut Story,
        silent: &'a AtomicBool,
    ) -> Screen<'a> {
        let stderr = std::io::stderr();
        let terminal = stderr.is_terminal() && manner.tell;
        let prompt = manner.prompt && terminal && std::io::stdin().is_terminal();
        Screen {
            app,
            client,
            id,
            manner: Manner { prompt, ..manner },
            story,
            paint: Paint::on(&stderr),
            terminal,
            drawn: 0,
            prompt: Prompt::default(),
            asked: None,
            asked_at: Millis(0),
            silent,
        }
    }

    fn seen(&mut self, seen: Option<Seen>) -> Option<Followed> {
        match seen {
            None => {
                self.clear();
                Some(Followed::NodeGone)
            }
            Some(Seen::Ended(exit)) => {
                self.clear();
                Some(Followed::Ended(exit))
            }
            Some(Seen::Emitted(value)) => {
                let text = value.read::<String>().unwrap_or_else(|_| value.to_string());
                self.tell(&[format!("         {}", one_line(&text))]);
                None
            }
            Some(Seen::Turn(turn)) => {
                let mut lines = self.story.live.turn(&turn, self.paint);
                self.story.last = turn.last();
                lines.extend(self.hint());
                self.tell(&lines);
                None
            }
        }
    }

    /// What a person can do about a budget that is used up: said once for each.
    fn hint(&mut self) -> Option<String> {
        let account =
            self.story.live.unpaid().filter(|id| self.story.hinted != Some(id.clone()))?;
        let hint = format!(
            "         `greenroom budget {account}` shows what is left, with --add it is raised"
        );
        self.story.hinted = Some(account);
        Some(crate::program::in_its_name(&hint))
    }

    fn tell(&mut self, lines: &[String]) {
        if self.manner.tell && !lines.is_empty() {
            self.clear();
            out::say(&format!("{}\n", lines.join("\n")));
        }
    }

    /// Takes the lower lines away.
    fn clear(&mut self) {
        if self.drawn > 0 {
            out::say(&format!("\r\x1b[{}A\x1b[J", self.drawn));
            self.drawn = 0;
        } else if self.asked.is_some() {
            out::say("\r\x1b[K");
        }
        self.asked = None;
    }

    /// Draws what it waits for, or the question. A question stands still, so
    /// that what is being typed is not lost.
    fn draw(&mut self) {
        if !self.terminal || self.asked.is_some_and(|op| self.story.live.is_open(op)) {
            return;
        }
        self.clear();
        if self.manner.prompt
            && let Some((op, ask)) = self.story.live.ask()
        {
            // What was typed before must not answer it: lines are read first, half a one goes.
            if self.prompt.pause(true) == Paused::Busy {
                return;
            }
            let choices = one_line(&ask.spec.choices.join("/"));
            let choices = if choices.is_empty() { String::new() } else { format!(" [{choices}]") };
            let text = format!("{}{}", short(&ask.spec.question, 300), choices);
            out::say(&format!("{} ", self.paint.tone(Tone::Strong, &format!("? {text} >"))));
            (self.asked, self.asked_at) = (Some(op), self.app.now());
            self.prompt.begin(&*self.app.env);
            return;
        }
        let mut waits = self.story.live.waits(self.app.now());
        if self.silent.load(Ordering::Relaxed) {
            waits.push("the node does not answer: is it suspended? waiting for it".to_owned());
        }
        for wait in &waits {
            let line = short(&format!("  … {wait}"), 78);
            out::say(&format!("{}\n", self.paint.tone(Tone::Quiet, &line)));
        }
        self.drawn = waits.len();
    }

    /// Gives what was typed as the answer.
    async fn answer(&mut self, line: &str) -> anyhow::Result<()> {
        let Some(op) = self.asked.take() else {
            return Ok(());
        };
        let line = line.trim();
        if line.is_empty() {
            return Ok(());
        }
        if self.app.now().since(self.asked_at) < READING_TIME {
            out::say(&format!("{}\n", self.paint.tone(Tone::Quiet, TOO_SOON)));
            return Ok(());
        }
        let ask = AskId { process: self.id.clone(), op };
        let given = match input::json_or_word(line) {
            Ok(value) => self.client.answer(&ask, value).await.map(|_| ()).map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = given {
            out::say(&format!("{}\n", self.paint.tone(Tone::Bad, &plain(&error.to_string()))));
        } else {
            // Until its event comes, it must not be asked again.
            self.asked = Some(op);
        }
        Ok(())
    }
}
