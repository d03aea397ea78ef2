//! The way in: reads the command line, runs the command, tells what went wrong.

use crate::agents;
use crate::app::App;
use crate::cli::{Cli, Command, dispatch};
use crate::command;
use crate::exit::Code;
use crate::options::Options;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::problem::Problem;
use crate::program;
use crate::usage;
use crate::view::{plain, plain_json};
use clap::{CommandFactory, FromArgMatches};
use greenroom_runtime::Registry;
use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Duration;

/// Runs the command line with these kinds: what `greenroom` does, in your own
/// binary. Give what it returns back from `main`.
///
/// Reads the program's arguments, starts an async runtime of its own, prints
/// to standard output and standard error. Call it once, outside of any async
/// runtime.
///
/// The binary `greenroom` uses mimalloc as its allocator, which makes messages
/// between processes about 1.5 times as fast as glibc's; a library sets none, so
/// a program of yours that is busy does well to do the same.
#[must_use = "the exit code tells how it went: return it from `main`"]
pub fn main(registry: Registry) -> ExitCode {
    // The program that starts boxes is this one: then nothing else of it may run.
    greenroom_boxes::sandbox::spawner_main();
    #[cfg(feature = "genai")]
    greenroom_agent::provider::install_tls();
    let cli = match parse() {
        Ok(cli) => cli,
        // Help and version come this way too, with code 0.
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return Code::Done.into();
        }
        Err(error) => {
            if wants_json() {
                tell(&usage::problem(&error), true);
            } else {
                let _ = error.print();
            }
            return Code::Usage.into();
        }
    };
    let Cli { options, command } = cli;
    match run(options.clone(), command, registry) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => Code::Done.into(),
        Err(error) => {
            let problem = Problem::of(&error);
            tell(&problem, options.json);
            problem.exit.into()
        }
    }
}

fn parse() -> Result<Cli, clap::Error> {
    let name: &'static str = program::name().leak();
    let command = usage::named(Cli::command().name(name).bin_name(name), name);
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// How long a read of the store may still go on at the end, so that whoever lets
/// go of the store last closes it: that leaves one file, without a log beside it.
/// Steps that were given up may block a thread for longer; nobody waits for them.
const LAST_READS: Duration = Duration::from_millis(500);

/// Whether the arguments ask for JSON, though they could not be read.
fn wants_json() -> bool {
    let own = std::env::args_os().skip(1).take_while(|arg| arg != "--");
    own.into_iter().any(|arg| arg == "--json")
}

fn run(options: Options, command: Command, registry: Registry) -> anyhow::Result<ExitCode> {
    // Boxes block, and their commands have exit codes of their own.
    if let Command::Box(args) = command {
        return command::boxes::run(&options, args);
    }
    // A bench makes async runtimes of its own.
    if let Command::Bench(args) = &command {
        crate::bench::run(args, options.store.as_deref(), options.json)?;
        return Ok(Code::Done.into());
    }
    options.check_dir()?;
    // A node needs threads; asking one does not, and starts faster without.
    let mut builder = if command.may_serve() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let kinds = agents::of_project(&options, registry, command.may_serve())?;
    let tokio = builder.enable_all().build()?;
    let result = tokio.block_on(async {
        let app = App::new(options, kinds);
        Box::pin(dispatch(&app, command)).await
    });
    tokio.shutdown_timeout(LAST_READS);
    result.map(ExitCode::from)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn tell(problem: &Problem, json: bool) {
    let mut problem = problem.clone();
    problem.message = program::in_its_name(&problem.message);
    problem.next = problem.next.as_deref().map(program::in_its_name);
    if json {
        let body = serde_json::to_string(&problem.body()).unwrap_or_default();
        return out::say(&format!("{}\n", plain_json(body)));
    }
    let paint = Paint::on(&std::io::stderr());
    // Others' words are in it: a model's, a server's.
    let message = plain(&problem.message);
    let mut text = format!("{} {message}\n", paint.tone(Tone::Bad, "error:"));
    if let Some(next) = &problem.next {
        text.push_str(&format!("  {}\n", plain(next)));
    }
    out::say(&text);
}
