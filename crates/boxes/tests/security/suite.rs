//! Every attack of the list, as the user that runs the tests and as nobody.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use greenroom_boxes::sandbox::Enforcement;

use crate::attack::{ATTACKS, NEEDS_CGROUP, NETWORK, TESTS, Works};
use crate::world::World;

/// Attacks proven on both sides, as this user, below which the list has lost its worth.
const PROVEN_MIN: usize = 40;

#[test]
fn as_this_user() {
    let mut world = World::new();
    let root = rustix::process::geteuid().is_root();
    let (mut proven, mut apart, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    let cage = world.cage("probe");
    let enforced = greenroom_boxes::sandbox::Level::create(world.house.level(), &cage);
    let enforced = enforced.expect("a box").enforced().clone();
    let mut attacks = ATTACKS.to_vec();
    if enforced.memory == Enforcement::Cgroup {
        attacks.push((NEEDS_CGROUP, Works::Anyone));
    } else {
        apart.push(format!("{NEEDS_CGROUP}: the box says it is held by {:?}", enforced.memory));
    }
    for (attack, works) in attacks {
        let outside = world.outside(attack, works);
        let inside = world.inside(attack);
        if inside.worked {
            wrong.push(format!("{attack} WORKED IN THE BOX"));
        }
        match (outside.worked, works) {
            (true, _) => proven.push(attack),
            (false, Works::NotHere(why)) => {
                apart.push(format!("{attack}: {why}: {}", outside.said))
            }
            (false, Works::HostRoot) if !root => {
                apart
                    .push(format!("{attack}: the host itself refuses this user: {}", outside.said));
            }
            (false, _) => wrong.push(format!("{attack} fails without the box: {}", outside.said)),
        }
        println!("{attack}: outside {} | inside {}", outside.said, inside.said);
    }
    println!("{} proven on both sides; apart:\n  {}", proven.len(), apart.join("\n  "));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(proven.len() >= PROVEN_MIN, "{} proven on both sides", proven.len());
}

/// The same program, as a user with no rights at all.
#[test]
fn as_nobody() {
    if !rustix::process::geteuid().is_root() {
        println!("only root can become nobody; `as_this_user` was without rights already");
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("mode");
    };
    mode(place.path(), 0o755);
    let copy = |from: &std::path::Path, name: &str| {
        let to = place.path().join(name);
        std::fs::copy(from, &to).expect("copied");
        mode(&to, 0o755);
        to
    };
    let program = copy(&std::env::current_exe().expect("this"), "suite");
    let spawner = copy(env!("CARGO_BIN_EXE_greenroom-box-spawner").as_ref(), "spawner");
    let [attacks, _, _] = ["attacks.py", "network.py", "outside.py"]
        .map(|name| copy(&crate::world::attacks().with_file_name(name), name));
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(program)
        .args(["--nocapture", "--skip", "as_nobody"])
        .env("GREENROOM_BOX_SPAWNER", spawner)
        .env("GREENROOM_BOX_ATTACKS", attacks)
        .env("TMPDIR", "/tmp")
        .current_dir("/")
        .output()
        .expect("setpriv");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The page says what was tried, and nothing that was not.
#[test]
fn the_page_lists_every_attack() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/boxes.md");
    let Ok(page) = std::fs::read_to_string(page) else {
        // Nobody may not read the folder.
        assert!(std::env::var_os("GREENROOM_BOX_ATTACKS").is_some(), "no docs/boxes.md");
        return;
    };
    let section = page.split("\n## Attacks\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("a section").lines().filter(|line| line.starts_with('|'));
    let listed: BTreeSet<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    let names = ATTACKS.iter().map(|(name, _)| *name).chain([NEEDS_CGROUP]);
    let known: BTreeSet<&str> =
        names.chain(NETWORK.iter().copied()).chain(TESTS.iter().copied()).collect();
    assert_eq!(listed, known);
    let sources =
        [include_str!("special.rs"), include_str!("files.rs"), include_str!("kept.rs")].concat();
    for test in TESTS {
        assert!(sources.contains(&format!("#[test]\nfn {test}() {{")), "{test} is no test");
    }
}
