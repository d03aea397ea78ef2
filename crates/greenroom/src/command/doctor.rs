//! `doctor`: what is wrong, if anything.

use crate::app::{App, Done};
use crate::disk;
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;
use crate::problem::Problem;
use crate::source::Source;
use crate::view::{self, span};
use greenroom_api::wire::{KindCount, NodeStatus};
use greenroom_api::{Client, ClientError};
use greenroom_model::Millis;
use greenroom_model::budget::Account;
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;
use std::time::Duration;

/// Find out what is wrong.
#[derive(clap::Args)]
pub struct Args {
    /// Read the whole store and check every sum
    #[arg(long)]
    deep: bool,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    /// `ok`, `warning`, `error`, or `skipped` if it was not looked at.
    verdict: &'static str,
    words: String,
}

const FREE_MIN: u64 = 1 << 30;
const SYNC_MAX: Duration = Duration::from_millis(50);

pub async fn run(app: &App, args: Args) -> Done {
    let mut findings = Vec::new();
    let mut source = app.source();
    let mut node = None;
    if let Ok(Source::Node(client)) = &source {
        match client.node().await {
            Ok(status) => node = Some(status),
            // Nothing else it is asked will be answered.
            Err(error) => source = Err(error.into()),
        }
    }
    findings.push(node_finding(app, node.as_ref(), source.as_ref().err()));
    findings.push(match &source {
        Ok(_) => ok(
            "store",
            node.as_ref().map_or_else(|| app.options.store(), |node| node.store.clone()),
        ),
        Err(error) if error.is::<ClientError>() => {
            skipped("store", "the node that has it does not tell")
        }
        Err(error) if error.is::<Problem>() => {
            warning("store", format!("there is none yet at {}", app.options.store()))
        }
        Err(error) => bad("store", error.to_string()),
    });
    if let Some(node) = &node {
        findings.extend(troubles(app, node));
    }
    if let Ok(Source::Node(client)) = &source {
        findings.extend(queue_findings(client).await);
    }
    if let Ok(source) = &source {
        findings.push(missing_kinds(app, source).await);
    }
    findings.extend(disk_findings(app));
    if let Ok(source) = &source {
        findings.extend(match args.deep {
            true => deep(app, source).await,
            false => vec![not_deep()],
        });
    }
    show(app, &findings)
}

fn show(app: &App, findings: &[Finding]) -> Done {
    let failed = findings.iter().any(|finding| finding.verdict == "error");
    if app.json() {
        out::json(findings)?;
    } else {
        for Finding { what, verdict, words } in findings {
            let tone = match *verdict {
                "ok" => Tone::Good,
                "warning" => Tone::Warn,
                "skipped" => Tone::Quiet,
                _ => Tone::Bad,
            };
            let verdict = app.paint.tone(tone, &format!("{verdict:<7}"));
            out::line(&format!("{verdict}  {what:<6}  {words}"))?;
        }
    }
    Ok(if failed { Code::Failed } else { Code::Done })
}

fn ok(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { what, verdict: "ok", words: words.into() }
}

fn warning(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { what, verdict: "warning", words: words.into() }
}

fn skipped(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { what, verdict: "skipped", words: words.into() }
}

fn bad(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { what, verdict: "error", words: words.into() }
}

fn node_finding(app: &App, node: Option<&NodeStatus>, error: Option<&anyhow::Error>) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    match node {
        None if error.is_some_and(|error| error.is::<ClientError>()) => {
            let problem = error.map(Problem::of);
            let told = problem.map(|problem| match problem.next {
                Some(next) => format!("{}: {next}", problem.message),
                None => problem.message,
            });
            bad("node", told.unwrap_or_default())
        }
        None => warning("node", format!("none is running for {}", app.options.dir.display())),
        Some(node) if node.version != own => warning(
            "node",
            format!("is version {}, this command is {own} (process {})", node.version, node.pid),
        ),
        Some(node) => {
            let steps = node.health.get("steps").and_then(serde_json::Value::as_u64).unwrap_or(0);
            let plural = if steps == 1 { "" } else { "s" };
            let words =
                format!("version {own}, process {}, {steps} step{plural} under way", node.pid);
            ok("node", words)
        }
    }
}

fn troubles(app: &App, node: &NodeStatus) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(why) = &node.store_error {
        findings.push(bad("store", format!("takes no commits right now: {why}")));
    }
    let clock = node.health.get("clock_ms").and_then(serde_json::Value::as_u64);
    if let Some(ahead) = clock.map(|clock| Millis(clock).since(app.now())) {
        findings.push(if ahead > Duration::from_secs(2) {
            warning("clock", format!("jumped back: the node's time is {} ahead", span(ahead)))
        } else {
            ok("clock", "the node's time is the machine's")
        });
    }
    findings.push(mailboxes(app, node));
    findings.extend(budgets(node));
    findings.extend(circles(app, node));
    let trouble = |what: &str| bad("trouble", what.to_owned());
    findings.extend(node.troubles.iter().map(|one| trouble(&one.what)));
    findings
}

/// A full mailbox, as the node tells it.
#[derive(Deserialize)]
struct FullMailbox {
    id: String,
    messages: u64,
    messages_max: u64,
    blocked: u64,
    since: u64,
}

/// How many full mailboxes are named one by one.
const MAILBOXES_SHOWN: usize = 5;
/// And budgets.
const BUDGETS_SHOWN: usize = 5;

/// Where senders wait for room.
fn mailboxes(app: &App, node: &NodeStatus) -> Finding {
    let full = node.health.get("full_mailboxes").cloned().unwrap_or_default();
    let full: Vec<FullMailbox> = serde_json::from_value(full).unwrap_or_default();
    let dropped = node.health.get("dropped").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let dropped = match dropped {
        0 => String::new(),
        count => format!("; {count} old messages dropped to make room"),
    };
    if full.is_empty() {
        return ok("mail", format!("no mailbox is full{dropped}"));
    }
    let named = full.iter().take(MAILBOXES_SHOWN).map(|one| {
        let since = span(app.now().since(Millis(one.since)));
        let FullMailbox { id, messages, messages_max, blocked, .. } = one;
        format!("{id} ({messages} of {messages_max}, {blocked} senders wait, for {since})")
    });
    let named: Vec<String> = named.collect();
    let more = match full.len().saturating_sub(MAILBOXES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    warning("mail", format!("full mailboxes: {}{more}{dropped}", named.join(", ")))
}

/// A budget that is used up, as the node tells it.
#[derive(Deserialize)]
struct UsedUp {
    #[serde(flatten)]
    account: Account,
    waiting: usize,
}

/// Who waits until a person gives more.
fn budgets(node: &NodeStatus) -> Option<Finding> {
    let short = node.health.get("budgets").cloned().unwrap_or_default();
    let short: Vec<UsedUp> = serde_json::from_value(short).unwrap_or_default();
    let first = short.first()?.account.id.clone();
    let named = short.iter().take(BUDGETS_SHOWN);
    let named: Vec<String> = named.map(|one| view::used_up(&one.account, one.waiting)).collect();
    let more = match short.len().saturating_sub(BUDGETS_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let next = format!("`greenroom budget {first} --add …` gives more");
    Some(warning("budget", format!("used up: {}{more}; {next}", named.join(", "))))
}

/// Where steps wait for long, or for something that is down.
async fn queue_findings(client: &Client) -> Vec<Finding> {
    let queues = match client.queues().await {
        Ok(queues) => queues,
        Err(error) => return vec![bad("queues", error.to_string())],
    };
    let pressed: Vec<Finding> = queues
        .iter()
        .filter_map(view::pressure)
        .map(|words| warning("queues", format!("{words} (`greenroom queues`)")))
        .collect();
    if queues.is_empty() || !pressed.is_empty() {
        return pressed;
    }
    let waiting: usize = queues.iter().map(|queue| queue.waiting).sum();
    let plural = |count| if count == 1 { "" } else { "s" };
    let words = format!(
        "{} queue{}, {waiting} step{} wait",
        queues.len(),
        plural(queues.len()),
        plural(waiting)
    );
    vec![ok("queues", words)]
}

/// A circle of calls, as the node tells it.
#[derive(Deserialize)]
struct Circle {
    members: Vec<String>,
    at_ms: u64,
}

/// Processes that waited for each other.
fn circles(app: &App, node: &NodeStatus) -> Vec<Finding> {
    let found = node.health.get("deadlocks").cloned().unwrap_or_default();
    let found: Vec<Circle> = serde_json::from_value(found).unwrap_or_default();
    let tell = |Circle { members, at_ms }: &Circle| {
        let since = span(app.now().since(Millis(*at_ms)));
        let (circle, first) = (members.join(" waits for "), members.first().cloned());
        let first = first.unwrap_or_default();
        warning(
            "calls",
            format!("a circle, {since} ago: {circle} waits for {first}; its call failed"),
        )
    };
    found.iter().map(tell).collect()
}

/// Processes that wait for code nobody has.
async fn missing_kinds(app: &App, source: &Source) -> Finding {
    let kinds = match source {
        Source::Node(client) => client.kinds().await.map_err(anyhow::Error::from),
        Source::Store(journal) => {
            let census = journal.census().map_err(anyhow::Error::from);
            census.map(|census| KindCount::of(&app.own_kinds(), &census))
        }
    };
    let kinds = match kinds {
        Ok(kinds) => kinds,
        Err(error) => return bad("kinds", error.to_string()),
    };
    let without = kinds.iter().filter(|kind| !kind.code && kind.alive > 0);
    let without: Vec<String> =
        without.map(|kind| format!("{} ({} processes)", kind.kind, kind.alive)).collect();
    if without.is_empty() {
        let alive: u64 = kinds.iter().map(|kind| kind.alive).sum();
        return ok("kinds", format!("code for all {alive} processes that go on"));
    }
    warning("kinds", format!("processes wait for code that is not here: {}", without.join(", ")))
}

fn disk_findings(app: &App) -> Vec<Finding> {
    let dir = &app.options.dir;
    let dir = if dir.is_dir() { dir.as_path() } else { std::path::Path::new(".") };
    let mut findings = Vec::new();
    findings.push(match disk::free_bytes(dir) {
        Ok(free) if free < FREE_MIN => warning("disk", format!("only {} MiB free", free >> 20)),
        Ok(free) => ok("disk", format!("{} GiB free", free >> 30)),
        Err(error) => bad("disk", error.to_string()),
    });
    findings.push(match disk::sync_time(dir) {
        Ok(time) => {
            let words = format!("{:.2} ms until a write is safe", time.as_secs_f64() * 1e3);
            if time > SYNC_MAX {
                warning("sync", format!("{words}: slow"))
            } else {
                ok("sync", words)
            }
        }
        Err(error) => bad("sync", format!("cannot write here: {error}")),
    });
    findings
}

/// So that nobody takes the rest for a word on what is in the store.
fn not_deep() -> Finding {
    let words = "the histories were not read: `greenroom doctor --deep` checks every one";
    skipped("deep", crate::program::in_its_name(words))
}

async fn deep(app: &App, source: &Source) -> Vec<Finding> {
    let tell = std::io::stderr().is_terminal() && !app.json();
    let problems = match source {
        Source::Node(client) => client.verify().await.map_err(anyhow::Error::from),
        Source::Store(journal) => journal
            .verify(&mut |count| {
                if tell {
                    out::say(&format!("\rread {count} processes"));
                }
            })
            .map_err(anyhow::Error::from),
    };
    if tell {
        out::say("\r\x1b[K");
    }
    match problems {
        Ok(problems) if problems.is_empty() => vec![ok("deep", "every history is whole")],
        Ok(problems) => problems.into_iter().map(|problem| bad("deep", problem)).collect(),
        Err(error) => vec![bad("deep", error.to_string())],
    }
}
