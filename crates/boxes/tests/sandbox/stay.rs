//! Boxes that outlive their owners: a spawner that stays, boxes adopted, owners killed.

use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use greenroom_boxes::sandbox::{
    End, Enforcement, Error, Launch, Level, Listen, Namespace, Sandbox, SandboxSpec,
};

use crate::end::{cgroups, kill, parent, process, processes};
use crate::house::{House, command, eventually, pause, run, sh, text};
use crate::spawner::end_staying;

/// A house whose staying spawner, if there is one, ends with it.
struct Lodge {
    house: House,
}

impl Lodge {
    fn new() -> Self {
        let mut house = House::new();
        house.level = None;
        Self { house }
    }

    fn attach(&self) -> Namespace {
        Namespace::attach(&self.house.launch(), &self.house.state()).expect("a spawner")
    }

    fn spec(&self, id: &str) -> SandboxSpec {
        self.house.spec(id)
    }

    fn socket(&self) -> PathBuf {
        self.house.state().join("spawner.sock")
    }

    /// Another process of this test program that plays the part.
    fn play(&self, part: &str) -> Child {
        Command::new(std::env::current_exe().expect("this"))
            .args(["--exact", "stay::play_a_part", "--nocapture"])
            .env("STAY_PART", part)
            .env("STAY_STATE", self.house.state())
            .env("STAY_BASE", self.house.dir.path().join("base"))
            .env("TMPDIR", self.house.dir.path())
            .spawn()
            .expect("a player")
    }
}

impl Drop for Lodge {
    fn drop(&mut self) {
        end_staying(&self.house.state());
    }
}

/// Ends when told to die by its killer, not by itself.
fn linger() -> ! {
    loop {
        pause(1000);
    }
}

/// What other processes do in these tests. Does nothing when the tests are run.
#[test]
fn play_a_part() {
    let Some(part) = std::env::var_os("STAY_PART") else { return };
    let var = |name| PathBuf::from(std::env::var_os(name).expect(name));
    let program = env!("CARGO_BIN_EXE_greenroom-box-spawner");
    let program = std::env::var_os("GREENROOM_BOX_SPAWNER").unwrap_or_else(|| program.into());
    let level = Namespace::attach(&Launch::Program(program.into()), &var("STAY_STATE"));
    let level = level.expect("attached");
    match part.to_str() {
        Some("attach") => {
            println!("{}", level.spawner_pid());
            pause(300);
        }
        Some("own") => {
            let mut spec = House::new().spec("kept");
            spec.lower = vec![var("STAY_BASE")];
            spec.listen = vec![Listen::Unix { path: "/run/greenroom/hub.sock".into() }];
            let sandbox = level.create(&spec).expect("a box");
            let mut file = sandbox.create_file(Path::new("/etc/mine"), 0o644).expect("a file");
            file.write_all(b"written").expect("written");
            let mut background = sh("sleep 7201 & echo started");
            background.keep_background = true;
            run(&*sandbox, &background);
            let mut kept = sh("sleep 1; echo late > /tmp/late; exec sleep 7203");
            kept.keep_background = true;
            let _kept = sandbox.exec(&kept).expect("kept");
            let _inflight = sandbox.exec(&command(&["sleep", "7202"])).expect("in flight");
            std::fs::write(var("STAY_STATE").with_file_name("ready"), "").expect("ready");
            linger();
        }
        Some("many") => {
            let sandbox = level.adopt("shared").expect("asked").expect("there");
            for index in 0..40 {
                let said = text(&run(&*sandbox, &sh(&format!("echo other {index}"))));
                assert_eq!(said, format!("other {index}\n"));
            }
        }
        Some("still") => {
            let sandbox = level.adopt("beat").expect("asked").expect("there");
            sandbox.freeze_for_now().expect("frozen");
            std::fs::write(var("STAY_STATE").with_file_name("ready"), "").expect("ready");
            linger();
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_killed_owner_leaves_its_boxes_to_the_next() {
    let lodge = Lodge::new();
    let mut owner = lodge.play("own");
    let ready = lodge.house.state().with_file_name("ready");
    eventually("the box works", || ready.exists());
    process("7202");
    owner.kill().expect("killed");
    owner.wait().expect("collected");
    eventually("what was in flight is killed", || processes("7202").is_empty());
    let level = lodge.attach();
    let boxes = level.boxes().expect("boxes");
    assert_eq!(boxes.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["kept"]);
    assert_eq!(boxes[0].listen.len(), 1);
    let sandbox = level.adopt("kept").expect("asked").expect("there");
    assert_eq!(sandbox.upper(), boxes[0].upper.as_deref());
    assert_eq!(text(&run(&*sandbox, &sh("cat /etc/mine"))), "written");
    assert_eq!(processes("7201").len(), 1, "what was kept lives");
    eventually("a command that may outlive its owner goes on", || {
        sandbox.open_file(Path::new("/tmp/late")).is_ok() && processes("7203").len() == 1
    });
    // Its sockets are served by the new owner.
    let hub = sandbox.listeners().expect("sockets").remove(0);
    let hub = std::os::unix::net::UnixListener::from(hub);
    let ask = "import socket; s = socket.socket(socket.AF_UNIX); \
               s.connect('/run/greenroom/hub.sock'); print(s.recv(9).decode())";
    let running = sandbox.exec(&command(&["python3", "-c", ask])).expect("python");
    hub.accept().expect("it comes").0.write_all(b"new owner").expect("said");
    assert_eq!(text(&running.output(b"", 100).expect("ends")), "new owner\n");
    let upper = sandbox.upper().expect("on disk").to_owned();
    sandbox.destroy().expect("destroyed");
    assert_eq!(processes("7201"), [] as [u32; 0]);
    assert!(!upper.parent().expect("its directory").exists());
    assert!(level.boxes().expect("boxes").is_empty());
    assert!(level.adopt("kept").expect("asked").is_none());
}

#[test]
fn a_dropped_handle_ends_nothing_and_a_box_dies_for_all() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    drop(level.create(&lodge.spec("stays")).expect("a box"));
    let error = level.create(&lodge.spec("stays")).err().expect("its name is taken").to_string();
    assert!(error.contains("living box's"), "{error}");
    let (one, two) = (level.adopt("stays"), lodge.attach().adopt("stays"));
    let (one, two) = (one.expect("asked").expect("one"), two.expect("asked").expect("two"));
    assert_eq!(text(&run(&*one, &sh("echo x > /etc/x; echo one"))), "one\n");
    assert_eq!(text(&run(&*two, &sh("cat /etc/x"))), "x\n");
    one.destroy().expect("destroyed");
    assert!(matches!(two.exec(&command(&["true"])), Err(Error::Gone { .. })));
    two.destroy().expect("that it is gone already is no error");
    // One that dies by itself takes its directory along, with nobody asking.
    let dies = level.create(&lodge.spec("dies")).expect("a box");
    let _running = dies.exec(&command(&["sleep", "7211"])).expect("sleep");
    kill(parent(parent(process("7211"))));
    let upper = dies.upper().expect("on disk").parent().expect("its directory").to_owned();
    eventually("its directory is gone", || !upper.exists());
    assert!(level.adopt("dies").expect("asked").is_none());
    level.create(&lodge.spec("dies")).expect("the name is free").destroy().expect("destroyed");
}

#[test]
fn an_upper_of_ones_own_stays_and_can_be_used_again_at_once() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let head = lodge.house.dir.path().join("head");
    let mut spec = lodge.spec("head");
    spec.upper = greenroom_boxes::sandbox::Upper::Directory(head.clone());
    for round in 0..10 {
        spec.id = format!("head-{round}");
        let sandbox = level.create(&spec).expect("a box");
        run(&*sandbox, &sh(&format!("echo {round} >> /etc/rounds")));
        sandbox.destroy().expect("destroyed");
        assert!(!head.join("work").exists());
    }
    let rounds = std::fs::read_to_string(head.join("upper/etc/rounds")).expect("rounds");
    assert_eq!(rounds.lines().count(), 10);
}

#[test]
fn two_owners_use_one_box_at_once() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let mut spec = lodge.spec("shared");
    spec.limits.pids = Some(200);
    let first = level.create(&spec).expect("a box");
    let mut other = lodge.play("many");
    let second = lodge.attach().adopt("shared").expect("asked").expect("there");
    std::thread::scope(|scope| {
        for (name, sandbox) in [("first", &first), ("second", &second)] {
            for thread in 0..3 {
                scope.spawn(move || {
                    for index in 0..15 {
                        let word = format!("{name}-{thread}-{index}");
                        let said = text(&run(&**sandbox, &sh(&format!("echo {word}"))));
                        assert_eq!(said, format!("{word}\n"));
                        let path = PathBuf::from(format!("/tmp/{word}"));
                        let mut file = sandbox.create_file(&path, 0o600).expect("made");
                        file.write_all(word.as_bytes()).expect("written");
                        let mut read = String::new();
                        let mut file = sandbox.open_file(&path).expect("opened");
                        std::io::Read::read_to_string(&mut file, &mut read).expect("read");
                        assert_eq!(read, word);
                    }
                });
            }
        }
    });
    assert!(other.wait().expect("ends").success(), "the other process got its own answers");
    first.destroy().expect("destroyed");
}

/// What one owner freezes the other finds frozen, and what it asked then is not done later.
#[test]
fn frozen_by_one_owner_is_frozen_for_the_other() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let one = level.create(&lodge.spec("ice")).expect("a box");
    if one.enforced().freeze != Enforcement::Cgroup {
        return one.destroy().expect("destroyed");
    }
    let two = level.adopt("ice").expect("asked").expect("there");
    one.freeze().expect("frozen");
    let late = two.exec(&sh("echo x > /etc/late"));
    assert!(matches!(late, Err(Error::Frozen { .. })), "{late:?}");
    assert!(level.boxes().expect("boxes")[0].frozen);
    let three = level.adopt("ice").expect("asked").expect("there");
    assert!(matches!(three.connect(80), Err(Error::Frozen { .. })));
    two.thaw().expect("thawed");
    for sandbox in [&one, &two, &three] {
        let seen = text(&run(&**sandbox, &sh("sleep 0.2; ls /etc/late 2>&1 | grep -c 'No such'")));
        assert_eq!(seen, "1\n");
    }
    two.freeze().expect("frozen");
    one.destroy().expect("a frozen box can be ended");
}

#[test]
fn a_box_that_stands_still_for_a_moment_goes_on_when_who_asked_is_killed() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let sandbox = level.create(&lodge.spec("beat")).expect("a box");
    let mut beat = sh("while :; do echo x >> /etc/beat; sleep 0.02; done > /dev/null 2>&1 &");
    beat.keep_background = true;
    run(&*sandbox, &beat);
    let beats = sandbox.upper().expect("on disk").join("etc/beat");
    let length = || std::fs::metadata(&beats).map_or(0, |meta| meta.len());
    let goes_on = || {
        let first = length();
        pause(300);
        length() > first
    };
    assert!(goes_on());
    let mut other = lodge.play("still");
    let ready = lodge.house.state().with_file_name("ready");
    eventually("it stands still", || ready.exists());
    assert!(!goes_on());
    other.kill().expect("killed");
    other.wait().expect("collected");
    eventually("it goes on", goes_on);
    // What somebody froze for good stays so.
    sandbox.freeze().expect("frozen");
    drop(lodge.attach());
    assert!(!goes_on());
    sandbox.thaw().expect("thawed");
    eventually("it goes on again", goes_on);
    sandbox.destroy().expect("destroyed");
}

#[test]
fn a_killed_spawner_takes_its_boxes_along_and_the_next_cleans_up() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let spawner = level.spawner_pid();
    let sandbox = level.create(&lodge.spec("orphan")).expect("a box");
    let _running = sandbox.exec(&command(&["sleep", "7221"])).expect("sleep");
    kill(spawner);
    eventually("the box is gone", || processes("7221").is_empty());
    assert!(matches!(level.boxes(), Err(Error::Spawner)));
    assert!(matches!(sandbox.exec(&command(&["true"])), Err(Error::Gone { .. })));
    let next = lodge.attach();
    assert_ne!(next.spawner_pid(), spawner);
    assert!(!lodge.house.state().join(format!("spawner-{spawner}")).exists());
    assert!(cgroups(spawner).is_empty());
    assert!(next.boxes().expect("boxes").is_empty());
    let again = next.create(&lodge.spec("orphan")).expect("the name is free");
    again.destroy().expect("destroyed");
}

/// What runs in a box without anybody who waits for it.
fn leave_running(sandbox: &dyn Sandbox, seconds: &str) {
    let mut background = sh(&format!("sleep {seconds} > /dev/null 2>&1 &"));
    background.keep_background = true;
    run(sandbox, &background);
    process(seconds);
}

#[test]
fn a_spawner_whose_folder_is_removed_ends_with_its_boxes() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let spawner = level.spawner_pid();
    let sandbox = level.create(&lodge.spec("lost")).expect("a box");
    leave_running(&*sandbox, "7231");
    // Nobody asks it anything, and nothing is limited that it had to look at.
    drop((sandbox, level));
    let state = lodge.house.state();
    // Without rights over all files only the spawner can remove what the kernel has in it.
    let remove = || Command::new("rm").arg("-rf").arg(&state).status().expect("rm").success();
    eventually("it is removed", remove);
    eventually("the box has ended", || processes("7231").is_empty());
    let process = PathBuf::from(format!("/proc/{spawner}"));
    eventually("the spawner has ended", || !process.exists());
    assert!(cgroups(spawner).is_empty());
    assert!(!state.exists(), "nothing of it is made anew");
}

#[test]
fn a_spawner_whose_folder_is_moved_stays_and_is_found_there() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let sandbox = level.create(&lodge.spec("moved")).expect("a box");
    leave_running(&*sandbox, "7232");
    drop(sandbox);
    let away = lodge.house.dir.path().join("away");
    std::fs::rename(lodge.house.state(), &away).expect("moved");
    // It is told of this as of a removal, and looks again whenever it is asked something.
    let socket = away.join("spawner.sock");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).expect("changed");
    for _ in 0..3 {
        assert_eq!(level.boxes().expect("it answers").len(), 1);
    }
    let there = Namespace::attach(&lodge.house.launch(), &away).expect("it is found");
    assert_eq!(there.spawner_pid(), level.spawner_pid());
    assert_eq!(processes("7232").len(), 1);
    std::fs::rename(&away, lodge.house.state()).expect("moved back");
    there.adopt("moved").expect("asked").expect("there").destroy().expect("destroyed");
}

#[test]
fn attaching_at_once_gives_one_spawner_and_idle_it_ends() {
    let lodge = Lodge::new();
    let players: Vec<_> = (0..8)
        .map(|_| {
            Command::new(std::env::current_exe().expect("this"))
                .args(["--exact", "stay::play_a_part", "--nocapture"])
                .env("STAY_PART", "attach")
                .env("STAY_STATE", lodge.house.state())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("a player")
        })
        .collect();
    let pid = |player: Child| {
        let output = player.wait_with_output().expect("ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let pid = said.lines().find_map(|line| line.parse::<u32>().ok());
        pid.unwrap_or_else(|| panic!("no spawner: {said}"))
    };
    let pids: std::collections::BTreeSet<u32> = players.into_iter().map(pid).collect();
    assert_eq!(pids.len(), 1, "{pids:?}");
    let spawner = *pids.first().expect("one");
    // As a daemon has it, and for this user alone.
    let stat = std::fs::read_to_string(format!("/proc/{spawner}/stat")).expect("stat");
    let words: Vec<_> = stat.rsplit(')').next().expect("rest").split_whitespace().collect();
    assert_eq!(words[3], spawner.to_string(), "a session of its own");
    assert_eq!(words[4], "0", "no terminal");
    let link = |name: &str| std::fs::read_link(format!("/proc/{spawner}/{name}")).expect(name);
    assert_eq!(link("cwd"), Path::new("/"));
    for fd in 0..3 {
        assert_eq!(link(&format!("fd/{fd}")), Path::new("/dev/null"));
    }
    let socket = std::fs::metadata(lodge.socket()).expect("socket");
    assert!(socket.file_type().is_socket() && socket.mode() & 0o777 == 0o600);
    assert_eq!(std::fs::metadata(lodge.house.state()).expect("state").mode() & 0o777, 0o700);
    // Ten seconds and some.
    pause(5_000);
    assert!(lodge.socket().exists(), "not at once");
    eventually("it has ended", || !Path::new(&format!("/proc/{spawner}")).exists());
    assert_eq!(std::fs::read_dir(lodge.house.state()).expect("state").count(), 0);
    assert!(cgroups(spawner).is_empty());
    // And another can be had.
    assert_ne!(lodge.attach().spawner_pid(), spawner);
}

#[test]
fn many_boxes_are_listed_in_pages() {
    let lodge = Lodge::new();
    let level = lodge.attach();
    let made: Vec<_> = (10..50).map(|index| format!("box-{index}")).collect();
    for id in &made {
        level.create(&lodge.spec(id)).expect("a box");
    }
    let listed: Vec<_> = level.boxes().expect("boxes").into_iter().map(|one| one.id).collect();
    assert_eq!(listed, made);
    for id in made {
        level.adopt(&id).expect("asked").expect("there").destroy().expect("destroyed");
    }
}

/// What stands at the door is a spawner of another version.
#[test]
fn another_protocol_is_a_clear_error() {
    use rustix::net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept, bind, listen, send,
        socket_with,
    };
    let lodge = Lodge::new();
    std::fs::create_dir_all(lodge.house.state()).expect("state");
    let kind = SocketType::SEQPACKET;
    let door = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).expect("socket");
    bind(&door, &SocketAddrUnix::new(lodge.socket()).expect("a name")).expect("bound");
    listen(&door, 1).expect("listens");
    let hello = br#"{"protocol":4711,"version":"9.9.9","pid":1,"more":["of","later"]}"#;
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            let owner = accept(&door).expect("an owner");
            send(&owner, hello, rustix::net::SendFlags::empty()).expect("said");
        });
        Namespace::attach(&lodge.house.launch(), &lodge.house.state())
    });
    let error = error.expect_err("refused").to_string();
    for part in ["protocol 4711", "Greenroom 9.9.9", "end its boxes with the version"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_program_that_is_no_spawner_says_so_and_leaves_the_door_free() {
    let lodge = Lodge::new();
    let error = Namespace::attach(&Launch::Program("/usr/bin/true".into()), &lodge.house.state());
    let error = error.expect_err("no spawner").to_string();
    assert!(error.contains("`namespace` is missing") && error.contains("spawner_main"), "{error}");
    let sandbox = lodge.attach().create(&lodge.spec("after")).expect("a box");
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
    sandbox.destroy().expect("destroyed");
}

/// A box of a spawner that is its owner's alone is nobody else's.
#[test]
fn boxes_of_a_spawner_of_ones_own_are_not_adopted() {
    let house = House::new();
    let _sandbox = house.spawn("own");
    assert!(house.level().boxes().expect("asked").is_empty());
    assert!(house.level().adopt("own").expect("asked").is_none());
}
