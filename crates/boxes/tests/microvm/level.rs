//! Boxes from their start to their end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use greenroom_boxes::microvm::{Microvm, Settings};
use greenroom_boxes::sandbox::{
    Bind, End, Error, ExecSpec, Level, Limits, Listen, Output, Sandbox, SandboxSpec, Upper,
};

use crate::monitor;

struct House {
    level: Microvm,
    dir: tempfile::TempDir,
}

impl House {
    fn new(faulty: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let level = House::level(dir.path(), faulty);
        Self { level, dir }
    }

    /// As another process has it.
    fn level(dir: &Path, faulty: bool) -> Microvm {
        fs::create_dir_all(dir.join("base/etc")).expect("a layer");
        fs::write(dir.join("base/etc/note"), "from the layer").expect("a file");
        fs::write(dir.join("agent"), "agent").expect("an agent");
        let settings = Settings {
            vmm: monitor::program(dir, faulty),
            kernel: "/no/kernel/is/read/here".into(),
            agent: dir.join("agent"),
        };
        Microvm::unproven(settings, &dir.join("state"))
    }

    fn spec(&self) -> SandboxSpec {
        spec(self.dir.path())
    }

    fn spawn(&self) -> Box<dyn Sandbox> {
        self.level.create(&self.spec()).expect("a box")
    }

    /// Directories of machines.
    fn left(&self) -> Vec<PathBuf> {
        let read = fs::read_dir(self.dir.path().join("state")).into_iter().flatten().flatten();
        read.map(|entry| entry.path()).collect()
    }
}

fn spec(dir: &Path) -> SandboxSpec {
    let limits = Limits {
        memory_bytes: Some(128 << 20),
        cpu_milli: Some(2000),
        pids: None,
        ..Limits::default()
    };
    SandboxSpec {
        id: "machine".to_owned(),
        lower: vec![dir.join("base")],
        upper: Upper::Memory { bytes: 1 << 20, inodes: 100 },
        binds: Vec::new(),
        listen: Vec::new(),
        limits,
    }
}

fn sh(script: &str) -> ExecSpec {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    ExecSpec { argv, env, timeout_ms: Some(20_000), ..ExecSpec::default() }
}

fn run(sandbox: &dyn Sandbox, spec: &ExecSpec) -> Output {
    sandbox.exec(spec).expect("it starts").output(b"", 1 << 20).expect("it ends")
}

#[test]
fn a_machine_is_what_was_asked_for_and_leaves_nothing() {
    let house = House::new(false);
    let sandbox = house.spawn();
    let dir = house.left().pop().expect("its directory");
    let text = fs::read_to_string(dir.join("config")).expect("the configuration");
    let config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(config["memory"]["size"], 128 << 20);
    assert_eq!(config["cpus"]["boot_vcpus"], 2);
    assert_eq!(config["payload"]["kernel"], "/no/kernel/is/read/here");
    let cmdline = config["payload"]["cmdline"].as_str().expect("text");
    assert!(cmdline.contains("rdinit=/.greenroom-guest"), "{cmdline}");
    for shared in ["net", "fs", "disks", "devices"] {
        assert!(config[shared].is_null(), "{shared}: {config}");
    }
    sandbox.freeze().expect("paused");
    assert!(matches!(sandbox.exec(&sh("true")), Err(Error::Frozen { .. })));
    sandbox.thaw().expect("resumed");
    assert_eq!(run(&*sandbox, &sh("exit 3")).finished.end, End::Code(3));
    let requests = fs::read_to_string(dir.join("requests")).expect("requests");
    let asked: Vec<_> = requests.lines().map(|line| line.rsplit('/').next()).collect();
    let wanted = ["vm.create", "vm.boot", "vm.pause", "vm.resume"].map(Some);
    assert_eq!(asked, wanted);
    sandbox.destroy().expect("ended");
    assert!(house.left().is_empty(), "{:?}", house.left());
}

#[test]
fn commands_are_as_at_other_levels() {
    let house = House::new(false);
    let sandbox = house.spawn();
    let output = run(&*sandbox, &sh("echo out; echo err >&2; env | grep -c HOME; exit 7"));
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n0\n"[..], &b"err\n"[..]));
    assert_eq!(output.finished.end, End::Code(7));
    let input = vec![b'x'; 3_000_000];
    let output = sandbox.exec(&sh("cat")).expect("cat").output(&input, 4_000_000).expect("ends");
    assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
    let mut running = sandbox.exec(&sh("echo first; read line; echo got $line")).expect("sh");
    let mut stdout = fs::File::from(running.stdout.take().expect("stdout"));
    let mut first = [0; 6];
    stdout.read_exact(&mut first).expect("before any input");
    let mut stdin = fs::File::from(running.stdin.take().expect("stdin"));
    stdin.write_all(b"it\n").expect("written");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the rest");
    assert_eq!(rest, "got it\n");
    let mut spec = sh("sleep 60 & sleep 60");
    spec.timeout_ms = Some(200);
    assert_eq!(run(&*sandbox, &spec).finished.end, End::TimedOut);
    let running = sandbox.exec(&sh("kill -STOP $$")).expect("starts");
    running.signal(15).expect("sent");
    running.kill().expect("killed");
    let finished = running.wait(b"", 0, &mut |_, _| {}).expect("ends");
    assert!(matches!(finished.end, End::Signal(9 | 15)), "{finished:?}");
    let spec = ExecSpec { argv: vec!["/no/such".to_owned()], ..sh("") };
    let error = sandbox.exec(&spec).expect_err("no program");
    assert!(error.to_string().contains("No such file"), "{error}");
}

#[test]
fn files_are_read_through_a_command() {
    let house = House::new(false);
    let sandbox = house.spawn();
    let note = house.dir.path().join("base/etc/note");
    let mut text = String::new();
    sandbox.open_file(&note).expect("opens").read_to_string(&mut text).expect("read");
    assert_eq!(text, "from the layer");
    let error = sandbox.open_file("/no/such".as_ref()).expect_err("no file");
    assert!(error.to_string().contains("No such file"), "{error}");
    let error = sandbox.create_file("/x".as_ref(), 0o600).expect_err("not here");
    assert!(error.to_string().contains("cat > PATH"), "{error}");
}

#[test]
fn a_monitor_that_dies_is_told_and_its_box_with_it() {
    let house = House::new(false);
    let sandbox = house.spawn();
    let running = sandbox.exec(&sh("sleep 0.3; kill -9 $PPID; sleep 2")).expect("starts");
    let error = running.wait(b"", 0, &mut |_, _| {}).expect_err("lost");
    assert!(matches!(error, Error::Gone { .. }), "{error}");
    let error = sandbox.exec(&sh("true")).expect_err("gone");
    assert!(matches!(error, Error::Gone { .. }), "{error}");
    sandbox.destroy().expect("ended");
    assert!(house.left().is_empty());
}

#[test]
fn a_machine_that_does_not_boot_leaves_nothing() {
    let house = House::new(true);
    let error = house.level.create(&house.spec()).err().expect("it refuses");
    assert!(matches!(&error, Error::Setup { .. }), "{error}");
    assert!(error.to_string().contains("500"), "{error}");
    assert!(house.left().is_empty());
}

#[test]
fn the_layers_are_what_a_guest_begins_with() {
    let house = House::new(false);
    let base = house.dir.path().join("base");
    fs::create_dir_all(base.join("old/deep")).expect("folders");
    fs::write(base.join("old/deep/file"), "gone").expect("a file");
    std::os::unix::fs::symlink("note", base.join("etc/link")).expect("a link");
    let over = house.dir.path().join("over");
    fs::create_dir_all(over.join("etc")).expect("folder");
    fs::write(over.join("etc/note"), "from above").expect("a file");
    let whiteout = rustix::fs::FileType::CharacterDevice;
    let mode = rustix::fs::Mode::empty();
    rustix::fs::mknodat(rustix::fs::CWD, over.join("old"), whiteout, mode, 0).expect("whiteout");
    let mut spec = house.spec();
    spec.lower.push(over);
    let sandbox = house.level.create(&spec).expect("a box");
    let archive = house.left().pop().expect("its directory").join("initramfs");
    let out = house.dir.path().join("out");
    fs::create_dir(&out).expect("folder");
    unpack(&fs::read(archive).expect("the archive"), &out);
    assert_eq!(fs::read_to_string(out.join("etc/note")).expect("a file"), "from above");
    assert_eq!(fs::read_link(out.join("etc/link")).expect("a link"), PathBuf::from("note"));
    assert_eq!(fs::read_to_string(out.join(".greenroom-guest")).expect("the agent"), "agent");
    assert!(!out.join("old").exists() && out.join("proc").is_dir());
    drop(sandbox);
}

/// Reads `newc`, by its definition in the kernel's `buffer-format.rst`.
fn unpack(bytes: &[u8], to: &std::path::Path) {
    let mut at = 0;
    loop {
        let head = std::str::from_utf8(&bytes[at..at + 110]).expect("a head of text");
        assert_eq!(&head[..6], "070701");
        let field =
            |n: usize| usize::from_str_radix(&head[6 + 8 * n..14 + 8 * n], 16).expect("a number");
        let (mode, size, length) = (field(1), field(6), field(11));
        let name = &bytes[at + 110..at + 110 + length - 1];
        let name = std::str::from_utf8(name).expect("text").to_owned();
        let from = (at + 110 + length).next_multiple_of(4);
        let content = &bytes[from..from + size];
        at = (from + size).next_multiple_of(4);
        let path = to.join(&name);
        match mode & 0o170_000 {
            _ if name == "TRAILER!!!" => return,
            0o040_000 => fs::create_dir(path).expect("a folder whose parent came before"),
            0o120_000 => {
                let target = std::str::from_utf8(content).expect("text");
                std::os::unix::fs::symlink(target, path).expect("a link");
            }
            _ => fs::write(path, content).expect("a file whose folder came before"),
        }
    }
}

#[test]
fn what_this_level_does_not_have_is_refused() {
    let house = House::new(false);
    let refused = |change: &dyn Fn(&mut SandboxSpec)| {
        let mut spec = house.spec();
        change(&mut spec);
        match house.level.create(&spec).err().expect("refused") {
            Error::Invalid { field, .. } => field,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(&|spec| spec.upper = Upper::Disk), "upper");
    let bind = Bind { source: "/".into(), target: "/host".into(), writable: false };
    assert_eq!(refused(&|spec| spec.binds.push(bind.clone())), "binds");
    assert_eq!(refused(&|spec| spec.listen.push(Listen::Tcp { port: 80 })), "listen");
    assert_eq!(refused(&|spec| spec.limits.cpu_milli = Some(1500)), "limits.cpu_milli");
    assert_eq!(refused(&|spec| spec.limits.memory_bytes = Some(1 << 20)), "limits.memory_bytes");
    assert_eq!(refused(&|spec| spec.limits.file_bytes = Some(1)), "limits.file_bytes");
}

const OWNED: &str = "GREENROOM_TEST_OWNED";

/// Not told where, it owns nothing.
#[test]
fn owns_a_machine_when_it_is_told_to() {
    let Some(dir) = std::env::var_os(OWNED) else { return };
    let dir = Path::new(&dir);
    let _sandbox = House::level(dir, false).create(&spec(dir)).expect("a box");
    println!("\nowned");
    std::io::stdin().read_to_string(&mut String::new()).expect("until it is killed");
}

/// Processes with the directory on their command line.
fn monitors(dir: &Path) -> usize {
    let has = |entry: &fs::DirEntry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let state = String::from_utf8_lossy(&line).contains(&*dir.to_string_lossy());
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        state && !stat.contains(") Z ")
    };
    fs::read_dir("/proc").expect("processes").flatten().filter(has).count()
}

#[test]
fn machines_of_a_killed_owner_are_ended_at_the_next_start() {
    let house = House::new(false);
    let own = house.spawn();
    let state = house.dir.path().join("state");
    let mut owner = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "level::owns_a_machine_when_it_is_told_to", "--nocapture"])
        .env(OWNED, house.dir.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("an owner");
    let mut lines = BufReader::new(owner.stdout.take().expect("a pipe")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "owned")), "it has a machine");
    assert_eq!((house.left().len(), monitors(&state)), (2, 2));
    drop(House::level(house.dir.path(), false));
    assert_eq!((house.left().len(), monitors(&state)), (2, 2), "both owners live");
    owner.kill().expect("killed");
    owner.wait().expect("dead");
    assert_eq!((house.left().len(), monitors(&state)), (2, 2), "nobody has looked yet");
    drop(House::level(house.dir.path(), false));
    assert_eq!((house.left().len(), monitors(&state)), (1, 1), "one of them was nobody's");
    assert_eq!(run(&*own, &sh("exit 3")).finished.end, End::Code(3), "the other one goes on");
}
