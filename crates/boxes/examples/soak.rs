//! Many boxes, one after the other and at once, and what is left of them: nothing, or this fails.
//!
//! `cargo run --release -p greenroom-boxes --example soak [CYCLES [BOXES]]`
//!
//! What a box takes in time is measured by `greenroom bench box`. This also shows how a program
//! becomes its own spawner: the first line of `main`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use greenroom_boxes::sandbox::{
    Bind, ExecSpec, Launch, Level, Namespace, Sandbox, SandboxSpec, spawner_main,
};

/// What the machine has of boxes.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    mounts: usize,
    cgroups: usize,
    /// Processes below the spawner.
    processes: usize,
    /// Directories of boxes.
    directories: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    spawner_main();
    let number = |at: usize, default: usize| {
        std::env::args().nth(at).map_or(Ok(default), |word| word.parse::<usize>())
    };
    let (cycles, boxes) = (number(1, 10_000)?, number(2, 1_000)?);
    let dir = std::env::temp_dir().join(format!("greenroom-soak-{}", std::process::id()));
    let base = dir.join("base");
    fs::create_dir_all(base.join("etc"))?;
    for name in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), base.join(name))?;
    }
    let done = soak(&dir, cycles, boxes);
    fs::remove_dir_all(&dir)?;
    done
}

fn soak(dir: &Path, cycles: usize, boxes: usize) -> Result<(), Box<dyn Error>> {
    let state = dir.join("state");
    let level = Namespace::open(&Launch::Own, &state)?;
    // What is made ahead, before anything is counted.
    turn(&level, dir, "first")?;
    let before = settled(&level, &state)?;
    for cycle in 1..=cycles {
        turn(&level, dir, &format!("cycle-{cycle}"))?;
        if cycle % 1000 == 0 {
            println!("{cycle} of {cycles} boxes made and ended");
        }
    }
    println!("{cycles} boxes made and ended, each with a command that wrote a file");
    same(&before, &level, &state)?;

    let memory = |pids: &[u32]| pids.iter().map(|pid| proportional_kb(*pid)).sum::<u64>();
    let spawner = [level.spawner_pid()];
    let idle = memory(&spawner);
    let mut living = Vec::with_capacity(boxes);
    for number in 0..boxes {
        living.push(level.create(&spec(dir, &format!("box-{number}")))?);
    }
    for sandbox in &living {
        run(&**sandbox)?;
    }
    let inside = below(level.spawner_pid())?;
    let kilobytes = memory(&inside) + memory(&spawner).saturating_sub(idle);
    println!(
        "{boxes} boxes at once, {} processes, {} KB of memory each",
        inside.len(),
        kilobytes / boxes.max(1) as u64
    );
    for sandbox in living {
        sandbox.destroy()?;
    }
    same(&before, &level, &state)?;
    let pid = level.spawner_pid();
    drop(level);
    let ended = !Path::new(&format!("/proc/{pid}")).exists();
    let empty = fs::read_dir(&state)?.flatten().all(|entry| entry.path().is_file());
    if !ended || !empty {
        return Err(format!("the spawner has left something in {}", state.display()).into());
    }
    println!("nothing is left: no mount, no cgroup, no process, no directory");
    Ok(())
}

fn turn(level: &Namespace, dir: &Path, id: &str) -> Result<(), Box<dyn Error>> {
    let sandbox = level.create(&spec(dir, id))?;
    run(&*sandbox)?;
    Ok(sandbox.destroy()?)
}

fn run(sandbox: &dyn Sandbox) -> Result<(), Box<dyn Error>> {
    let spec = ExecSpec {
        argv: ["sh", "-c", "echo x > /etc/x"].map(str::to_owned).to_vec(),
        env: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
        ..ExecSpec::default()
    };
    let output = sandbox.exec(&spec)?.output(b"", 1 << 20)?;
    match output.finished.end {
        greenroom_boxes::sandbox::End::Code(0) => Ok(()),
        end => Err(format!("{end:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn spec(dir: &Path, id: &str) -> SandboxSpec {
    let usr = Bind { source: "/usr".into(), target: "/usr".into(), writable: false };
    SandboxSpec { binds: vec![usr], ..SandboxSpec::new(id, vec![dir.join("base")]) }
}

fn same(before: &Left, level: &Namespace, state: &Path) -> Result<(), Box<dyn Error>> {
    let after = settled(level, state)?;
    match after == *before {
        true => Ok(()),
        false => Err(format!("before: {before:?}, after: {after:?}").into()),
    }
}

/// What is there once the spawner has made its boxes ahead again.
#[expect(clippy::disallowed_methods, reason = "real processes are waited for in real time")]
fn settled(level: &Namespace, state: &Path) -> Result<Left, Box<dyn Error>> {
    let mut last = left(level, state)?;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = left(level, state)?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}

fn left(level: &Namespace, state: &Path) -> Result<Left, Box<dyn Error>> {
    let pid = level.spawner_pid();
    let home = state.join(format!("spawner-{pid}"));
    let roots = fs::read_to_string(home.join("cgroups")).unwrap_or_default();
    let directories = |dir: &Path| {
        fs::read_dir(dir).into_iter().flatten().flatten().filter(|one| one.path().is_dir()).count()
    };
    Ok(Left {
        mounts: fs::read_to_string("/proc/self/mountinfo")?.lines().count(),
        cgroups: roots.lines().map(|root| directories(&PathBuf::from(root))).sum(),
        processes: below(pid)?.len(),
        directories: directories(&home),
    })
}

/// All processes below one.
fn below(pid: u32) -> Result<Vec<u32>, Box<dyn Error>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name stands in brackets and may hold anything.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(2));
        if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut found, mut waiting) = (Vec::new(), vec![pid]);
    while let Some(next) = waiting.pop() {
        let own = children.remove(&next).unwrap_or_default();
        found.extend(&own);
        waiting.extend(own);
    }
    Ok(found)
}

/// A process's memory, with what it shares divided among who shares it.
fn proportional_kb(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    pss.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
