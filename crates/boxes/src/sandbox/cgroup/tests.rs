//! Finding hierarchies in what the kernel says, and the files that limits become.

use super::*;

#[test]
fn both_versions_are_found_side_by_side() {
    let own = "4:memory:/system/x\n3:cpu,cpuacct:/\n0::/\n";
    let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                  cgroup /nowhere/memory cgroup rw,relatime,memory 0 0\n\
                  cgroup /nowhere/cpu cgroup rw,cpu,cpuacct 0 0\n\
                  cgroup2 /nowhere/unified cgroup2 rw 0 0\n";
    let found = places(own, mounts);
    let find = |controller| found.iter().find(|place| place.controller == controller);
    let memory = find(Controller::Memory).expect("memory");
    assert_eq!((memory.unified, memory.own.as_path()), (false, Path::new("/nowhere/memory")));
    assert_eq!(find(Controller::Cpu).expect("cpu").own, Path::new("/nowhere/cpu"));
    assert!(find(Controller::Freezer).expect("freezer").unified);
    assert_eq!(find(Controller::Pids), None);
}

#[test]
fn limits_become_the_files_of_the_version() {
    let limits = Limits {
        memory_bytes: Some(4096),
        cpu_milli: Some(250),
        pids: Some(9),
        ..Limits::default()
    };
    let files = |controller, unified| {
        let place = Place { controller, unified, own: PathBuf::new() };
        settings(&place, &limits)
    };
    assert_eq!(files(Controller::Cpu, false), [("cpu.cfs_quota_us", "25000".to_owned())]);
    assert_eq!(files(Controller::Cpu, true), [("cpu.max", "25000 100000".to_owned())]);
    assert_eq!(files(Controller::Pids, true), [("pids.max", "9".to_owned())]);
    assert_eq!(files(Controller::Memory, true)[0], ("memory.max", "4096".to_owned()));
    assert_eq!(files(Controller::Memory, false)[0], ("memory.limit_in_bytes", "4096".to_owned()));
    assert_eq!(files(Controller::Freezer, true), []);
}

/// A folder in place of a hierarchy of version 2 with these controllers.
fn second(dir: &Path, controllers: &str) -> Vec<Place> {
    let own = dir.join("own");
    fs::create_dir_all(&own).expect("a folder");
    fs::write(own.join("cgroup.controllers"), controllers).expect("a file");
    places("0::/own\n", &format!("cgroup2 {} cgroup2 rw 0 0\n", dir.display()))
}

fn all_of(places: &[Place], name: &str) -> Cgroups {
    Cgroups::among(places, name.to_owned())
}

#[test]
fn a_box_has_one_cgroup_of_version_2_with_all_its_limits() {
    let dir = tempfile::tempdir().expect("a folder");
    let cgroups = all_of(&second(dir.path(), "cpu memory pids\n"), "greenroom-1");
    let root = dir.path().join("own/greenroom-1");
    assert_eq!(cgroups.roots(), [root.as_path()]);
    // Controllers are handed down twice: to the spawner's cgroup, and from it to the boxes'.
    for above in [dir.path().join("own"), root.clone()] {
        let enabled = fs::read_to_string(above.join("cgroup.subtree_control")).expect("written");
        assert!(["+memory", "+pids", "+cpu"].contains(&enabled.as_str()), "{enabled}");
    }
    assert!(ALL.iter().all(|one| cgroups.enforcement(*one) == Enforcement::Cgroup));
    let made = cgroups.create("box-1").expect("made");
    let own = root.join("box-1");
    assert_eq!(made.unified(), Some(own.as_path()));
    // Born in it, a box has nothing to enter.
    made.enter().expect("nothing to do");
    assert!(!own.join("cgroup.procs").exists());
    let limits = Limits {
        memory_bytes: Some(8 << 20),
        cpu_milli: Some(1500),
        pids: Some(7),
        ..Limits::default()
    };
    made.limit(&limits).expect("written");
    let read = |file: &str| fs::read_to_string(own.join(file)).expect(file);
    assert_eq!(read("memory.max"), (8 << 20).to_string());
    assert_eq!((read("memory.swap.max"), read("pids.max")), ("0".into(), "7".into()));
    assert_eq!(read("cpu.max"), "150000 100000");
    fs::write(own.join("memory.current"), "4096\n").expect("a file");
    fs::write(own.join("pids.current"), "3\n").expect("a file");
    fs::write(own.join("cpu.stat"), "usage_usec 1234\nuser_usec 1\n").expect("a file");
    let used = made.usage();
    assert_eq!(used, BoxUsage { memory_bytes: Some(4096), pids: Some(3), cpu_us: Some(1234) });
    fs::write(own.join("cgroup.events"), "populated 1\nfrozen 1\n").expect("a file");
    made.freeze(true).expect("frozen");
    assert_eq!(read("cgroup.freeze"), "1");
    assert!(made.freeze(false).is_err(), "it stays frozen, and that is told");
}

#[test]
fn a_controller_that_version_2_does_not_have_or_hand_down_is_missed() {
    let dir = tempfile::tempdir().expect("a folder");
    let cgroups = all_of(&second(dir.path(), "pids\n"), "greenroom-1");
    assert_eq!(cgroups.enforcement(Controller::Pids), Enforcement::Cgroup);
    let Enforcement::NotEnforced(why) = cgroups.enforcement(Controller::Memory) else {
        panic!("nobody offers it");
    };
    assert!(why.contains("`memory`"), "{why}");
    // As where the process's own cgroup has processes: the kernel hands nothing down then.
    let dir = tempfile::tempdir().expect("a folder");
    let places = second(dir.path(), "memory\n");
    fs::create_dir(dir.path().join("own/cgroup.subtree_control")).expect("cannot be written");
    let cgroups = all_of(&places, "greenroom-1");
    let Enforcement::NotEnforced(why) = cgroups.enforcement(Controller::Memory) else {
        panic!("it cannot be handed down");
    };
    assert!(why.contains("cannot be used"), "{why}");
    assert_eq!(cgroups.enforcement(Controller::Freezer), Enforcement::Cgroup);
}

#[test]
fn a_controller_that_fails_does_not_take_another_one_along() {
    let dir = tempfile::tempdir().expect("a folder");
    let places = second(dir.path(), "cpu memory\n");
    let mut roots = Vec::new();
    usable(&places, Controller::Memory, "one", &mut roots).expect("handed down");
    let control = dir.path().join("own/cgroup.subtree_control");
    fs::remove_file(&control).expect("written before");
    fs::create_dir(&control).expect("cannot be written");
    usable(&places, Controller::Cpu, "one", &mut roots).expect_err("not handed down");
    assert!(dir.path().join("own/one").exists());
}

#[test]
fn a_spawners_cgroup_is_its_own() {
    let names = [root::new_name(7), root::new_name(7)].map(|name| name.expect("random bytes"));
    assert!(names[0] != names[1] && names.iter().all(|name| name.starts_with("greenroom-7-")));
    // One that is there is somebody else's.
    let dir = tempfile::tempdir().expect("a folder");
    let places = second(dir.path(), "pids\n");
    let first = all_of(&places, "greenroom-1");
    assert_eq!(first.enforcement(Controller::Pids), Enforcement::Cgroup);
    let second = all_of(&places, "greenroom-1");
    assert!(matches!(second.enforcement(Controller::Pids), Enforcement::NotEnforced(_)));
    assert!(second.roots().is_empty() && first.roots()[0].is_dir());
}

#[test]
fn what_dead_spawners_have_left_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let name = |pid| dir.path().join(root::new_name(pid).expect("random bytes"));
    let (dead, busy, living) = (name(1), name(2), name(3));
    fs::create_dir_all(dead.join("box-1")).expect("a folder");
    fs::create_dir_all(busy.join("box-1/somebody")).expect("a folder");
    fs::create_dir(busy.join("box-2")).expect("a folder");
    let _living = Root::make(&living).expect("a folder");
    let others = ["greenroom-4", "greenroom-test-5", "greenroom-6-work", "other"];
    for other in others {
        fs::create_dir(dir.path().join(other)).expect("a folder");
    }
    root::sweep(dir.path());
    assert!(!dead.exists() && living.exists());
    assert!(busy.join("box-1").exists() && !busy.join("box-2").exists());
    assert!(others.iter().all(|other| dir.path().join(other).exists()));
}

#[test]
fn one_that_is_made_is_never_taken_for_one_that_was_left() {
    let dir = tempfile::tempdir().expect("a folder");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                root::sweep(dir.path());
            }
        });
        for pid in 0..500 {
            let at = dir.path().join(root::new_name(pid).expect("random bytes"));
            let made = Root::make(&at).expect("made");
            assert!(made.dir.exists());
            fs::create_dir(made.dir.join("box-1")).expect("a box's");
            fs::remove_dir(made.dir.join("box-1")).expect("it is there");
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}

/// Where this machine has version 2 and lets us: its freezer needs no controller.
#[test]
fn the_real_version_2_freezes_and_kills() {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let mut places = places(&read("/proc/self/cgroup"), &read("/proc/self/mounts"));
    places.retain(|place| place.unified);
    let name = format!("greenroom-test-{}", std::process::id());
    let cgroups = all_of(&places, &name);
    if cgroups.enforcement(Controller::Freezer) != Enforcement::Cgroup {
        println!("not tested: {:?}", cgroups.missing);
        return;
    }
    let made = cgroups.create("box").expect("made");
    let own = made.unified().expect("version 2").to_owned();
    let script = format!("echo 0 > {}/cgroup.procs; echo in; exec sleep 60", own.display());
    let mut child = std::process::Command::new("sh")
        .args(["-c", &script])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sh");
    let mut said = [0; 3];
    let mut stdout = child.stdout.take().expect("a pipe");
    std::io::Read::read_exact(&mut stdout, &mut said).expect("it is in");
    made.freeze(true).expect("frozen");
    assert_eq!(fs::read_to_string(own.join("cgroup.freeze")).expect("read").trim(), "1");
    made.freeze(false).expect("thawed");
    fs::write(own.join("cgroup.kill"), "1").expect("killed");
    let status = child.wait().expect("it ends");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    made.remove();
    cgroups.remove();
    assert!(!own.exists());
}
