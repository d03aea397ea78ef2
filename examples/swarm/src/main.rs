//! A swarm: three peers argue about a name until nobody has anything to add, and vote.

use greenroom::Registry;
use greenroom::agent::architecture::Swarm;
use std::time::Duration;

fn main() -> std::process::ExitCode {
    // The agents are in agents/*.md.
    let panel = Swarm::new("panel")
        .member("optimist")
        .member("sceptic")
        .member("poet")
        .messages(12)
        .deadline(Duration::from_secs(600))
        .vote();
    greenroom::main(panel.register(Registry::new()))
}
