//! The words on the wire, shared by the server and its clients.

mod ask;
mod budget;
mod change;
mod dead;
mod error;
mod given;
mod history;
mod kind;
mod message;
mod node;
mod place;
mod process;
mod queue;
mod schedule;
mod trace;
mod transfer;

pub use ask::{AnswerRequest, Ask, Asks};
pub use budget::RaiseRequest;
pub use change::{CancelRequest, Changed, ForkRequest, RestartFrom, RestartRequest};
pub use dead::{
    DeadLetter, DeadLetters, DropRequest, Dropped, LetterQuery, RequeueRequest, Requeued,
};
pub use error::{ErrorBody, ErrorWords};
pub use given::Given;
pub use history::{History, State, StateEntry, Turn};
pub use kind::{KindCount, Kinds};
pub use message::{MessageRequest, MessageTaken};
pub use node::{NodeStatus, Trouble, Verified};
pub use place::{GroupRequest, Place, Places, PlacesQuery, Published, TopicRequest};
pub use process::{ListQuery, Outcome, Process, Processes, StartRequest, Started};
pub use queue::Queues;
pub use schedule::{ScheduleQuery, ScheduleRequest, ScheduleRun, Scheduled, Schedules};
pub use trace::{Trace, TracedTurn, place_of};
pub use transfer::{Imported, line};
