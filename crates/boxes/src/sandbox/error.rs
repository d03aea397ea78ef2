//! What can go wrong with a sandbox, by what the caller does next.

use std::io;

use crate::level_name::LevelName;

/// Why a sandbox could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The isolation level cannot be had here. Never answered with a weaker one.
    #[error(
        "the isolation level `{level}` is missing on this machine: {why}; \
         `greenroom box doctor` shows what is there"
    )]
    Missing {
        /// The level that was asked for.
        level: LevelName,
        /// The mechanism that is missing, and how that was found.
        why: String,
    },
    /// The specification or request is wrong: correct it.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The sandbox could not be made or entered; nothing of it is left.
    #[error("box `{id}`: {stage}: {source}")]
    Setup {
        /// The sandbox.
        id: String,
        /// The step that failed.
        stage: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The sandbox is not there any more: destroyed, killed, or its init died.
    #[error(
        "box `{id}` was stopped: {why}; how far a command in it came is not known: run it again \
         if need be"
    )]
    Gone {
        /// The sandbox.
        id: String,
        /// What is known.
        why: String,
    },
    /// It is frozen.
    #[error("box `{id}` is frozen and does not answer; thaw it first")]
    Frozen {
        /// The sandbox.
        id: String,
    },
    /// The command could not be started; the sandbox itself is well.
    #[error("box `{id}`: cannot start `{command}`: {source}")]
    Command {
        /// The sandbox.
        id: String,
        /// The first word of the command.
        command: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A port of the sandbox could not be connected to.
    #[error(
        "box `{id}`: port {port}: {source}; something in the box must listen on 127.0.0.1:{port}, \
         or on all addresses, first"
    )]
    Port {
        /// The sandbox.
        id: String,
        /// The port.
        port: u16,
        /// The system's answer.
        source: io::Error,
    },
    /// The spawner that stays for this state directory is of another version.
    #[error(
        "the spawner of boxes that serves this state directory (process {pid}, Greenroom \
         {version}) speaks protocol {theirs}, this program {ours}; end its boxes with the version \
         that made them, and it ends ten seconds after the last of them and of its owners; \
         or end process {pid}, and all its boxes with it"
    )]
    Protocol {
        /// The spawner's process id.
        pid: u32,
        /// Its version of Greenroom.
        version: String,
        /// Its protocol.
        theirs: u32,
        /// This program's.
        ours: u32,
    },
    /// The spawner is gone, and all its boxes with it: make a new one.
    #[error("the spawner of boxes has ended, and every box with it; open the level again")]
    Spawner,
    /// A system call failed that has no reason to.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: the system's answer with what was tried.
    pub(crate) fn system<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self::System { what, source: source.into() }
    }
}
