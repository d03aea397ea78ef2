//! `schedule`: what is started at its times.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::input;
use crate::out;
use crate::problem::Problem;
use crate::view;
use greenroom_api::wire::{Changed, Given, ScheduleRequest, Started};
use greenroom_model::ProcessId;
use greenroom_model::schedule::{CatchUp, Overlap, ScheduleSpec};
use std::time::Duration;

/// Start processes at their times.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom schedule add report --cron '0 9 * * MON' --tz Europe/Berlin --kind report\n  \
    greenroom schedule add poll --every 10s --kind poll --input '{\"of\":\"orders\"}'\n  \
    greenroom schedule add index --after-quiet 5s --kind index\n  \
    greenroom schedule show report"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Make one
    Add(Box<Add>),
    /// List them
    List,
    /// Show one, with its next times
    Show {
        /// Its name
        name: String,
        /// How many of its next times
        #[arg(long, default_value_t = 5, value_name = "N")]
        next: usize,
    },
    /// Hold its starts back; at `resume` they count as missed
    Pause {
        /// Its name
        name: String,
    },
    /// Let a paused one go on
    Resume {
        /// Its name
        name: String,
    },
    /// Have it start now, beside its times
    RunNow(Told),
    /// Trigger one that waits for quiet
    Trigger(Told),
    /// Have it start nothing any more; what runs goes on
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(clap::Args)]
struct Told {
    /// Its name
    name: String,
    /// Another input than its own: JSON, @FILE or -
    #[arg(long, short, value_name = "JSON")]
    input: Option<String>,
}

#[derive(clap::Args)]
struct Add {
    /// Its name
    name: String,
    /// What to start
    #[arg(long, value_name = "KIND")]
    kind: String,
    /// At the times of a cron line: minute, hour, day, month, weekday
    #[arg(long, value_name = "LINE", group = "when", required = true)]
    cron: Option<String>,
    /// Again and again after so long: 10s, 5m, 12h
    #[arg(long, value_name = "SPAN", group = "when", value_parser = input::span)]
    every: Option<Duration>,
    /// When nobody has triggered it for so long
    #[arg(long, value_name = "SPAN", group = "when", value_parser = input::span)]
    after_quiet: Option<Duration>,
    /// The time zone of the cron line, by its IANA name [default: UTC]
    #[arg(long, value_name = "ZONE", requires = "cron")]
    tz: Option<String>,
    /// The argument of its code: JSON, @FILE or -
    #[arg(long, short, value_name = "JSON")]
    input: Option<String>,
    /// What becomes of times that were missed
    #[arg(long, default_value = "skip", value_name = "POLICY")]
    catch_up: Missed,
    /// How many missed times `all` makes up for in a row
    #[arg(long, default_value_t = 100, value_name = "N")]
    catch_up_max: u32,
    /// A start later than this is one that was missed
    #[arg(long, default_value = "60s", value_name = "SPAN", value_parser = input::span)]
    grace: Duration,
    /// What becomes of a start while the last one still runs
    #[arg(long, default_value = "start-at-most-one", value_name = "POLICY")]
    overlap: While,
    /// If there is one of this name, it does this from now on
    #[arg(long)]
    replace: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Missed {
    Skip,
    One,
    All,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum While {
    StartAtMostOne,
    QueueOne,
    Allow,
}

pub async fn run(app: &App, args: Args) -> Done {
    match args.what {
        What::Add(args) => add(app, *args).await,
        What::List => list(app).await,
        What::Show { name, next } => show(app, &name, next).await,
        What::Pause { name } => {
            let told = app.client()?.pause(&id(&name)?).await?;
            say(app, &told, &format!("paused {name}"))
        }
        What::Resume { name } => {
            let told = app.client()?.resume(&id(&name)?).await?;
            say(app, &told, &format!("resumed {name}"))
        }
        What::RunNow(Told { name, input }) => {
            id(&name)?;
            let told = app.client()?.run_schedule(&name, given(input.as_deref())?).await?;
            say(app, &told, &format!("{name} starts now"))
        }
        What::Trigger(Told { name, input }) => {
            id(&name)?;
            let told = app.client()?.trigger_schedule(&name, given(input.as_deref())?).await?;
            say(app, &told, &format!("triggered {name}"))
        }
        What::Delete { name } => {
            id(&name)?;
            let told = app.client()?.delete_schedule(&name).await?;
            say(app, &told, &format!("deleted {name}"))
        }
    }
}

async fn add(app: &App, args: Add) -> Done {
    let (name, replace) = (args.name.clone(), args.replace);
    id(&name)?;
    let request = ScheduleRequest { name: name.clone(), spec: spec(args)?, replace };
    let client = app.client()?;
    let started: Started = client.schedule(&request).await?;
    if !started.created && !replace {
        let words = format!("there is a schedule {name} already");
        let next = format!("--replace changes it, `greenroom schedule show {name}` shows it");
        return Err(Problem::new("exists", words).next(next).into());
    }
    if app.json() {
        out::json(&started)?;
    } else {
        let how = if started.created { "added" } else { "replaced" };
        out::line(&format!("{how} {name}"))?;
    }
    Ok(Code::Done)
}

fn spec(args: Add) -> anyhow::Result<ScheduleSpec> {
    let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let input = args.input.as_deref().map(input::json).transpose()?;
    Ok(ScheduleSpec {
        input: input.map(Given::payload).transpose()?,
        cron: args.cron,
        zone: args.tz,
        every_ms: args.every.map(ms),
        after_quiet_ms: args.after_quiet.map(ms),
        catch_up: match args.catch_up {
            Missed::Skip => CatchUp::Skip,
            Missed::One => CatchUp::One,
            Missed::All => CatchUp::All,
        },
        catch_up_max: args.catch_up_max,
        grace_ms: ms(args.grace),
        overlap: match args.overlap {
            While::StartAtMostOne => Overlap::StartAtMostOne,
            While::QueueOne => Overlap::QueueOne,
            While::Allow => Overlap::Allow,
        },
        ..ScheduleSpec::new(&args.kind)
    })
}

async fn list(app: &App) -> Done {
    let schedules = app.client()?.schedules().await?;
    if app.json() {
        out::json(&schedules)?;
    } else {
        out::print(&view::schedules(&schedules, app.now(), app.paint))?;
    }
    Ok(Code::Done)
}

async fn show(app: &App, name: &str, next: usize) -> Done {
    id(name)?;
    let schedule = app.client()?.scheduled(name, next).await?;
    if app.json() {
        out::json(&schedule)?;
    } else {
        out::print(&view::schedule(&schedule, app.now(), app.paint))?;
    }
    Ok(Code::Done)
}

fn say(app: &App, told: &Changed, words: &str) -> Done {
    if app.json() {
        out::json(told)?;
    } else {
        out::line(words)?;
    }
    Ok(Code::Done)
}

fn given(input: Option<&str>) -> anyhow::Result<Given> {
    Ok(input.map(input::json).transpose()?.unwrap_or_default())
}

fn id(name: &str) -> anyhow::Result<ProcessId> {
    Ok(ProcessId::new("schedule", name)?)
}
