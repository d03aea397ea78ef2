//! The words of what a store writes on its own: exits to watchers, replies
//! that cannot come, reasons of dead letters. Must not know how it is stored.

use greenroom_model::{Content, Exit, Failure, Op, ProcessId, failure};

/// Why mail left over at a process's end is dead.
pub(crate) const LEFT_OVER: &str = "the process ended before it took the message";

/// Why a message found nobody.
pub(crate) fn unreachable(to: &ProcessId, ended: bool) -> String {
    if ended { format!("{to} has ended") } else { format!("there is no process {to}") }
}

/// The reply to a call that nobody will answer.
pub(crate) fn no_process(op: Op, to: &ProcessId, ended: bool) -> Content {
    Content::Reply { op, result: Err(Failure::fatal(failure::NO_PROCESS, unreachable(to, ended))) }
}

/// What a parent hears whose child's id is another's.
pub(crate) fn already_exists(op: Op, id: &ProcessId) -> Content {
    let message = format!("a process {id} exists already, and someone else started it");
    let exit = Exit::Error(Failure::fatal(failure::ALREADY_EXISTS, message));
    Content::Exited { op, id: id.clone(), exit }
}

/// What a watcher hears of a process that ended with `exit`, or never was. A
/// link is a watch each way, without an operation.
pub(crate) fn exited(op: Op, id: &ProcessId, exit: Option<Exit>) -> Content {
    let (id, exit) = (id.clone(), exit.unwrap_or(Exit::NoProcess));
    if op == LINK { Content::ExitSignal { id, exit } } else { Content::Exited { op, id, exit } }
}

/// The operation of a watch that is half of a link.
pub(crate) const LINK: Op = Op(0);

/// Whether a message that reaches nobody is dropped without a word: the store
/// wrote it itself, and nobody waits to learn where it went.
pub(crate) fn is_notice(content: &Content) -> bool {
    matches!(content, Content::Reply { .. } | Content::Exited { .. } | Content::ExitSignal { .. })
}
