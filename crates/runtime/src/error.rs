//! What a request to a node can fail with, by what the caller does next.

use greenroom_model::{ProcessId, Status};

/// The result of a request to a node.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a node did not do what it was asked. Nothing was changed, except where
/// [`Error::Unavailable`] says it is unknown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such process.
    #[error("there is no process {id}")]
    NoProcess {
        /// Its id.
        id: ProcessId,
    },
    /// It began nothing of its own: what it caused is told with all that goes back
    /// to its root.
    #[error("{id} goes back to {root}: `greenroom trace {root}`")]
    NoRoot {
        /// Its id.
        id: ProcessId,
        /// What it goes back to.
        root: String,
    },
    /// No process has this name.
    #[error("no process has the name {name}")]
    NoName {
        /// The name.
        name: String,
    },
    /// The process has ended, and what was asked needs a running one.
    #[error("{id} has ended ({status}); `greenroom restart {id}` brings it back")]
    Ended {
        /// Its id.
        id: ProcessId,
        /// How.
        status: Status,
    },
    /// There is such a process already, and what was asked needs a new one.
    #[error("{id} exists already")]
    Exists {
        /// Its id.
        id: ProcessId,
    },
    /// Its mailbox has no room now.
    #[error("the mailbox of {id} is full; send again in a while")]
    MailboxFull {
        /// Its id.
        id: ProcessId,
    },
    /// The process has not ended, and what was asked needs that.
    #[error("{id} is {status}; {next}")]
    NotNow {
        /// Its id.
        id: ProcessId,
        /// What it does.
        status: Status,
        /// What to do instead.
        next: &'static str,
    },
    /// What the store holds of it cannot be right.
    #[error("{id} is damaged: {why}")]
    Damaged {
        /// Its id.
        id: ProcessId,
        /// What was found.
        why: String,
    },
    /// No code of this kind is registered.
    #[error("no kind `{kind}` is registered here; known: {known}")]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: String,
    },
    /// No queue of this name was declared.
    #[error("the node has no queue `{name}`; it has: {known}")]
    NoQueue {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The ask is not open.
    #[error("there is no open ask {ask}; it may have been answered or have timed out")]
    NotOpen {
        /// Which.
        ask: String,
    },
    /// There is no such dead letter, or not any more.
    #[error("there is no dead letter {no}; it may have been sent again, dropped or outlived")]
    NoLetter {
        /// Its number.
        no: i64,
    },
    /// The answer is not among the choices.
    #[error("{value} is not an answer to this ask; choose one of: {choices}")]
    BadAnswer {
        /// What was given.
        value: String,
        /// What is allowed.
        choices: String,
    },
    /// The request itself is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// An id, payload or number that cannot be one.
    #[error(transparent)]
    Model(#[from] greenroom_model::Error),
    /// Another request with this key was carried out before.
    #[error("the key `{key}` was used for another request; a new request needs a new key")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The node does not take requests: it stops, or has lost its lease.
    #[error("this node has stopped: {why}")]
    Stopped {
        /// Why.
        why: String,
    },
    /// The registry cannot be used.
    #[error("the registered kinds cannot be used: {0}")]
    Registry(String),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] greenroom_journal::Error),
}

impl Error {
    /// A short stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NoProcess { .. } => "no_process",
            Error::NoRoot { .. } => "no_root",
            Error::NoName { .. } => "no_name",
            Error::Ended { .. } => "ended",
            Error::Exists { .. } => "exists",
            Error::MailboxFull { .. } => "mailbox_full",
            Error::NotNow { .. } => "not_now",
            Error::Damaged { .. } => "damaged",
            Error::UnknownKind { .. } => "unknown_kind",
            Error::NoQueue { .. } => "no_queue",
            Error::NotOpen { .. } => "not_open",
            Error::NoLetter { .. } => "no_letter",
            Error::BadAnswer { .. } => "bad_answer",
            Error::BadRequest(_) | Error::Model(_) => "bad_request",
            Error::KeyReused { .. } => "key_reused",
            Error::Stopped { .. } => "stopped",
            Error::Registry(_) => "registry",
            Error::Store(error) if error.is_transient() => "unavailable",
            Error::Store(greenroom_journal::Error::InUse { .. }) => "in_use",
            Error::Store(greenroom_journal::Error::Differs { .. }) => "differs",
            Error::Store(_) => "store",
        }
    }

    /// The HTTP status that says the same.
    pub fn http_status(&self) -> u16 {
        match self {
            Error::NoProcess { .. }
            | Error::NoRoot { .. }
            | Error::NoName { .. }
            | Error::NoQueue { .. }
            | Error::NotOpen { .. }
            | Error::NoLetter { .. } => 404,
            Error::Ended { .. }
            | Error::Exists { .. }
            | Error::NotNow { .. }
            | Error::Damaged { .. } => 409,
            Error::MailboxFull { .. } => 429,
            Error::KeyReused { .. } => 422,
            Error::Model(greenroom_model::Error::TooLarge { .. }) => 413,
            Error::UnknownKind { .. }
            | Error::BadAnswer { .. }
            | Error::BadRequest(_)
            | Error::Model(_) => 400,
            Error::Stopped { .. } => 503,
            Error::Store(error) if error.is_transient() => 503,
            Error::Store(greenroom_journal::Error::Differs { .. }) => 409,
            Error::Registry(_) | Error::Store(_) => 500,
        }
    }

    /// What to do, where the message does not say it already.
    pub fn next(&self) -> Option<String> {
        let words = match self {
            Error::NoProcess { .. } => "`greenroom ps --all` lists the processes",
            Error::Exists { .. } => "give another key, or none for a random one",
            Error::NoQueue { .. } => "`greenroom queues` shows what each is doing",
            Error::NotOpen { .. } => "`greenroom asks` lists the open ones",
            Error::UnknownKind { .. } => {
                "start the node from the binary that registers this kind; `greenroom kinds` lists them"
            }
            Error::MailboxFull { .. } => "`greenroom doctor` shows which mailboxes are full",
            Error::Stopped { .. } => "start it again with `greenroom up`",
            Error::Store(error) if error.is_transient() => "nothing is lost; try again",
            Error::Damaged { id, .. } => {
                return Some(format!(
                    "nothing of it runs, and its mailbox is kept. Put a good copy of the store \
                     back, or of what is missing: `greenroom resume {id}` tries again. Or end it: \
                     `greenroom cancel {id} --kill`. `greenroom doctor --deep` shows all damage"
                ));
            }
            _ => return None,
        };
        Some(words.to_owned())
    }
}
