//! Boxes beside what they are compared with: `bwrap`, fork and exec, a git worktree. In turns, in
//! one run, so that what else the machine does meets all of them.

use super::machine::{Watch, object, percentile, round};
use super::place::Place;
use super::plan::Args;
use greenroom_boxes::branch::{Branches, Terms};
use greenroom_boxes::sandbox::{Bind, ExecSpec, Launch, Level, Namespace, Sandbox, SandboxSpec};
use greenroom_boxes::store::Writing;
use greenroom_boxes::tree::{Entry, Manifest};
use greenroom_boxes::{BlobHash, TreePath};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// How often each is done.
const ROUNDS: usize = 50;
/// A worktree of so many files takes its time.
const WORKTREES: usize = 3;
const TREE_FILES: usize = 50_000;
const CHANGED_FILES: usize = 100;
const CHANGED_BYTES: usize = 21_000;
/// Boxes that idle at once: `--processes`.
const IDLE: usize = 100;

/// What is measured, in microseconds. `spawn_burst` is `spawn` without a moment in between;
/// `seal_100` takes in what `commit_100` then commits.
const NAMES: [&str; 11] = [
    "spawn",
    "spawn_burst",
    "first_exec",
    "destroy",
    "bwrap",
    "forkexec",
    "exec",
    "branch",
    "worktree",
    "seal_100",
    "commit_100",
];

/// Samples by name, in microseconds.
type Times = BTreeMap<&'static str, Vec<f64>>;

/// Blocks: not to be called inside an async runtime.
pub(super) fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let dir = place.directory().canonicalize()?;
    let mut times = Times::new();
    let idle_kb = sandboxes(&dir, args.processes.unwrap_or(IDLE), &mut times)?;
    branches(&dir, &mut times)?;
    worktrees(&dir, &mut times)?;
    let mut p50 = |name: &str| times.get_mut(name).map(|all| percentile(all, 0.5));
    let (spawn, bwrap) = (p50("spawn"), p50("bwrap"));
    let mut figures = object(json!({ "bench": "box" }));
    for name in NAMES {
        figures.insert(format!("{name}_p50_us"), json!(p50(name).map(round)));
    }
    let ratio = spawn.zip(bwrap).map(|(spawn, bwrap)| round(spawn / bwrap));
    figures.insert("spawn_vs_bwrap".to_owned(), json!(ratio));
    figures.insert("idle_kb_per_box".to_owned(), json!(round(idle_kb)));
    for (name, program) in [("bwrap", "bwrap"), ("worktree", "git")] {
        if !times.contains_key(name) {
            let words = format!("`{program}` is not here, so {name}_p50_us is null");
            figures.insert(format!("{name}_missing"), json!(words));
        }
    }
    Ok(figures)
}

fn sandboxes(dir: &Path, idle: usize, times: &mut Times) -> anyhow::Result<f64> {
    let base = dir.join("base");
    std::fs::create_dir_all(base.join("etc"))?;
    for name in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), base.join(name))?;
    }
    let level = Namespace::open(&Launch::Own, &dir.join("state"))?;
    let resident = level.create(&spec(dir, "resident".to_owned()))?;
    let has_bwrap = Command::new("bwrap").arg("--version").stdout(Stdio::null()).status().is_ok();
    for number in 0..ROUNDS {
        take(times, "forkexec", || succeeds(&mut Command::new("/bin/true")))?;
        if has_bwrap {
            take(times, "bwrap", || succeeds(&mut bwrap()))?;
        }
        take(times, "exec", || exec(&*resident))?;
        let one = spec(dir, format!("box-{number}"));
        let sandbox = take(times, "spawn", || Ok(level.create(&one)?))?;
        take(times, "first_exec", || exec(&*sandbox))?;
        take(times, "destroy", || Ok(sandbox.destroy()?))?;
    }
    let before = available_kb()?;
    let mut boxes = Vec::with_capacity(idle);
    for number in 0..idle {
        // One after the other, so that what the spawner makes ahead is used up.
        let one = spec(dir, format!("idle-{number}"));
        boxes.push(take(times, "spawn_burst", || Ok(level.create(&one)?))?);
    }
    let used = before - available_kb()?;
    for sandbox in boxes {
        sandbox.destroy()?;
    }
    resident.destroy()?;
    Ok(used.max(0.0) / idle.max(1) as f64)
}

fn spec(dir: &Path, id: String) -> SandboxSpec {
    let usr = Bind { source: "/usr".into(), target: "/usr".into(), writable: false };
    SandboxSpec { binds: vec![usr], ..SandboxSpec::new(id, vec![dir.join("base")]) }
}

fn exec(sandbox: &dyn Sandbox) -> anyhow::Result<()> {
    let spec = ExecSpec { argv: vec!["/bin/true".to_owned()], ..ExecSpec::default() };
    sandbox.exec(&spec)?.output(b"", 0)?;
    Ok(())
}

fn bwrap() -> Command {
    let mut bwrap = Command::new("bwrap");
    bwrap.args(["--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"]);
    bwrap.args(["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]);
    bwrap.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true"]);
    bwrap
}

fn succeeds(command: &mut Command) -> anyhow::Result<()> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = quiet.status()?;
    anyhow::ensure!(ended.success(), "{command:?}: {ended}");
    Ok(())
}

/// What the machine could still give, which also knows what the kernel holds for boxes.
fn available_kb() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kb = line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse().ok());
    kb.ok_or_else(|| anyhow::anyhow!("/proc/meminfo has no MemAvailable"))
}

fn take<T>(
    times: &mut Times,
    name: &'static str,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let watch = Watch::start();
    let made = work()?;
    times.entry(name).or_default().push(watch.micros());
    Ok(made)
}

/// The same tree in boxes and in git.
fn file(number: usize) -> String {
    format!("src/{:03}/{number:05}.rs", number % 500)
}

fn branches(dir: &Path, times: &mut Times) -> anyhow::Result<()> {
    let boxes = Branches::open(&dir.join("branches"))?;
    let mut entries = BTreeMap::new();
    for number in 0..TREE_FILES {
        let hash = BlobHash::of(&number.to_le_bytes());
        entries.insert(
            TreePath::new(file(number)).map_err(greenroom_boxes::Error::from)?,
            Entry::file(hash, 8, 0o644),
        );
    }
    let mut writing = boxes.store().write()?;
    let id = writing.layer(Manifest::with_folders(entries)?)?;
    boxes.found(&writing, "main", &[id])?;
    drop(writing);
    for number in 0..ROUNDS {
        take(times, "branch", || Ok(boxes.branch("main", "one")?))?;
        take(times, "seal_100", || {
            let mut writing = boxes.store().write()?;
            let changed = changed(&mut writing, number)?;
            Ok(boxes.seal(&mut writing, "one", changed)?)
        })?;
        take(times, "commit_100", || Ok(boxes.commit("one", Terms::default())?))?;
    }
    Ok(())
}

fn changed(writing: &mut Writing<'_>, round: usize) -> anyhow::Result<Manifest> {
    let mut entries = BTreeMap::new();
    for number in 0..CHANGED_FILES {
        let text = format!("{round} {number} ").repeat(CHANGED_BYTES / 6);
        let (hash, size) = writing.blob(&mut text.as_bytes(), 1 << 20)?;
        let path = TreePath::new(file(number)).map_err(greenroom_boxes::Error::from)?;
        entries.insert(path, Entry::file(hash, size, 0o644));
    }
    Ok(Manifest::with_folders(entries)?)
}

fn worktrees(dir: &Path, times: &mut Times) -> anyhow::Result<()> {
    if Command::new("git").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Ok(());
    }
    let tree = dir.join("tree");
    for number in 0..TREE_FILES {
        let path = tree.join(file(number));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, number.to_le_bytes())?;
    }
    let git = |words: &[&str]| {
        let who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
        succeeds(Command::new("git").arg("-C").arg(&tree).args(who).args(words))
    };
    git(&["init", "-q"])?;
    git(&["add", "."])?;
    git(&["commit", "-qm", "tree"])?;
    for number in 0..WORKTREES {
        let place = format!("../worktree-{number}");
        take(times, "worktree", || git(&["worktree", "add", "-q", "--detach", &place]))?;
    }
    Ok(())
}
