//! What processes may rely on, through the node's public face.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be, and these run in real time"
)]

mod anew;
mod around_commit;
mod asks;
mod bounds;
mod budget_limits;
mod budget_lines;
mod budgets;
mod cancel;
mod deadlocks;
mod deploy;
mod downstream;
mod envelope;
mod ephemeral;
mod fleet;
mod fork;
mod held_up;
mod hold;
mod hooks;
mod letters;
mod links;
mod lost_answer;
mod mailboxes;
mod messages;
mod on_sqlite;
mod places;
mod queues;
mod restart;
mod schedules;
mod script;
mod stages;
mod steps;
mod supervision;
mod transfer;
mod tree;
mod world;
