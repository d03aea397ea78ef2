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
