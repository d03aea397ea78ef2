//! The root a box has: its layers, its writes, its devices, its identity.

use std::os::unix::fs::MetadataExt;

use greenroom_boxes::sandbox::{Bind, End, Enforcement, Error, Level, Upper};

use crate::house::{House, command, run, sh, text};

#[test]
fn the_machine_shows_neither_its_paths_nor_its_disks() {
    let house = House::new();
    let sandbox = house.spawn("telling");
    let seen = text(&run(&*sandbox, &sh("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")));
    assert!(seen.contains("greenroom"), "process 1 is there: {seen}");
    let state = house.state().to_string_lossy().into_owned();
    assert!(!seen.contains(&state), "{state}: {seen}");
    let script =
        "cat /proc/1/environ 2>/dev/null; cat /proc/cmdline /proc/partitions /proc/diskstats";
    assert_eq!(text(&run(&*sandbox, &sh(script))), "");
}

#[test]
fn layers_are_seen_and_only_the_upper_is_written() {
    let house = House::new();
    let above = house.dir.path().join("above");
    std::fs::create_dir_all(above.join("etc")).expect("dir");
    std::fs::write(above.join("etc/note"), "from above").expect("note");
    let mut spec = house.spec("layers");
    spec.lower.push(above.clone());
    let head = house.dir.path().join("head");
    spec.upper = Upper::Directory(head.clone());
    let sandbox = house.level().create(&spec).expect("a box");
    assert!(sandbox.enforced().owns_lower);
    let script = "cat /etc/note; echo new > /etc/made; rm /etc/passwd; echo x >> /etc/note";
    assert_eq!(text(&run(&*sandbox, &sh(script))), "from above");
    sandbox.destroy().expect("destroyed");
    assert_eq!(std::fs::read_to_string(above.join("etc/note")).expect("note"), "from above");
    let upper = head.join("upper");
    assert_eq!(std::fs::read_to_string(upper.join("etc/made")).expect("made"), "new\n");
    assert_eq!(std::fs::read_to_string(upper.join("etc/note")).expect("note"), "from abovex\n");
    let mut names: Vec<_> = std::fs::read_dir(&upper)
        .expect("upper")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["etc"], "no mount point leaves a trace");
    assert!(!head.join("work").exists());
    // The same head once more: what was written is there.
    let sandbox = house.level().create(&spec).expect("a box on an old head");
    assert_eq!(
        text(&run(&*sandbox, &sh("cat /etc/made; ls /etc/passwd 2>&1 | wc -l"))),
        "new\n1\n"
    );
}

#[test]
fn it_looks_like_a_small_machine() {
    let house = House::new();
    let sandbox = house.spawn("machine");
    let script = "id -u; hostname; ls /; ls /dev; echo $$; ls /proc/self/fd | wc -l; \
                  echo x > /dev/null; head -c 4 /dev/urandom | wc -c; ls -d /sys 2>&1; \
                  stat -c %a /tmp /dev/shm; grep -c : /proc/net/dev; env | sort";
    let seen = text(&run(&*sandbox, &sh(script)));
    let expected = "0\nmachine\nbin\ndev\netc\nlib\nlib64\nproc\nsbin\ntmp\nusr\n\
                    fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n\
                    3\n4\n4\nls: cannot access '/sys': No such file or directory\n\
                    1777\n1777\n1\nPATH=/usr/bin:/bin\nPWD=/\n";
    assert_eq!(seen, expected);
    let ping = "import socket; a=socket.create_server(('127.0.0.1',0)); \
                socket.create_connection(a.getsockname()); print('up')";
    assert_eq!(text(&run(&*sandbox, &command(&["python3", "-c", ping]))), "up\n");
}

#[test]
fn its_root_is_nobody_on_the_host() {
    let house = House::new();
    let sandbox = house.spawn("identity");
    let uid = sandbox.enforced().host_uid;
    run(&*sandbox, &sh("echo x > /made"));
    let upper = sandbox.upper().expect("on disk");
    let made = std::fs::metadata(upper.join("made")).expect("made");
    assert_eq!(made.uid(), uid);
    assert_ne!(uid, 0);
}

#[test]
fn binds_are_read_only_unless_they_say_otherwise() {
    let house = House::new();
    let shared = house.dir.path().join("shared");
    std::fs::create_dir(&shared).expect("dir");
    std::fs::set_permissions(&shared, std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("mode");
    let mut spec = house.spec("binds");
    let bind =
        |target: &str, writable| Bind { source: shared.clone(), target: target.into(), writable };
    spec.binds.extend([bind("/mnt/ro", false), bind("/mnt/rw", true)]);
    let sandbox = house.level().create(&spec).expect("a box");
    let seen = text(&run(&*sandbox, &sh("echo a > /mnt/ro/x; echo b > /mnt/rw/y; ls /mnt/ro")));
    assert!(seen.contains("Read-only file system") && seen.contains("y\n"), "{seen}");
    assert_eq!(std::fs::read_to_string(shared.join("y")).expect("y"), "b\n");
}

#[test]
fn an_upper_in_memory_has_a_hard_end() {
    let house = House::new();
    let mut spec = house.spec("memory-upper");
    spec.upper = Upper::Memory { bytes: 1 << 20, inodes: 100 };
    let sandbox = house.level().create(&spec).expect("a box");
    assert_eq!(sandbox.enforced().disk, Enforcement::MemoryFiles);
    let seen = text(&run(&*sandbox, &sh("head -c 2000000 /dev/zero > /big; rm /big")));
    assert!(seen.contains("No space left"), "{seen}");
    let seen = text(&run(
        &*sandbox,
        &sh("mkdir /d; for i in $(seq 200); do : > /d/$i; done; ls /d | wc -l"),
    ));
    assert!(seen.contains("No space left") || seen.contains("cannot create"), "{seen}");
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let house = House::new();
    let mut spec = house.spec("Bad/../Name");
    assert!(matches!(house.level().create(&spec).err(), Some(Error::Invalid { field: "id", .. })));
    spec.id = "no-layer".to_owned();
    spec.lower.push("/nowhere/at/all".into());
    let error = house.level().create(&spec).err().expect("no such layer").to_string();
    assert_eq!(
        error,
        "box `no-layer`: layer `/nowhere/at/all`: No such file or directory (os error 2)"
    );
    spec.id = "bad-bind".to_owned();
    spec.lower.pop();
    spec.binds[0].target = "/etc/passwd".into();
    let error = house.level().create(&spec).err().expect("a directory on a file").to_string();
    assert!(error.contains("/etc/passwd"), "{error}");
    let dir = house.state().join(format!("spawner-{}", house.level().spawner_pid()));
    let left: Vec<_> = std::fs::read_dir(dir).expect("dir").flatten().collect();
    assert_eq!(left.len(), 3, "the lock, the list of cgroups, what is made ahead: {left:?}");
    let first = house.spawn("twice");
    let error = house.level().create(&house.spec("twice")).err().expect("twice").to_string();
    assert!(error.contains("the id is a living box's"), "{error}");
    assert_eq!(run(&*first, &command(&["true"])).finished.end, End::Code(0));
}

#[test]
fn many_layers_stack() {
    let house = House::new();
    let mut spec = house.spec("many");
    for index in 0..120 {
        let layer = house.dir.path().join(format!("layer-{index}"));
        std::fs::create_dir(&layer).expect("dir");
        std::fs::write(layer.join("top"), index.to_string()).expect("file");
        spec.lower.push(layer);
    }
    let sandbox = house.level().create(&spec).expect("a box");
    assert_eq!(text(&run(&*sandbox, &sh("cat /top"))), "119");
}
