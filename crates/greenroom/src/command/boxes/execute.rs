//! `box run`, `box exec`, `box action`: commands in boxes, with their own exit codes.

use super::attend::{self, Input};
use super::build;
use super::desk::Desk;
use super::secrets::{self, SecretFlags};
use super::upkeep::{Passing, reap};
use crate::input;
use crate::out;
use crate::problem::Problem;
use greenroom_boxes::build::Image;
use greenroom_boxes::engine::{Ending, ExecRequest};
use greenroom_boxes::sandbox::{self, Terminal};
use greenroom_boxes::spec::Granted;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const CODES: &str = "The exit code is the command's: 128 and the signal's number if one ended it, 124 if its time was\n\
up, 127 if the box has no such program, 126 if it cannot be run, 125 if something else went wrong before.";

/// How a command is run.
#[derive(clap::Args)]
pub struct Flags {
    /// With a terminal: keys, Ctrl-C and the window's size go to the command
    #[arg(short, long)]
    tty: bool,
    /// Pass standard input on; without it the command reads nothing
    #[arg(short, long)]
    interactive: bool,
    /// In the background; `box logs` prints what it writes
    #[arg(short, long, conflicts_with_all = ["tty", "interactive"])]
    detach: bool,
    /// A variable, over those of the box
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Kill it with all it started after so long (30s, 5m)
    #[arg(long, value_name = "SPAN", value_parser = input::span)]
    timeout: Option<Duration>,
    /// Where it starts
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<PathBuf>,
}

/// Run a command in a new box.
#[derive(clap::Args)]
#[command(after_help = format!(
    "Examples:\n  greenroom box run ./shop -- make test\n  greenroom box run shop -it -- sh\n  \
    greenroom box run ./shop + ./browser --name work -d -- ./serve\n  \
    greenroom box run shop --action buy --args '{{\"drink\":\"tea\"}}'\n  \
    greenroom box run shop --secret SHOP_TOKEN -- ./buy\n\n\
    The box is disposed of when the command has ended, unless it has a --name, or --keep or -d says\n\
    to keep it.\n{CODES}"
))]
pub struct RunArgs {
    /// An image, or folders that are built first, which win; `a + b` is both
    #[arg(required = true, value_name = "IMAGE|FOLDER")]
    targets: Vec<String>,
    /// The box's name, by which it is kept
    #[arg(long)]
    name: Option<String>,
    /// Keep the box, under a name that is told
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    secrets: SecretFlags,
    /// Call an action instead of a command
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    action: Option<String>,
    /// The action's arguments: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// The command, after `--`; no shell reads it
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Run a command in a box that is there.
#[derive(clap::Args)]
#[command(after_help = format!(
    "Examples:\n  greenroom box exec work -- make test\n  greenroom box exec work -t -- sh\n  \
    tar c src | greenroom box exec work -i -- tar x -C /srv\n\n\
    A box that does not run is started. What the command starts ends with it, unless -d is said.\n{CODES}"
))]
pub struct ExecArgs {
    /// The box
    name: String,
    #[command(flatten)]
    flags: Flags,
    /// The command, after `--`; no shell reads it
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Call an action of a box.
#[derive(clap::Args)]
#[command(after_help = format!(
    "Example:\n  greenroom box action work buy --args '{{\"drink\":\"tea\"}}'\n\n\
    The arguments are held against the action's schema first.\n{CODES}"
))]
pub struct ActionArgs {
    /// The box
    name: String,
    /// The action
    action: String,
    /// Its arguments: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    #[command(flatten)]
    flags: Flags,
}

pub fn run(desk: &Desk, args: RunArgs) -> anyhow::Result<ExitCode> {
    check(desk, &args.flags)?;
    if args.args.is_some() && args.action.is_none() {
        let problem = Problem::usage("--args was said, but no action that they are for")
            .next("say --action NAME; a command's own arguments stand after `--`");
        return Err(problem.into());
    }
    let has_work = !args.command.is_empty() || args.action.is_some();
    if !has_work && !args.flags.detach && args.name.is_none() && !args.keep {
        let problem = Problem::usage("there is no command to run")
            .next("write it after `--`, or keep the box with --name");
        return Err(problem.into());
    }
    if let Some(name) = &args.name {
        desk.engine.check_new(name)?;
    }
    reap(desk);
    let image = build::image(desk, &args.targets)?;
    let granted = secrets::granted(&image, &args.secrets)?;
    let given = arguments(args.args.as_deref())?;
    if let Some(action) = &args.action {
        check_arguments(&image, action, &given)?;
    }
    let passing = args.name.is_none() && !args.keep && !args.flags.detach;
    let name = create(desk, &image, args.name.as_deref(), passing, &granted)?;
    let held = Passing { engine: &desk.engine, name: passing.then(|| name.clone()) };
    if !desk.json {
        secrets::tell(desk, &image, &granted);
    }
    if !has_work {
        tell_name(desk, &name)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.keep && !args.flags.detach && !desk.json {
        out::say(&format!("{name}\n"));
    }
    let request = match &args.action {
        Some(action) => desk.engine.action(&name, action, &given)?,
        None => ExecRequest::of(args.command),
    };
    let done = execute(desk, &name, request, &args.flags);
    drop(held);
    done
}

pub fn exec(desk: &Desk, args: ExecArgs) -> anyhow::Result<ExitCode> {
    check(desk, &args.flags)?;
    desk.engine.find(&args.name)?;
    execute(desk, &args.name, ExecRequest::of(args.command), &args.flags)
}

pub fn action(desk: &Desk, args: ActionArgs) -> anyhow::Result<ExitCode> {
    check(desk, &args.flags)?;
    let given = arguments(args.args.as_deref())?;
    check_arguments(&desk.engine.image_of(&args.name)?, &args.action, &given)?;
    let request = desk.engine.action(&args.name, &args.action, &given)?;
    execute(desk, &args.name, request, &args.flags)
}

/// What cannot be, told before anything is done.
fn check(desk: &Desk, flags: &Flags) -> anyhow::Result<()> {
    if flags.tty && desk.json {
        let problem = Problem::usage("--json and --tty do not go together: a terminal is no JSON");
        return Err(problem.into());
    }
    if flags.tty && !std::io::stdin().is_terminal() {
        let problem = Problem::usage("--tty was said, but standard input is no terminal")
            .next("leave --tty away; a pipe reaches the command without it");
        return Err(problem.into());
    }
    variables(&flags.env).map(drop)
}

fn variables(words: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let pair = |word: &String| match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Problem::usage(format!("`--env {word}` is no variable"))
            .next("write NAME=VALUE")
            .into()),
    };
    words.iter().map(pair).collect()
}

fn arguments(given: Option<&str>) -> anyhow::Result<Value> {
    match given {
        None => Ok(json!({})),
        Some(text) => {
            let given = input::json(text)?;
            let bad = |error| Problem::usage(format!("the arguments are no JSON: {error}"));
            Ok(serde_json::from_str(given.text()).map_err(bad)?)
        }
    }
}

/// An action that the image has is held against its schema; one that it has not is told by the
/// engine too, but only when there is a box.
fn check_arguments(image: &Image, action: &str, given: &Value) -> anyhow::Result<()> {
    let Some(known) = image.actions.get(action) else {
        let names: Vec<&str> = image.actions.keys().map(String::as_str).collect();
        let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let words = format!("`{}` has no action `{action}`; it has {has}", image.name);
        return Err(Problem::new("not_found", words).into());
    };
    greenroom_agent::tool::check_arguments(&known.schema, given).map_err(|why| {
        let words = format!("the arguments do not fit the action `{action}`: {why}");
        let next = format!("`greenroom box inspect {}` shows its schema", image.name);
        Problem::usage(words).next(next).into()
    })
}

/// A box under this name, or one that is free.
fn create(
    desk: &Desk,
    image: &Image,
    name: Option<&str>,
    passing: bool,
    granted: &Granted,
) -> anyhow::Result<String> {
    let owner = passing.then(super::upkeep::owner);
    if let Some(name) = name {
        desk.engine.create_granting(image, name, None, granted)?;
        return Ok(name.to_owned());
    }
    let stem = stem(&image.name);
    for number in 1.. {
        let name = match passing {
            true => format!("{stem}-run-{}-{number}", std::process::id()),
            false => format!("{stem}-{number}"),
        };
        if desk.engine.find(&name).is_err() {
            match desk.engine.create_granting(image, &name, owner.as_deref(), granted) {
                // Somebody else took it in between.
                Err(_) if desk.engine.find(&name).is_ok() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(name),
            }
        }
    }
    Err(Problem::new("failed", "no name is free").into())
}

/// An image's name as the beginning of a box's.
fn stem(name: &str) -> String {
    const LONGEST: usize = 30;
    let small = name.to_ascii_lowercase();
    let letters = small.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let words: String = letters.take(LONGEST).collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "box".to_owned() } else { words.join("-") }
}

fn tell_name(desk: &Desk, name: &str) -> anyhow::Result<()> {
    match desk.json {
        true => out::json(&desk.engine.find(name)?),
        false => out::line(name),
    }
}

fn execute(
    desk: &Desk,
    name: &str,
    mut request: ExecRequest,
    flags: &Flags,
) -> anyhow::Result<ExitCode> {
    request.env = variables(&flags.env)?;
    request.cwd = flags.workdir.clone();
    let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    request.timeout_ms = flags.timeout.map(ms);
    if flags.detach {
        return detach(desk, name, request);
    }
    let reads = flags.interactive || flags.tty;
    if desk.json {
        let mut input = Vec::new();
        if reads {
            std::io::stdin().lock().read_to_end(&mut input)?;
        }
        let printed = desk.engine.exec(name, &request, &input, &mut |_, _| {})?;
        let mut value = serde_json::to_value(&printed)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("box".to_owned(), json!(name));
        }
        out::json(&value)?;
        return Ok(exit(printed.ending));
    }
    if flags.tty {
        let (rows, columns) = super::terminal::size();
        request.terminal = Some(Terminal { rows, columns });
    }
    let input = if reads { Input::Passed } else { Input::None };
    attend::attend(&desk.engine, name, &request, input).map(exit)
}

/// The box starts it, so that this command can end. Its time goes on, as the box's `limits.wall`
/// and --timeout say.
fn detach(desk: &Desk, name: &str, request: ExecRequest) -> anyhow::Result<ExitCode> {
    let command = request.argv.first().cloned().unwrap_or_default();
    let request = ExecRequest { background: true, ..request };
    let printed = desk.engine.exec(name, &request, b"", &mut |_, _| {})?;
    let missing = match printed.ending {
        Ending::Code(127) => Some(ErrorKind::NotFound),
        Ending::Code(126) => Some(ErrorKind::PermissionDenied),
        _ => None,
    };
    if let Some(kind) = missing {
        let (id, source) = (name.to_owned(), kind.into());
        return Err(sandbox::Error::Command { id, command, source }.into());
    }
    if !printed.is_success() {
        let words = format!("it could not be started in the background: {}", printed.stderr.trim());
        return Err(Problem::new("failed", words).into());
    }
    tell_name(desk, name)?;
    Ok(ExitCode::SUCCESS)
}

/// As shells say it.
fn exit(ending: Ending) -> ExitCode {
    const TIMED_OUT: u8 = 124;
    const SIGNAL: u8 = 128;
    match ending {
        Ending::Code(code) => ExitCode::from((code & 0xff) as u8),
        Ending::Signal(signal) => ExitCode::from(SIGNAL | (signal & 0x7f) as u8),
        Ending::TimedOut => ExitCode::from(TIMED_OUT),
    }
}
