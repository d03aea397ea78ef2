//! `completion`: a script that completes commands in a shell.

use crate::app::Done;
use crate::exit::Code;
use crate::out;
use crate::program;
use clap_complete::Shell;

/// Print a completion script.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  greenroom completion bash > /etc/bash_completion.d/greenroom")]
pub struct Args {
    /// The shell
    #[arg(value_parser = clap::builder::EnumValueParser::<Shell>::new())]
    shell: Shell,
}

pub fn run(args: Args, mut command: clap::Command) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, program::name(), &mut script);
    out::print(&String::from_utf8_lossy(&script))?;
    Ok(Code::Done)
}
