//! Attacks that are more than one command: on the owner's own interface, on the minders, on
//! layers, on time. Each with its proof that the attack is one.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use greenroom_boxes::sandbox::{End, Error, Launch, Level, Namespace, Upper};

use crate::house::{House, command, eventually, pause, run, sh, text};
use crate::world::PYTHON;

/// The owner is asked for a file of the box, and a link there leads to the init's own secrets.
#[test]
fn a_planted_link_does_not_show_the_inits_own_files() {
    let house = House::new();
    let sandbox = house.spawn("links");
    let plant = "ln -s /proc/self/environ /environ; ln -s /proc/self/mem /mem; \
                 ln -s /proc/self/exe /exe";
    run(&*sandbox, &sh(plant));
    for link in ["/environ", "/mem", "/exe"] {
        assert!(sandbox.open_file(Path::new(link)).is_err(), "{link}");
        assert!(sandbox.create_file(Path::new(link), 0o600).is_err(), "{link}");
    }
    let outside = house.dir.path().join("environ");
    symlink("/proc/self/environ", &outside).expect("link");
    std::fs::read(&outside).expect("without the box such a link shows this process's own");
}

/// What a box could overwrite by `/proc/self/exe` (CVE-2019-5736) is a sealed copy.
#[test]
fn the_program_behind_the_init_cannot_be_changed() {
    let house = House::new();
    let sandbox = house.spawn("exe");
    // The command's process is the spawner's program until the exec, and here also after it.
    let output = run(&*sandbox, &command(&["/proc/self/exe"]));
    assert!(text(&output).contains("is started by Greenroom"), "{}", text(&output));
    let spawner = format!("/proc/{}/exe", house.level().spawner_pid());
    let program = std::fs::read_link(&spawner).expect("the program");
    assert!(program.to_string_lossy().contains("memfd:"), "{}", program.display());
    let changed = std::fs::OpenOptions::new().write(true).open(&spawner);
    assert!(changed.is_err(), "by anybody, as it runs");
    let seals = rustix::fs::fcntl_get_seals(std::fs::File::open(&spawner).expect("opened"));
    assert!(seals.expect("seals").contains(rustix::fs::SealFlags::WRITE), "nor when it does not");
}

/// Marks with which an overlay is told that a directory hides what is below it.
#[test]
fn a_box_cannot_forge_the_overlays_own_marks() {
    let house = House::new();
    let mut spec = house.spec("forge");
    let head = house.dir.path().join("head");
    spec.upper = Upper::Directory(head.clone());
    let sandbox = house.level().create(&spec).expect("a box");
    let forge = "import os\n\
                 os.mkdir('/etc/deep')\n\
                 for name in ('opaque', 'redirect', 'metacopy', 'whiteout'):\n\
                 \x20   try: os.setxattr('/etc', 'user.overlay.' + name, b'y')\n\
                 \x20   except OSError: pass\n";
    run(&*sandbox, &command(&[PYTHON, "-c", forge]));
    let mut names = vec![0_u8; 4096];
    let listed = rustix::fs::listxattr(head.join("upper/etc"), &mut names).expect("listed");
    let names = String::from_utf8_lossy(&names[..listed]).into_owned();
    for name in names.split('\0') {
        let forged = ["opaque", "redirect", "metacopy", "whiteout"];
        let forged = forged.map(|mark| format!("user.overlay.{mark}"));
        assert!(!forged.contains(&name.to_owned()), "{name} was written as the overlay's own");
    }
    // Whoever writes to the directory itself can: it is where the marks are kept.
    let none = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(head.join("upper/etc"), "user.overlay.opaque", b"y", none).expect("set");
}

/// A daemon that leaves its session behind and acts when the time is long up.
#[test]
fn nothing_acts_after_its_time() {
    let house = House::new();
    let sandbox = house.spawn("late");
    let late =
        |place: &str| format!("(setsid sh -c 'sleep 0.8; echo late > {place}/late' &) ; sleep 30");
    let mut spec = sh(&late("/tmp"));
    spec.timeout_ms = Some(200);
    assert_eq!(run(&*sandbox, &spec).finished.end, End::TimedOut);
    let place = house.dir.path().display().to_string();
    let mut leader = Command::new("sh").args(["-c", &late(&place)]).spawn().expect("sh");
    pause(200);
    leader.kill().expect("killed");
    leader.wait().expect("collected");
    eventually("it acts without the box", || house.dir.path().join("late").exists());
    pause(200);
    assert!(sandbox.open_file(Path::new("/tmp/late")).is_err(), "it acted in the box");
}

/// Breeding faster than it can be listed.
#[test]
fn a_bomb_ends_with_its_time() {
    let house = House::new();
    let mut spec = house.spec("bomb");
    spec.limits.pids = Some(60);
    let sandbox = house.level().create(&spec).expect("a box");
    let bomb = "import os, time\n\
                while True:\n\
                \x20   try: os.fork()\n\
                \x20   except OSError: time.sleep(0.001)\n\
                \x20   if os.fork() if False else os.getppid() == -1: break\n";
    let mut exec = command(&[PYTHON, "-c", bomb]);
    exec.timeout_ms = Some(500);
    let ended = sandbox.exec(&exec).expect("it starts").output(b"", 1000);
    match ended {
        Ok(output) => assert_eq!(output.finished.end, End::TimedOut),
        // It outran its minder, and all of the box was killed for it.
        Err(error) => assert!(matches!(error, Error::Gone { .. }), "{error}"),
    }
    let count = sh("ls -d /proc/[0-9]* | wc -l");
    let left = text(&run(&*sandbox, &count));
    assert!(left.trim().parse::<u32>().expect("a number") < 8, "{left} processes are left");
}

/// A command kills its own minder, to be minded no longer.
#[test]
fn killing_the_minder_is_the_end_of_everything() {
    let house = House::new();
    let sandbox = house.spawn("minder");
    let escape =
        "setsid sh -c 'sleep 0.5; echo free > /tmp/free; sleep 30' & kill -9 $PPID; sleep 9";
    // It may be quicker than the word that it has started.
    let ended = sandbox.exec(&sh(escape)).and_then(|running| running.output(b"", 1000));
    let error = ended.expect_err("lost");
    assert!(matches!(error, Error::Gone { .. }), "{error}");
    pause(800);
    assert!(sandbox.open_file(Path::new("/tmp/free")).is_err(), "it lived on");
    // Nor is stopping it a way to have more time.
    let mut stop = sh("kill -STOP $PPID; sleep 30");
    stop.timeout_ms = Some(20_000);
    let ended = sandbox.exec(&stop).and_then(|running| running.output(b"", 1000));
    assert!(matches!(ended, Err(Error::Gone { .. })), "{ended:?}");
    assert_eq!(run(&*sandbox, &sh("kill -9 1; kill -15 1; kill -19 1")).finished.end, End::Code(0));
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0), "the init lives");
    let parent = "sleep 5 & kill -9 $$";
    let done =
        Command::new("sh").args(["-c", &format!("sh -c 'kill -9 $PPID'; {parent}")]).status();
    assert!(!done.expect("sh").success(), "without the box a parent can be killed like that");
}

/// Layers that hold links where the box's own mounts belong.
#[test]
fn a_layer_with_a_link_for_proc_is_refused() {
    for (name, to) in [("proc", "/etc"), ("dev", "/tmp"), ("tmp", "../../../..")] {
        let house = House::new();
        let layer = house.dir.path().join("layer");
        std::fs::create_dir(&layer).expect("dir");
        symlink(to, layer.join(name)).expect("link");
        let mut spec = house.spec("bad-layer");
        spec.lower.push(layer.clone());
        let error = house.level().create(&spec).err().expect("refused").to_string();
        assert!(error.contains(&format!("the layers hold a `/{name}`")), "{error}");
        std::fs::metadata(layer.join(name)).expect("without the box it leads somewhere");
    }
}

/// A bind's target is found within the box's root, whatever the layers say.
#[test]
fn a_layer_cannot_lead_a_bind_astray() {
    let house = House::new();
    let layer = house.dir.path().join("layer");
    let outside = house.dir.path().join("outside");
    std::fs::create_dir(&layer).expect("dir");
    std::fs::create_dir(&outside).expect("dir");
    symlink(&outside, layer.join("data")).expect("link");
    let mut spec = house.spec("astray");
    spec.lower.push(layer);
    spec.binds.push(greenroom_boxes::sandbox::Bind {
        source: "/usr/share".into(),
        target: "/data".into(),
        writable: false,
    });
    let made = house.level().create(&spec);
    assert!(made.is_err(), "the link leads to nothing in the box");
    assert_eq!(std::fs::read_dir(&outside).expect("dir").count(), 0);
}

/// A program that is no spawner.
#[test]
fn a_wrong_program_is_an_error_and_no_weaker_box() {
    let house = House::new();
    let error = Namespace::open(&Launch::Program("/usr/bin/true".into()), &house.state());
    let error = error.expect_err("no spawner").to_string();
    assert!(error.contains("`namespace` is missing") && error.contains("spawner_main"), "{error}");
}
