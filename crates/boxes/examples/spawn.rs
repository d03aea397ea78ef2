//! Times of boxes beside `bwrap` and plain fork and exec, in turns, in one run; JSON on stdout.
//!
//! `cargo run --release -p greenroom-boxes --example spawn [ROUNDS]`
//!
//! Also shows how a program becomes its own spawner: the first line of `main`.

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use greenroom_boxes::sandbox::{
    Bind, ExecSpec, Launch, Level, Limits, Namespace, Sandbox, SandboxSpec, Upper, spawner_main,
};

type Times = BTreeMap<&'static str, Vec<u64>>;

fn main() -> Result<(), Box<dyn Error>> {
    spawner_main();
    let rounds = std::env::args().nth(1).map_or(Ok(50), |word| word.parse::<usize>())?;
    let dir = std::env::temp_dir().join(format!("greenroom-bench-{}", std::process::id()));
    let base = dir.join("base");
    std::fs::create_dir_all(base.join("etc"))?;
    for name in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), base.join(name))?;
    }
    let times = measure(&dir, rounds);
    std::fs::remove_dir_all(&dir)?;
    let mut rows = BTreeMap::new();
    for (name, mut values) in times? {
        values.sort_unstable();
        rows.insert(format!("{name}_p50_us"), values[values.len() / 2]);
        rows.insert(format!("{name}_min_us"), values[0]);
    }
    println!("{}", serde_json::to_string_pretty(&rows)?);
    Ok(())
}

fn measure(dir: &Path, rounds: usize) -> Result<Times, Box<dyn Error>> {
    let level = Namespace::open(&Launch::Own, &dir.join("state"))?;
    let resident = level.create(&spec(dir, "resident"))?;
    let mut times = Times::new();
    for round in 0..rounds {
        let mut note = |name, us| times.entry(name).or_default().push(us);
        note("forkexec", timed(|| run(&mut Command::new("/bin/true")))?.0);
        note("bwrap", timed(|| run(&mut bwrap()))?.0);
        note("exec", timed(|| exec(&*resident))?.0);
        let one = spec(dir, &format!("box-{round}"));
        let (spawn, sandbox) = timed(|| Ok(level.create(&one)?))?;
        let (first, ()) = timed(|| exec(&*sandbox))?;
        let (destroy, ()) = timed(|| Ok(sandbox.destroy()?))?;
        note("spawn", spawn);
        note("spawn_exec", spawn + first);
        note("destroy", destroy);
    }
    // One after the other, so that what the spawner makes ahead is used up.
    let mut boxes = Vec::new();
    for index in 0..rounds {
        let one = spec(dir, &format!("burst-{index}"));
        let (spawn, sandbox) = timed(|| Ok(level.create(&one)?))?;
        times.entry("spawn_burst").or_default().push(spawn);
        boxes.push(sandbox);
    }
    Ok(times)
}

fn spec(dir: &Path, id: &str) -> SandboxSpec {
    SandboxSpec {
        id: id.to_owned(),
        lower: vec![dir.join("base")],
        upper: Upper::Disk,
        binds: vec![Bind { source: "/usr".into(), target: "/usr".into(), writable: false }],
        limits: Limits::default(),
        listen: Vec::new(),
    }
}

fn exec(sandbox: &dyn Sandbox) -> Result<(), Box<dyn Error>> {
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

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if ended.success() { Ok(()) } else { Err(format!("{command:?}: {ended}").into()) }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]
fn timed<T>(work: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<(u64, T), Box<dyn Error>> {
    let start = std::time::Instant::now();
    let made = work()?;
    Ok((u64::try_from(start.elapsed().as_micros())?, made))
}
