//! The commands, and which file runs each.

use crate::app::{App, Done};
use crate::command::{
    answer, asks, bench, boxes, budget, cancel, chat, completion, cost, dead, doctor, export, fork,
    history, import, kinds, logs, names, new, pause, ps, publish, queues, restart, result, resume,
    run, schedule, secret, send, state, trace, tree, up,
};
use crate::exit::{Code, LEGEND};
use crate::options::Options;
use clap::{CommandFactory, Parser, Subcommand};

/// Durable processes: kill the machine at any moment, and they go on where
/// they were.
#[derive(Parser)]
#[command(version, about, after_help = LEGEND, max_term_width = 100)]
pub struct Cli {
    /// What every command has.
    #[command(flatten)]
    pub options: Options,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Write a new project: five questions, the smallest architecture that fits
    New(new::Args),
    /// Run a node: it brings back every process and serves the socket
    Up(up::Args),
    /// Start a process and follow it to its end
    Run(run::Args),
    /// Talk to an agent
    Chat(chat::Args),
    /// List processes
    Ps(ps::Args),
    /// Show processes under those that spawned them
    Tree(tree::Args),
    /// Show what happened to a process
    History(history::Args),
    /// Show everything that a request caused, across processes
    Trace(trace::Args),
    /// Show the state a process has set
    State(state::Args),
    /// Print the result of a process
    Result(result::Args),
    /// Show what a process does, as it happens with -f
    Logs(logs::Args),
    /// Send a message to a process
    Send(send::Args),
    /// Send a message to all who have subscribed to its topic
    Publish(publish::Args),
    /// List registered names and who has them
    Names(names::Args),
    /// List groups and who is in them
    Groups(names::Args),
    /// List patterns of topics and who has subscribed to them
    Subscriptions(names::Args),
    /// List the questions that wait for a person
    Asks(asks::Args),
    /// Answer a question
    Answer(answer::Args),
    /// Ask a process to stop
    Cancel(cancel::Args),
    /// Hold a process's effects back
    Pause(pause::Args),
    /// Let a paused or parked process go on
    Resume(resume::Args),
    /// Run an ended process on from before its failure
    Restart(restart::Args),
    /// Make a new process from another's history
    Fork(fork::Args),
    /// List messages that no process took; send them again or drop them
    Dead(dead::Args),
    /// Start processes at their times
    Schedule(schedule::Args),
    /// Write every process with its whole history as JSON lines
    Export(export::Args),
    /// Take in what another store exported
    Import(import::Args),
    /// Show what a process may use up, or give it more
    Budget(budget::Args),
    /// Show what the models of a process and of all below it took
    Cost(cost::Args),
    /// Show the queues that steps wait in
    #[command(visible_alias = "queue")]
    Queues(queues::Args),
    /// Keep the keys of models and tools
    Secret(secret::Args),
    /// Disposable environments: build, run, branch, commit
    Box(boxes::Args),
    /// List the kinds of processes there is code for
    Kinds(kinds::Args),
    /// Find out what is wrong
    Doctor(doctor::Args),
    /// Measure this machine
    Bench(bench::Args),
    /// Print a completion script for a shell
    Completion(completion::Args),
}

impl Command {
    /// Whether a node may run inside this command.
    pub fn may_serve(&self) -> bool {
        matches!(self, Command::Up(_) | Command::Run(_) | Command::Chat(_))
    }
}

/// Runs a command.
pub async fn dispatch(app: &App, command: Command) -> Done {
    match command {
        Command::New(args) => new::run(app, args),
        Command::Up(args) => up::run(app, args).await,
        Command::Run(args) => run::run(app, args).await,
        Command::Chat(args) => chat::run(app, args).await,
        Command::Ps(args) => ps::run(app, args).await,
        Command::Tree(args) => tree::run(app, args).await,
        Command::History(args) => history::run(app, args).await,
        Command::Trace(args) => trace::run(app, args).await,
        Command::State(args) => state::run(app, args).await,
        Command::Result(args) => result::run(app, args).await,
        Command::Logs(args) => logs::run(app, args).await,
        Command::Send(args) => send::run(app, args).await,
        Command::Publish(args) => publish::run(app, args).await,
        Command::Names(args) => names::names(app, args).await,
        Command::Groups(args) => names::groups(app, args).await,
        Command::Subscriptions(args) => names::subscriptions(app, args).await,
        Command::Asks(args) => asks::run(app, args).await,
        Command::Answer(args) => answer::run(app, args).await,
        Command::Cancel(args) => cancel::run(app, args).await,
        Command::Pause(args) => pause::run(app, args).await,
        Command::Resume(args) => resume::run(app, args).await,
        Command::Restart(args) => restart::run(app, args).await,
        Command::Fork(args) => fork::run(app, args).await,
        Command::Dead(args) => dead::run(app, args).await,
        Command::Schedule(args) => schedule::run(app, args).await,
        Command::Export(args) => export::run(app, args).await,
        Command::Import(args) => import::run(app, args).await,
        Command::Budget(args) => budget::run(app, args).await,
        Command::Cost(args) => cost::run(app, args).await,
        Command::Queues(args) => queues::run(app, args).await,
        Command::Secret(args) => secret::run(app, args),
        Command::Kinds(args) => kinds::run(app, args).await,
        Command::Doctor(args) => doctor::run(app, args).await,
        // Have been run before there was an app.
        Command::Bench(_) | Command::Box(_) => Ok(Code::Done),
        Command::Completion(args) => completion::run(args, Cli::command()),
    }
}
