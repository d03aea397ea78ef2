//! The end of boxes: by request, by accident, by kill -9. Nothing is left.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use greenroom_boxes::sandbox::{End, Error, Level};

use crate::house::{House, command, eventually, run, sh};

/// The processes of the host with this among their words.
pub fn processes(word: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("proc").flatten();
    let pid = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let words = std::fs::read(entry.path().join("cmdline")).ok()?;
        words.split(|byte| *byte == 0).any(|one| one == word.as_bytes()).then_some(pid)
    };
    entries.filter_map(pid).collect()
}

/// The one of this word, soon: a program that has just begun has no words yet.
pub fn process(word: &str) -> u32 {
    eventually("it runs", || processes(word).len() == 1);
    processes(word)[0]
}

/// Cgroups of this spawner, anywhere.
pub fn cgroups(spawner: u32) -> Vec<PathBuf> {
    let found = Command::new("find")
        .args(["/sys/fs/cgroup", "-type", "d", "-name", &format!("greenroom-{spawner}-*")])
        .output();
    let found = found.expect("find").stdout;
    String::from_utf8_lossy(&found).lines().map(PathBuf::from).collect()
}

pub fn parent(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:\t")).expect("a parent");
    line.parse().expect("a number")
}

pub fn kill(pid: u32) {
    let done = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(done.expect("kill").success());
}

#[test]
fn destroy_leaves_nothing() {
    let house = House::new();
    let sandbox = house.spawn("leaves");
    let spawner = house.level().spawner_pid();
    let dir = house.state().join(format!("spawner-{spawner}"));
    run(&*sandbox, &sh("mkdir -p /a/b; chmod 0 /a/b; rm -r /etc"));
    let running = sandbox.exec(&command(&["sleep", "7101"])).expect("sleep");
    process("7101");
    sandbox.destroy().expect("destroyed");
    assert_eq!(processes("7101"), [] as [u32; 0]);
    assert!(matches!(running.wait(b"", 0, &mut |_, _| {}), Err(Error::Gone { .. })));
    assert_eq!(
        std::fs::read_dir(dir).expect("dir").count(),
        3,
        "the lock, the list of cgroups, what is made ahead"
    );
    // What is left has somebody in it: processes made ahead for the next boxes.
    eventually("no empty cgroup is left", || {
        cgroups(spawner)
            .iter()
            .flat_map(|dir| std::fs::read_dir(dir).expect("cgroup").flatten())
            .filter(|entry| entry.path().is_dir())
            .all(|entry| {
                let inside = std::fs::read_to_string(entry.path().join("cgroup.procs"));
                inside.is_ok_and(|inside| !inside.is_empty())
            })
    });
}

/// Deeper than a path, than descriptors, and closed from the middle on.
#[test]
fn a_tree_that_was_made_to_stay_goes_too() {
    let house = House::new();
    let sandbox = house.spawn("deep");
    let upper = sandbox.upper().expect("on disk").to_owned();
    let deep = "import os\n\
                os.chdir('/etc')\n\
                for level in range(5000):\n\
                \x20   os.mkdir('a-long-name-for-a-directory'); os.mkdir('to-remove-1')\n\
                \x20   os.chdir('a-long-name-for-a-directory')\n\
                for level in range(5000):\n\
                \x20   os.chdir('..')\n\
                \x20   if level > 2500: os.chmod('a-long-name-for-a-directory', 0)\n\
                \x20   if level == 2500: os.symlink('/', 'to-root')\n\
                print('made')\n";
    let output = run(&*sandbox, &command(&["python3", "-c", deep]));
    assert_eq!(crate::house::text(&output), "made\n");
    sandbox.destroy().expect("destroyed");
    assert!(!upper.exists());
    assert_eq!(std::fs::read_dir(house.state()).expect("state").count(), 1);
}

#[test]
fn with_the_level_everything_goes() {
    let mut house = House::new();
    let level = house.level.take().expect("level");
    let spawner = level.spawner_pid();
    let sandbox = level.create(&house.spec("goes")).expect("a box");
    let _running = sandbox.exec(&command(&["sleep", "7102"])).expect("sleep");
    drop(sandbox);
    drop(level);
    assert_eq!(processes("7102"), [] as [u32; 0]);
    assert!(cgroups(spawner).is_empty());
    assert_eq!(std::fs::read_dir(house.state()).expect("state").count(), 0);
}

/// The owner is another process, of the same test program.
#[test]
fn a_killed_owner_takes_its_boxes_along() {
    let house = House::new();
    let state = house.dir.path().join("other");
    let mut owner = Command::new(std::env::current_exe().expect("this"))
        .args(["--exact", "end::be_an_owner", "--nocapture"])
        .env("OWNER_STATE", &state)
        // What it cannot remove itself, it leaves where this test does.
        .env("TMPDIR", house.dir.path())
        .env("OWNER_BASE", house.dir.path().join("base"))
        .spawn()
        .expect("an owner");
    eventually("its box works", || !processes("7103").is_empty());
    owner.kill().expect("killed");
    owner.wait().expect("collected");
    eventually("its box is gone", || processes("7103").is_empty());
    eventually("its directories too", || std::fs::read_dir(&state).expect("state").count() == 0);
}

/// The owner that the test above kills. Does nothing when the tests are run.
#[test]
fn be_an_owner() {
    let (Some(state), Some(base)) =
        (std::env::var_os("OWNER_STATE"), std::env::var_os("OWNER_BASE"))
    else {
        return;
    };
    let house = House::new();
    let program = greenroom_boxes::sandbox::Launch::Program(
        env!("CARGO_BIN_EXE_greenroom-box-spawner").into(),
    );
    let level = greenroom_boxes::sandbox::Namespace::open(&program, &PathBuf::from(state));
    let level = level.expect("a spawner");
    let mut spec = house.spec("owned");
    spec.lower = vec![PathBuf::from(base)];
    let sandbox = level.create(&spec).expect("a box");
    let running = sandbox.exec(&command(&["sleep", "7103"])).expect("sleep");
    let _ = running.wait(b"", 0, &mut |_, _| {});
}

#[test]
fn a_killed_spawner_takes_its_boxes_along_and_the_next_one_cleans_up() {
    let mut house = House::new();
    let level = house.level.take().expect("level");
    let spawner = level.spawner_pid();
    let sandbox = level.create(&house.spec("orphan")).expect("a box");
    let running = sandbox.exec(&command(&["sleep", "7104"])).expect("sleep");
    kill(spawner);
    eventually("the box is gone", || processes("7104").is_empty());
    assert!(matches!(running.wait(b"", 0, &mut |_, _| {}), Err(Error::Gone { .. })));
    assert!(matches!(level.create(&house.spec("more")).err(), Some(Error::Spawner)));
    assert!(sandbox.upper().expect("on disk").exists());
    let next = house.open();
    assert!(!house.state().join(format!("spawner-{spawner}")).exists());
    assert!(cgroups(spawner).is_empty());
    let sandbox = next.create(&house.spec("orphan")).expect("the name is free");
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
}

/// The number of a process is used again: what one of that number has left elsewhere.
#[test]
fn what_another_spawner_of_its_number_left_is_no_reason_to_end_a_box() {
    let house = House::new();
    let sandbox = house.spawn("lives");
    let spawner = house.level().spawner_pid();
    let noted = house.state().join(format!("spawner-{spawner}/cgroups"));
    let own = std::fs::read_to_string(noted).expect("a list");
    let left = house.dir.path().join("other").join(format!("spawner-{spawner}"));
    std::fs::create_dir_all(&left).expect("a folder");
    let found = std::fs::metadata(&left).expect("there");
    let of = format!("{}:{}", found.dev(), found.ino());
    let old = own.lines().skip(1).map(|root| {
        let above = std::path::Path::new(root).parent().expect("above it");
        "\n".to_owned() + &above.join(format!("greenroom-{spawner}")).display().to_string()
    });
    std::fs::write(left.join("cgroups"), of + &old.collect::<String>()).expect("a list");
    let other = house.dir.path().join("other");
    let _other = greenroom_boxes::sandbox::Namespace::open(&house.launch(), &other);
    assert!(!left.exists(), "that was cleared");
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
}

/// As a project with boxes is copied.
#[test]
fn what_is_copied_of_a_spawner_is_no_reason_to_end_its_boxes() {
    let house = House::new();
    let sandbox = house.spawn("first");
    let copy = house.dir.path().join("copy");
    let copied = Command::new("cp").arg("-a").args([house.state(), copy.clone()]).status();
    assert!(copied.expect("cp").success());
    let _other = greenroom_boxes::sandbox::Namespace::open(&house.launch(), &copy);
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
    house.spawn("second").destroy().expect("destroyed");
}

#[test]
fn cgroups_of_which_nobody_tells_any_more_are_removed_by_the_next_spawner() {
    let mut house = House::new();
    let level = house.level.take().expect("level");
    let spawner = level.spawner_pid();
    let sandbox = level.create(&house.spec("lost")).expect("a box");
    let _running = sandbox.exec(&command(&["sleep", "7106"])).expect("sleep");
    kill(spawner);
    eventually("the box is gone", || processes("7106").is_empty());
    std::fs::remove_dir_all(house.state()).expect("removed");
    eventually("its cgroups too", || {
        drop(house.open());
        cgroups(spawner).is_empty()
    });
}

#[test]
fn a_dead_box_is_reported_and_can_be_made_again() {
    let house = House::new();
    let sandbox = house.spawn("dies");
    let _running = sandbox.exec(&command(&["sleep", "7105"])).expect("sleep");
    let minder = parent(process("7105"));
    kill(parent(minder));
    eventually("the spawner noticed", || sandbox.usage().is_err());
    assert!(matches!(sandbox.exec(&command(&["true"])), Err(Error::Gone { .. })));
    let again = house.spawn("dies");
    drop(sandbox);
    assert_eq!(run(&*again, &command(&["true"])).finished.end, End::Code(0), "not the old one");
    again.destroy().expect("destroyed");
}

#[test]
fn hundred_boxes_come_and_go() {
    let house = House::new();
    let boxes: Vec<_> = (0..100).map(|index| house.spawn(&format!("box-{index}"))).collect();
    for sandbox in &boxes {
        assert_eq!(run(&**sandbox, &command(&["true"])).finished.end, End::Code(0));
    }
    for sandbox in boxes {
        sandbox.destroy().expect("destroyed");
    }
    let dir = house.state().join(format!("spawner-{}", house.level().spawner_pid()));
    let left: Vec<_> = std::fs::read_dir(dir).expect("dir").flatten().collect();
    assert_eq!(left.len(), 3, "the lock, the list of cgroups, what is made ahead: {left:?}");
}

/// What goes with a minder that was lost is what ran then, and nothing that was begun since.
#[test]
fn a_command_after_one_whose_minder_was_lost_runs() {
    let house = House::new();
    let sandbox = house.spawn("after");
    for _ in 0..100 {
        for signal in ["KILL", "STOP"] {
            let lost = sh(&format!("sleep 50 & kill -{signal} $PPID; sleep 50"));
            let ended = sandbox.exec(&lost).and_then(|running| running.output(b"", 0));
            assert!(matches!(ended, Err(Error::Gone { .. })), "{ended:?}");
            assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
        }
    }
}
