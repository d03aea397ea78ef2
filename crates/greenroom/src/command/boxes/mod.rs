//! `box`: disposable environments with branches of their files.
//!
//! An engine blocks, so these commands run without an async runtime around them.

mod attend;
mod beside;
mod build;
mod change;
mod desk;
mod doctor;
mod execute;
mod files;
mod folders;
mod inspect;
mod list;
mod logs;
mod patch;
mod port;
mod problem;
mod secrets;
mod single;
mod terminal;
mod upkeep;
mod words;

use crate::exit::Code;
use crate::options::Options;
use crate::view::plain;
use desk::Desk;
use std::process::ExitCode;

/// Environments for programs that one does not trust, or wants to take back
#[derive(clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Example:\n  greenroom box build ./shop\n  greenroom box run shop --name work -- make test\n  \
    greenroom box branch work try\n  greenroom box exec try -- make fix\n  greenroom box diff try\n  \
    greenroom box commit try\n\n\
    Boxes live in DIR/boxes (--dir). They go on when the command that started them has ended."
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Build an image of a folder with a box.toml or SKILL.md; of several: a + b
    Build(build::Args),
    /// Run a command in a new box
    Run(execute::RunArgs),
    /// Run a command in a box that is there
    Exec(execute::ExecArgs),
    /// Call an action of a box
    Action(execute::ActionArgs),
    /// List boxes
    #[command(visible_alias = "list")]
    Ls,
    /// List images
    Images,
    /// List what was run in a box, or in all
    #[command(visible_alias = "execs")]
    Ps(list::PsArgs),
    /// Print what commands in a box have printed
    Logs(logs::Args),
    /// Show what a box has changed since it was made or branched
    Diff(change::DiffArgs),
    /// Make branches of a box as it is now
    Branch(change::BranchArgs),
    /// Bring what a branch has changed into the box it is a branch of, and end it
    Commit(change::CommitArgs),
    /// End boxes and forget what they have changed
    #[command(name = "rm", visible_alias = "discard")]
    Remove(upkeep::RemoveArgs),
    /// Remove an image
    #[command(name = "rmi")]
    RemoveImage(upkeep::ImageArgs),
    /// End what runs in boxes; their files stay
    Stop(upkeep::Names),
    /// Hold all that runs in boxes
    Freeze(upkeep::Names),
    /// Let it go on
    Thaw(upkeep::Names),
    /// Copy a file or a folder into a box or out of it
    Cp(files::CpArgs),
    /// Put what a box has changed into a folder of this machine, all or nothing
    Export(files::ExportArgs),
    /// Forward a port of this machine's loopback into a box, until Ctrl-C
    Port(port::Args),
    /// List what a box asked of its network, and what came of it
    Decisions(list::DecisionsArgs),
    /// Show all that is known of a box or an image
    Inspect(inspect::Args),
    /// Remove what nobody needs any more
    Gc,
    /// Try every mechanism that keeps boxes in
    Doctor,
}

/// Runs a command. Not to be called inside an async runtime.
pub fn run(options: &Options, args: Args) -> anyhow::Result<ExitCode> {
    let what = args.what;
    let makes = matches!(what, What::Build(_) | What::Run(_));
    if matches!(what, What::Doctor) {
        return doctor::run(options).map(ExitCode::from).map_err(problem::told);
    }
    if !makes && !desk::is_there(options) {
        return nothing_there(options, &what);
    }
    let runs = matches!(what, What::Run(_) | What::Exec(_) | What::Action(_));
    let wrong = if runs { problem::of_command } else { problem::told };
    let desk = Desk::open(options).map_err(wrong)?;
    let done = match what {
        What::Run(args) => return execute::run(&desk, args).map_err(problem::of_command),
        What::Exec(args) => return execute::exec(&desk, args).map_err(problem::of_command),
        What::Action(args) => return execute::action(&desk, args).map_err(problem::of_command),
        What::Build(args) => build::run(&desk, &args),
        What::Ls => list::boxes(&desk),
        What::Images => list::images(&desk),
        What::Ps(args) => list::execs(&desk, &args),
        What::Logs(args) => logs::run(&desk, &args),
        What::Diff(args) => change::diff(&desk, &args),
        What::Branch(args) => change::branch(&desk, &args),
        What::Commit(args) => change::commit(&desk, &args),
        What::Remove(args) => upkeep::remove(&desk, &args),
        What::RemoveImage(args) => upkeep::remove_image(&desk, &args),
        What::Stop(args) => upkeep::each(&desk, &args, "stopped", |name| desk.engine.stop(name)),
        What::Freeze(args) => upkeep::each(&desk, &args, "frozen", |name| desk.engine.freeze(name)),
        What::Thaw(args) => upkeep::each(&desk, &args, "thawed", |name| desk.engine.thaw(name)),
        What::Cp(args) => files::copy(&desk, &args),
        What::Export(args) => files::export(&desk, &args),
        What::Port(args) => port::run(&desk, &args),
        What::Decisions(args) => list::decisions(&desk, &args),
        What::Inspect(args) => inspect::run(&desk, &args),
        What::Gc => upkeep::collect(&desk),
        What::Doctor => Ok(Code::Done),
    };
    for one in desk.engine.left_out() {
        crate::out::say(&format!("warning: {}\n", plain(&one.to_string())));
    }
    done.map(ExitCode::from).map_err(problem::told)
}

/// Looking at what is not there makes no folder.
fn nothing_there(options: &Options, what: &What) -> anyhow::Result<ExitCode> {
    let problem = desk::no_boxes(options);
    match what {
        What::Exec(_) | What::Action(_) => Err(problem::of_command(problem.into())),
        What::Ls | What::Images | What::Ps(list::PsArgs { name: None }) => {
            match options.json {
                true => crate::out::line("[]")?,
                false => crate::out::say(&format!("{}\n", problem.message)),
            }
            Ok(Code::Done.into())
        }
        _ => Err(problem.into()),
    }
}
