//! `chat`: talk to an agent. Without a node, one runs inside this command.

use super::run::unknown_kind;
use crate::app::{App, Done};
use crate::chat::{Chat, Left, is_approval};
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use crate::program::in_its_name;
use crate::serve::{self, Serving};
use crate::takeover::{self, Next};
use crate::view::plain;
use greenroom_api::wire::{Ask, Given, ListQuery, StartRequest};
use greenroom_api::{Client, ClientError};
use greenroom_model::budget::Budget;
use greenroom_model::{Exit, ProcessId, Status};
use std::time::Duration;

/// Talk to an agent.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom chat helper\n  greenroom chat helper --continue\n  \
    greenroom chat helper/monday -m 'What did we say about tests?'"
)]
pub struct Args {
    /// The agent, and a key that tells this conversation from others; one that is
    /// there goes on
    #[arg(value_name = "AGENT[/KEY]")]
    id: String,
    /// Go on with the newest conversation with it
    #[arg(long, short = 'c')]
    r#continue: bool,
    /// Say this, wait for the answer, and leave
    #[arg(long, short, value_name = "WORDS")]
    message: Option<String>,
    /// How much a new conversation may use up, with all that comes of it
    #[arg(long, value_name = "messages=N,tokens=N,money=N")]
    budget: Option<Budget>,
}

pub async fn run(app: &App, args: Args) -> Done {
    // Nobody can be asked nothing.
    if args.message.as_ref().is_some_and(|words| words.trim().is_empty()) {
        let next = "write what is to be said: `greenroom chat AGENT -m WORDS`";
        return Err(Problem::usage("the message is empty").next(in_its_name(next)).into());
    }
    let (agent, key) = match args.id.split_once('/') {
        Some((agent, key)) => (agent.to_owned(), Some(key.to_owned())),
        None => (args.id.clone(), None),
    };
    app.is_whole(&agent)?;
    let mut serving = None;
    let mut client = match app.node()? {
        Some(client) => client,
        None => match serve::start(app, true).await {
            Ok(own) => {
                serving = Some(own);
                app.client()?
            }
            Err(error) if Problem::of(&error).code == "in_use" => app.client()?,
            Err(error) => return Err(error),
        },
    };
    let chatted = chat(app, &args, &agent, key, &mut client, &mut serving).await;
    if let Some(serving) = serving {
        serving.stop().await?;
    }
    chatted
}

async fn chat(
    app: &App,
    args: &Args,
    agent: &str,
    key: Option<String>,
    client: &mut Client,
    serving: &mut Option<Serving>,
) -> Done {
    let id = begin(client, args, agent, key).await?;
    if !app.json() {
        out::say(&in_its_name(&format!(
            "{id} (/quit leaves it, `greenroom chat {id}` comes back)\n"
        )));
    }
    let mut chat = Chat::new(app.json(), &id, args.message.clone());
    loop {
        // Another command's, which ends with it; else it is somebody's to start.
        let temporary = client.node().await.is_ok_and(|node| node.temporary);
        let left = match serving {
            None => chat.on(app, client, &id).await?,
            Some(own) => tokio::select! {
                left = chat.on(app, client, &id) => left?,
                why = own.broken() => return Err(why),
            },
        };
        match left {
            Left::Ended(exit) => return ended(app, &id, &exit),
            Left::Quit => return Ok(Code::Done),
            Left::Asked(ask) => return Err(asked(&id, &ask).into()),
            Left::Held => return Ok(Code::Unfinished),
            Left::GivenUp => return Ok(Code::Failed),
            Left::NodeGone if serving.is_some() => return Ok(Code::Unfinished),
            Left::NodeGone if !temporary => match awaited(app, args, &mut chat).await? {
                Some(next) => *client = next,
                None => return Ok(Code::Unfinished),
            },
            Left::NodeGone => match takeover::next(app).await? {
                Some(Next::Node(next)) => *client = next,
                Some(Next::Own(own)) => {
                    *serving = Some(own);
                    *client = app.client()?;
                    takeover::say(app, &id);
                }
                None => return Ok(Code::Unfinished),
            },
        }
    }
}

/// A node that was started on its own has gone. This command does not take its place:
/// it may have other keys and another environment, and would end with its chat.
async fn awaited(app: &App, args: &Args, chat: &mut Chat) -> anyhow::Result<Option<Client>> {
    out::say(&in_its_name("the node is gone; start it with `greenroom up`"));
    if args.message.is_some() {
        out::say("\n");
        return Ok(None);
    }
    out::say(": waiting for it\n");
    loop {
        tokio::select! {
            leaves = chat.typed_in_vain() => if leaves? {
                return Ok(None);
            },
            () = app.env.sleep(LOOK_AGAIN_AFTER) => if let Some(client) = app.node()? {
                out::say("the node is there again\n");
                return Ok(Some(client));
            },
            _ = tokio::signal::ctrl_c() => return Ok(None),
        }
    }
}

/// How often a node is looked for.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// It waits for an answer that nobody here can give.
fn asked(id: &ProcessId, ask: &Ask) -> Problem {
    let question = plain(ask.question.trim());
    let how = if is_approval(ask) { "approve" } else { "…" };
    let next = format!(
        "`greenroom answer {} {how}` answers it, `greenroom chat {id}` goes on with the conversation",
        ask.id
    );
    let words = format!("{} waits for an answer: {question}", ask.id);
    Problem::new("asked", words).next(in_its_name(&next)).exit(Code::Unfinished)
}

fn ended(app: &App, id: &ProcessId, exit: &Exit) -> Done {
    if app.json() {
        out::json(&serde_json::json!({ "event": "ended", "exit": exit }))?;
    } else if !matches!(exit, Exit::Normal(_)) {
        out::say(&format!("{id} has ended: {}\n", plain(&exit.to_string())));
        out::say(&in_its_name(&format!(
            "  `greenroom restart {id}` lets it go on from before that\n"
        )));
    }
    Ok(Code::of(exit))
}

/// The conversation: a new one, or the one that was asked for.
async fn begin(
    client: &Client,
    args: &Args,
    agent: &str,
    key: Option<String>,
) -> anyhow::Result<ProcessId> {
    let key = match (key, args.r#continue) {
        (None, true) => Some(newest(client, agent).await?),
        (Some(key), true) => Some(there(client, agent, key).await?),
        (key, false) => key,
    };
    let input = Given::parse(serde_json::json!({ "chat": true }).to_string())?;
    let (kind, budget) = (agent.to_owned(), args.budget);
    let started = match client.start(&StartRequest { kind, key, input, budget }).await {
        Err(error) if error.code == "unknown_kind" => {
            return Err(unknown_kind(client, agent, error).await);
        }
        started => started?,
    };
    let known = client.process(&started.id).await?;
    if known.status.is_ended() {
        let words = format!("{} has ended", started.id);
        let new = format!("`greenroom chat {agent}` begins a new conversation");
        let next = match known.status {
            Status::Completed => new,
            _ => format!("`greenroom restart {}` lets it go on, {new}", started.id),
        };
        return Err(Problem::new("ended", words).next(in_its_name(&next)).into());
    }
    Ok(started.id)
}

/// The key, if there is a conversation of it: who wants to go on does not begin one.
async fn there(client: &Client, agent: &str, key: String) -> anyhow::Result<String> {
    let id = ProcessId::new(agent, &key)?;
    match client.process(&id).await {
        Ok(_) => Ok(key),
        Err(error) if error.code == "no_process" => {
            let words = format!("there is no conversation {id} that could go on");
            Err(none(client, agent, words, &format!("`greenroom chat {id}` begins one")).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// That there is no conversation; or that there is no agent to have one with.
async fn none(client: &Client, agent: &str, words: String, next: &str) -> anyhow::Error {
    let kinds = client.node().await.map(|node| node.kinds).unwrap_or_default();
    let mut names: Vec<&str> = kinds.iter().filter_map(|kind| kind.split('@').next()).collect();
    if names.contains(&agent) || names.is_empty() {
        let problem = Problem::new("no_process", words).next(in_its_name(next));
        return problem.exit(Code::Missing).into();
    }
    names.dedup();
    let (kind, known) = (agent.to_owned(), names.join(", "));
    let error = greenroom_runtime::Error::UnknownKind { kind, known };
    let (code, message) = (error.code().to_owned(), error.to_string());
    unknown_kind(client, agent, ClientError { code, message, next: error.next() }).await
}

async fn newest(client: &Client, agent: &str) -> anyhow::Result<String> {
    let kind = Some(agent.to_owned());
    let query = ListQuery { kind, newest: true, ..ListQuery::default() };
    let all = client.list(&query).await?;
    // Not those that other agents have started.
    let newest = all.into_iter().find(|one| !one.status.is_ended() && one.parent.is_none());
    match newest {
        Some(newest) => Ok(newest.id.key().to_owned()),
        None => {
            let words = format!("there is no conversation with {agent} that could go on");
            Err(none(client, agent, words, &format!("`greenroom chat {agent}` begins one")).await)
        }
    }
}
