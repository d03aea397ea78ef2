//! What the command's exit codes mean.

use greenroom_model::Exit;

/// How a command ended, for shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Done; a process that was waited for completed.
    Done = 0,
    /// It did not work; a process that was waited for failed.
    Failed = 1,
    /// The command was used wrongly.
    Usage = 2,
    /// There is no such process, kind or ask.
    Missing = 3,
    /// The process was cancelled or killed.
    Cancelled = 4,
    /// The process has not ended.
    Unfinished = 5,
    /// A command in a box was not run: the box is not there, or something else went wrong.
    NoBox = 125,
    /// A box has the program of a command, and cannot run it.
    NotExecutable = 126,
    /// A box has no such program.
    NoCommand = 127,
}

/// For `--help`.
pub const LEGEND: &str = "Exit codes: 0 done or completed, 1 failed, 2 used wrongly, \
3 no such process, kind or ask, 4 cancelled, 5 not ended yet";

impl Code {
    /// The code of a process's end.
    pub fn of(exit: &Exit) -> Code {
        match exit {
            Exit::Normal(_) => Code::Done,
            Exit::Error(_) => Code::Failed,
            Exit::Cancelled(_) | Exit::Killed(_) | Exit::Shutdown(_) => Code::Cancelled,
            Exit::NoProcess => Code::Missing,
        }
    }
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> std::process::ExitCode {
        std::process::ExitCode::from(code as u8)
    }
}
