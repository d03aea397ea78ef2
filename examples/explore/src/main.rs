//! Five branches of a box try five fixes: `cargo run -p explore`.
//!
//! Each branch takes a moment to make, sees nothing of the others, and runs the project's tests.
//! One never ends, one leaves a git hook behind; the best of the rest is committed.

use explore::explore;
use greenroom::boxes::engine::{Engine, Setup};
use greenroom::boxes::sandbox::spawner_main;

fn main() -> anyhow::Result<()> {
    // Boxes are made by a process that this program becomes when it is started as one.
    spawner_main();
    let store = std::env::current_dir()?.join(".greenroom/boxes");
    let engine = Engine::open_in(&store, Setup::default())?;
    if engine.find("repo").is_ok() {
        engine.discard("repo")?;
    }
    let (tried, best) = explore(&engine)?;
    for one in &tried {
        let passed = one.passed.map_or("no end".to_owned(), |passed| format!("{passed} of 6 pass"));
        let planted = match one.planted.is_empty() {
            true => String::new(),
            false => format!(", and it planted {}", one.planted.join(", ")),
        };
        println!("{:8} {passed}{planted}", one.fix);
    }
    println!("committed: {best}");
    Ok(())
}
