//! `up`: a node until it is told to stop.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;
use crate::problem::Problem;
use crate::program::in_its_name;
use crate::serve::{self, Serving};
use crate::view::plain;
use crate::warnings::Warnings;
use greenroom_journal::Listing;
use greenroom_model::Status;
use tokio::signal::unix::{SignalKind, signal};

/// Run a node.
#[derive(clap::Args)]
pub struct Args {}

/// More are not counted.
const COUNTED_MAX: usize = 10_000;

pub async fn run(app: &App, _args: Args) -> Done {
    // Heard from the first moment on, so that no start is cut off half-way.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut serving = match serve::start(app, false).await {
        Err(error) => return Err(in_use(app, error).await),
        started => started?,
    };
    announce(app, &serving).await?;
    let warnings = Warnings::of(app, serving.node.clone());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        why = serving.broken() => return Err(why),
        () = warnings.tell() => {}
    }
    if !app.json() {
        out::say(&stopping(&serving));
    }
    tokio::select! {
        stopped = serving.stop() => stopped?,
        // Asked twice: at once. Nothing is lost by it.
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(Code::Done)
}

/// Who is in the way: often a command that serves for itself.
async fn in_use(app: &App, error: anyhow::Error) -> anyhow::Error {
    let problem = Problem::of(&error);
    let node = match app.node() {
        Ok(Some(client)) if problem.code == "in_use" => client.node().await.ok(),
        _ => None,
    };
    let Some(node) = node.filter(|node| node.temporary) else { return error };
    let words = std::fs::read(format!("/proc/{}/cmdline", node.pid)).unwrap_or_default();
    let words: Vec<_> = words.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let command = plain(words.join(" ").trim());
    let command = if command.is_empty() { String::new() } else { format!(": `{command}`") };
    let message = format!("a node runs inside another command, process {}{command}", node.pid);
    let next = "it ends with that command; then `greenroom up` starts";
    Problem { message, ..problem }.next(in_its_name(next)).into()
}

/// What is waited for, and until when at the latest.
fn stopping(serving: &Serving) -> String {
    let limit = serve::GRACE.as_secs();
    match serving.node.health().steps {
        0 => "stopping\n".to_owned(),
        steps => format!(
            "stopping: waiting for {steps} {} under way, at most {limit} s; \
             interrupt again to stop at once\n",
            if steps == 1 { "step" } else { "steps" }
        ),
    }
}

async fn announce(app: &App, serving: &Serving) -> anyhow::Result<()> {
    let health = serving.node.health();
    let recovered = recovered(serving).await?;
    if app.json() {
        return out::json(&serde_json::json!({
            "socket": app.options.socket(),
            "store": health.store,
            "kinds": health.kinds,
            "pid": std::process::id(),
            "recovered": recovered.iter().map(|(_, count)| count).sum::<usize>(),
        }));
    }
    let kinds = if health.kinds.is_empty() {
        "none: processes can be seen and answered, but no code runs".to_owned()
    } else {
        health.kinds.join(", ")
    };
    let mut text = format!(
        "{}\n  store   {}\n  socket  {}\n  kinds   {kinds}\n",
        app.paint.tone(Tone::Strong, &format!("greenroom {} is up", env!("CARGO_PKG_VERSION"))),
        health.store,
        app.options.socket().display(),
    );
    if !recovered.is_empty() {
        let counts: Vec<_> =
            recovered.iter().map(|(status, count)| format!("{count} {status}")).collect();
        text.push_str(&format!("  found   {}\n", counts.join(", ")));
    }
    // Of damaged processes it warns, as of those found later.
    for trouble in health.troubles.iter().filter(|trouble| trouble.damaged.is_none()) {
        let line = format!("  trouble {}\n", trouble.what);
        text.push_str(&app.paint.tone(Tone::Bad, &line));
    }
    out::print(&text)
}

/// How many processes go on, by what they do.
async fn recovered(serving: &Serving) -> anyhow::Result<Vec<(Status, usize)>> {
    let alive: Vec<Status> = Status::ALL.into_iter().filter(|status| !status.is_ended()).collect();
    let listing = Listing { statuses: alive.clone(), limit: COUNTED_MAX, ..Listing::default() };
    let rows = serving.node.list(listing).await?;
    let count = |status| rows.iter().filter(|row| row.status == status).count();
    let counts = alive.into_iter().map(|status| (status, count(status)));
    Ok(counts.filter(|(_, count)| *count > 0).collect())
}
