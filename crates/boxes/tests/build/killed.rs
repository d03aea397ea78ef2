//! A builder that is killed leaves whole steps and garbage, and the next one goes on.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use greenroom_boxes::branch::Branches;
use greenroom_boxes::build::{Builder, Progress};
use greenroom_boxes::sandbox::{Launch, Namespace};

use crate::world::World;

const DIR: &str = "BOXES_BUILD_DIR";

/// The second command goes deeper than any path reaches before it is killed.
const BOX: &str = r#"base = "host"
setup = ["echo 1 > /opt/one", """
echo half > /opt/half
mkdir -m 0 /opt/closed
python3 -c 'import os
os.chdir("/opt")
for _ in range(500):
    os.mkdir("d" * 50); os.chdir("d" * 50)'
echo half
sleep 0.3
rm -rf /opt/d*
echo 2 > /opt/two"""]
"#;

/// The child's part: builds, and is killed in the middle of the second command. Does nothing
/// when the tests are run.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    let program = Launch::Program(env!("CARGO_BIN_EXE_greenroom-box-spawner").into());
    let level = Namespace::open(&program, &dir.join("state")).expect("a spawner");
    let store = Branches::open(&dir.join("store")).expect("a store");
    let builder = Builder::new(&store, &level);
    let built = builder.build(&dir.join("boxes/a"), &mut |told| {
        if matches!(told, Progress::Output { line, .. } if line == "half") {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("killed");
        }
    });
    panic!("it lived: {built:?}");
}

#[test]
fn after_a_kill_the_next_build_goes_on() {
    let world = World::new();
    world.write("a/box.toml", BOX);
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", "killed::child", "--nocapture"]);
    child.env(DIR, world.house.dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
    assert_eq!(child.status().expect("a child").signal(), Some(9));
    assert!(world.scraps() > 0, "it was in the middle");
    let (image, told) = world.built("a");
    assert_eq!(told.worked(), 1, "the first command was done: {:?}", told.work());
    assert_eq!(world.file(&image, "opt/two").as_deref(), Some("2\n"));
    // Its spawner may still be ending the box.
    crate::house::eventually("garbage goes", || {
        world.store.sweep(&BTreeSet::new()).is_ok() && world.scraps() == 0
    });
    assert_eq!(world.built("a").1.worked(), 0);
}
