//! Many supervised processes that talk: what `./dev soak` kills again and again.
//!
//! A crew is a process of the ready kind `supervisor` with one `feeder` and some
//! `counter`s. The feeder sends numbers to each counter, in rounds; a counter
//! checks that none is missing, doubled or out of order, and calls a service
//! that is slow and fails. A `storm` sends very many numbers to a `sink` with a
//! small mailbox. A `probe` tells how long anything takes beside all that.

mod counter;
mod feeder;
mod service;
mod storm;

use greenroom::{Ctx, Failure, KindOptions, Mailbox, Registry};

/// As the `greenroom` program has it. glibc's keeps what a burst took: of 790 MB it had 307
/// in use, after three minutes of this.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much the sink's mailbox holds.
const SINK_MESSAGES_MAX: usize = 1_000;

fn main() -> std::process::ExitCode {
    let mailbox = Mailbox { messages_max: SINK_MESSAGES_MAX, ..Mailbox::default() };
    let registry = Registry::new()
        .kind("counter", counter::counter)
        .kind("feeder", feeder::feeder)
        .kind("storm", storm::storm)
        .kind("sink", storm::sink)
        .kind("probe", probe)
        .with_options("sink", KindOptions { mailbox, ..KindOptions::default() });
    greenroom::main(registry)
}

async fn probe(ctx: Ctx, _: ()) -> Result<(), Failure> {
    ctx.step("probe", |_| async { Ok::<_, Failure>(()) }).await
}
