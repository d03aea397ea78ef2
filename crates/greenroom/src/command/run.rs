//! `run`: start a process and follow it. Without a node, one runs inside this
//! command until the process has ended.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::follow::{Followed, Manner, Story, follow};
use crate::input;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::problem::Problem;
use crate::serve::{self, Serving};
use crate::takeover::{self, Next};
use crate::view::{plain, plain_json, span};
use greenroom_agent::nearest;
use greenroom_api::wire::{StartRequest, Started};
use greenroom_api::{Client, ClientError};
use greenroom_model::budget::Budget;
use greenroom_model::{Exit, Kind, ProcessId};
use std::time::Duration;

/// Start a process.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  greenroom run refund/1017 --input '{\"order\":\"1017\"}'\n  \
    greenroom run report --input @order.json --detach")]
pub struct Args {
    /// What to run: its kind (with @VERSION it stays on that one), and a key that
    /// tells it from others
    #[arg(value_name = "KIND[@VERSION][/KEY]")]
    id: String,
    /// Its argument: JSON, @FILE, or - for standard input; for an agent also plain words
    #[arg(long, short, value_name = "JSON")]
    input: Option<String>,
    /// How much it may use up, with all that comes of it
    #[arg(long, value_name = "messages=N,tokens=N,money=N")]
    budget: Option<Budget>,
    /// Start it and do not wait; needs a node
    #[arg(long, short)]
    detach: bool,
    /// If it exists already, follow it
    #[arg(long, conflicts_with = "detach")]
    attach: bool,
}

/// What is started, and the key that makes all attempts one.
struct Start {
    request: StartRequest,
    once: String,
}

pub async fn run(app: &App, args: Args) -> Done {
    let name = args.id.split_once('/').map_or(args.id.as_str(), |(kind, _)| kind);
    app.is_whole(name)?;
    let (kind, key) = split(&args.id)?;
    // What was given is checked before anything is started.
    // An agent is told what it is given; other code wants JSON.
    let read = if app.agents.contains(&kind) { input::json_or_word } else { input::json };
    let input = args.input.as_deref().map(read).transpose();
    let input = input.map_err(|error| no_agent(app, &kind, error))?;
    let piped = args.input.as_deref() == Some("-");
    if input.is_none() && app.agents.contains(&kind) && !args.attach && !app.json() {
        out::say(&crate::program::in_its_name(&no_task(&args.id)));
    }
    let (input, budget) = (input.unwrap_or_default(), args.budget);
    // One for all attempts: a node that ends in the middle of one may have done it.
    let once = format!("{:016x}{:016x}", app.env.seed(), app.env.seed());
    let request = Start { request: StartRequest { kind, key, input, budget }, once };
    if args.detach {
        let client = app.node_soon()?.ok_or_else(|| detach_needs_node(app))?;
        let id = start(&client, &request, &args).await?;
        return detached(app, &id);
    }
    // Without --detach it can do without a node, and does so at once.
    let mut looks = 0;
    loop {
        let (error, most) = match app.node()? {
            Some(client) => match start(&client, &request, &args).await {
                Ok(id) => return with_node(app, client, &id, piped).await,
                Err(error) if is_leaving(&error) => (error, LEAVING_LOOKS_MAX),
                Err(error) => return Err(error),
            },
            None => match serve::start(app, true).await {
                Ok(serving) => return embedded(app, serving, &request, &args, piped).await,
                // Another began at the same moment, and will answer soon.
                Err(error) if is_in_use(&error) => (error, IN_USE_LOOKS_MAX),
                Err(error) => return Err(error),
            },
        };
        looks += 1;
        if looks >= most {
            return Err(in_vain(&error, looks));
        }
        if looks == LOOKS_IN_SILENCE && !app.json() {
            out::say(&format!("{}: waiting a moment\n", plain(&error.to_string())));
        }
        app.env.sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// Nobody talks to it here, and it would wait for ever.
fn no_task(id: &str) -> String {
    format!(
        "no task is given: {id} waits for words; `greenroom chat {id}` talks to it, `greenroom run \
         {id} --input WORDS` gives it a task\n"
    )
}

/// A store in use, or a node that is ending, is looked at so often, so far apart.
/// Who ends may still have steps under way.
const IN_USE_LOOKS_MAX: u32 = 50;
const LEAVING_LOOKS_MAX: u32 = 150;
const LOOKS_IN_SILENCE: u32 = 10;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

fn is_in_use(error: &anyhow::Error) -> bool {
    Problem::of(error).code == "in_use"
}

/// The node ends. What it has done of it all the same, the next one knows.
fn is_leaving(error: &anyhow::Error) -> bool {
    ["no_node", "stopped", "broken"].contains(&Problem::of(error).code.as_str())
}

fn in_vain(error: &anyhow::Error, looks: u32) -> anyhow::Error {
    let waited = (LOOK_AGAIN_AFTER * looks).as_secs();
    let problem = Problem::of(error);
    let words = format!("{}; waited {waited} s for it", problem.message);
    let next = "no node answers in this directory: the one that has the store may run in another \
        (--dir), or be ending; try again, or stop it";
    Problem { message: words, ..problem }.next(next).into()
}

fn detach_needs_node(app: &App) -> Problem {
    let words = "without a node nothing goes on once this command ends; start one with \
        `greenroom up`, or leave out --detach";
    Problem { next: Some(words.to_owned()), ..app.no_node() }
}

async fn with_node(app: &App, mut client: Client, id: &ProcessId, piped: bool) -> Done {
    announce(app, id);
    let mut story = Story::default();
    loop {
        // One that cannot say it any more has just ended, as those inside of commands do.
        let temporary = client.node().await.map_or(true, |node| node.temporary);
        match follow(app, &client, id, manner(app, piped), &mut story).await? {
            Followed::Ended(exit) => return ended(app, &client, id, &exit).await,
            Followed::Interrupted => {
                let words =
                    format!("it goes on without you; `greenroom run {id} --attach` follows it");
                return goes_on(app, id, &words);
            }
            Followed::NodeGone if temporary => match takeover::next(app).await? {
                Some(Next::Node(next)) => client = next,
                Some(Next::Own(serving)) => {
                    takeover::say(app, id);
                    return inside(app, serving, id, &mut story, piped).await;
                }
                None => return goes_on(app, id, NODE_STOPPED),
            },
            Followed::NodeGone => return goes_on(app, id, NODE_STOPPED),
        }
    }
}

const NODE_STOPPED: &str = "the node stopped; `greenroom up` lets it go on";

async fn embedded(app: &App, serving: Serving, request: &Start, args: &Args, piped: bool) -> Done {
    match start(&app.client()?, request, args).await {
        Ok(id) => {
            announce(app, &id);
            inside(app, serving, &id, &mut Story::default(), piped).await
        }
        Err(error) => {
            serving.stop().await?;
            Err(error)
        }
    }
}

/// Follows it on a node of this command's own, which ends with it.
async fn inside(
    app: &App,
    mut serving: Serving,
    id: &ProcessId,
    story: &mut Story,
    piped: bool,
) -> Done {
    let done = follow_inside(app, &mut serving, id, story, piped).await;
    serving.stop().await?;
    done
}

async fn follow_inside(
    app: &App,
    serving: &mut Serving,
    id: &ProcessId,
    story: &mut Story,
    piped: bool,
) -> Done {
    let client = app.client()?;
    let followed = tokio::select! {
        followed = follow(app, &client, id, manner(app, piped), story) => followed?,
        why = serving.broken() => return Err(why),
    };
    match followed {
        Followed::Ended(exit) => ended(app, &client, id, &exit).await,
        Followed::Interrupted | Followed::NodeGone => {
            goes_on(app, id, "stopped where it is; `greenroom up` lets it go on")
        }
    }
}

fn manner(app: &App, piped: bool) -> Manner {
    Manner { tell: !app.json(), prompt: !piped }
}

/// Starts it, or finds it if that is allowed.
async fn start(client: &Client, start: &Start, args: &Args) -> anyhow::Result<ProcessId> {
    match client.start_once(&start.request, &start.once).await {
        Ok(Started { id, created: true }) => Ok(id),
        Ok(Started { id, created: false }) if args.attach => Ok(id),
        Ok(Started { id, created: false }) => {
            let status = client.process(&id).await?.status;
            Err(Problem::new("exists", format!("{id} exists already, it is {status}"))
                .next(format!(
                    "`greenroom run {id} --attach` follows it, `greenroom history {id}` shows \
                     what happened"
                ))
                .into())
        }
        Err(error) if error.code == "unknown_kind" => {
            Err(unknown_kind(client, &start.request.kind, error).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Why the input cannot be read: other code than an agent may be meant, or none at all.
fn no_agent(app: &App, kind: &str, error: anyhow::Error) -> anyhow::Error {
    let name = kind.split_once('@').map_or(kind, |(name, _)| name);
    if app.agents.is_empty() || app.registry.newest(name).is_some() {
        return error;
    }
    let agents = app.agents.iter().map(String::as_str);
    let next = match nearest(name, agents.clone()) {
        Some(like) => format!("did you mean `{like}`?"),
        None => format!(
            "the agents here are {}: each is named as `name` in its file says, or else as its file",
            agents.collect::<Vec<_>>().join(", ")
        ),
    };
    let words = format!("there is no agent `{name}` here, and other code wants JSON: {error}");
    Problem::usage(words).next(next).into()
}

/// The error, with the kind that was most likely meant.
pub(super) async fn unknown_kind(client: &Client, kind: &str, error: ClientError) -> anyhow::Error {
    let known = client.node().await.map(|node| node.kinds).unwrap_or_default();
    let names = known.iter().filter_map(|kind| kind.split('@').next());
    match nearest(kind, names) {
        Some(name) => ClientError { next: Some(format!("did you mean `{name}`?")), ..error }.into(),
        None => error.into(),
    }
}

/// `KIND[@VERSION][/KEY]`. A key may hold an `@`, a kind may not.
fn split(text: &str) -> anyhow::Result<(String, Option<String>)> {
    let (kind, key) = match text.split_once('/') {
        Some((kind, key)) => (kind, Some(key)),
        None => (text, None),
    };
    let name = kind.split_once('@').map_or(kind, |(name, _)| name);
    match key {
        Some(key) => drop(ProcessId::new(name, key)?),
        None => drop(Kind::new(name, 1)?),
    }
    Ok((kind.to_owned(), key.map(str::to_owned)))
}

fn announce(app: &App, id: &ProcessId) {
    if !app.json() {
        let paint = Paint::on(&std::io::stderr());
        out::say(&format!("{}\n", paint.tone(Tone::Strong, id.as_str())));
    }
}

fn detached(app: &App, id: &ProcessId) -> Done {
    if app.json() {
        out::json(&serde_json::json!({ "id": id }))?;
    } else {
        out::line(id.as_str())?;
    }
    Ok(Code::Done)
}

/// It has ended: the result goes to standard output, all else beside it.
async fn ended(app: &App, client: &Client, id: &ProcessId, exit: &Exit) -> Done {
    if app.json() {
        out::json(&serde_json::json!({ "id": id, "exit": exit }))?;
        return Ok(Code::of(exit));
    }
    let process = client.process(id).await.ok();
    let took = process.map(|row| format!(" in {}", span(row.changed_at.since(row.started_at))));
    let took = took.unwrap_or_default();
    let paint = Paint::on(&std::io::stderr());
    match exit {
        Exit::Normal(result) => {
            out::say(&format!("{}{took}\n", paint.tone(Tone::Good, "completed")));
            out::line(&plain_json(result.to_string()))?;
        }
        other => {
            let text = format!("{id} ended{took}: {}\n", plain(&other.to_string()));
            out::say(&format!("{} {text}", paint.tone(Tone::Bad, "error:")));
            if matches!(other, Exit::Error(_)) {
                let hint =
                    format!("  `greenroom restart {id}` tries again from before the failure\n");
                out::say(&crate::program::in_its_name(&hint));
            }
        }
    }
    Ok(Code::of(exit))
}

fn goes_on(app: &App, id: &ProcessId, how: &str) -> Done {
    if app.json() {
        out::json(&serde_json::json!({ "id": id, "exit": null }))?;
    } else {
        out::say(&crate::program::in_its_name(&format!("{id}: {how}\n")));
    }
    Ok(Code::Unfinished)
}
