//! What a process is doing, as `ps` shows it.

use crate::Exit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The status of a process, kept in its row by every commit. The numbers are
/// part of the store's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A step is under way, or the code has yet to run.
    Running = 0,
    /// Waits for a message.
    Receiving = 1,
    /// Waits for a timer.
    Sleeping = 2,
    /// Waits for a person.
    Asking = 3,
    /// Waits for another process.
    Joining = 4,
    /// Held by a person; goes on at `resume`.
    Paused = 5,
    /// Cannot go on: its code and its journal disagree, or its journal cannot
    /// be read. Goes on at `resume` after a deploy, or at `restart`.
    Parked = 6,
    /// Waits for room in another's mailbox, or for its budget to be raised.
    Blocked = 7,
    /// Has ended, and is kept until its supervisor has decided.
    Down = 8,
    /// What the store holds of it cannot be right. Never written to a store:
    /// it is found when the process is read, and gone when that can be read
    /// again.
    Damaged = 9,
    /// Ended with a result.
    Completed = 10,
    /// Ended with an error.
    Failed = 11,
    /// Ended because it was cancelled or killed.
    Cancelled = 12,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 13] = [
        Status::Running,
        Status::Receiving,
        Status::Sleeping,
        Status::Asking,
        Status::Joining,
        Status::Paused,
        Status::Parked,
        Status::Blocked,
        Status::Down,
        Status::Damaged,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
    ];

    /// The status of a process that ended so, for good.
    pub fn of_exit(exit: &Exit) -> Status {
        match exit {
            Exit::Normal(_) => Status::Completed,
            Exit::Cancelled(_) | Exit::Killed(_) | Exit::Shutdown(_) => Status::Cancelled,
            Exit::Error(_) | Exit::NoProcess => Status::Failed,
        }
    }

    /// The number it has in the store.
    pub fn code(self) -> i64 {
        self as i64
    }

    /// The status of a number in the store.
    pub fn from_code(code: i64) -> Option<Status> {
        let written = Status::ALL.into_iter().filter(|status| *status != Status::Damaged);
        written.into_iter().find(|status| status.code() == code)
    }

    /// Whether the process has ended.
    pub fn is_ended(self) -> bool {
        self.code() >= Status::Completed.code()
    }

    /// The lowest number of an ended process.
    pub const ENDED_MIN: i64 = Status::Completed as i64;

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Receiving => "receiving",
            Status::Sleeping => "sleeping",
            Status::Asking => "asking",
            Status::Joining => "joining",
            Status::Paused => "paused",
            Status::Parked => "parked",
            Status::Blocked => "blocked",
            Status::Down => "down",
            Status::Damaged => "damaged",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
