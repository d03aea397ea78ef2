//! What a box may use up, held by a cgroup or said not to be.

use greenroom_boxes::sandbox::{End, Enforcement, Level};

use crate::house::{House, command, pause, run, sh, text};

#[test]
fn cpu_is_held_or_said_not_to_be() {
    let house = House::new();
    let mut spec = house.spec("cpu");
    spec.limits.cpu_milli = Some(100);
    let sandbox = house.level().create(&spec).expect("a box");
    let mut burn = sh("while :; do :; done");
    burn.timeout_ms = Some(1000);
    let used = run(&*sandbox, &burn).finished.usage;
    match &sandbox.enforced().cpu {
        // 100 ms of a second, and a period more for where it began.
        Enforcement::Cgroup => assert!(used.user_us + used.system_us < 250_000, "{used:?}"),
        Enforcement::NotEnforced(why) => assert!(why.contains("cgroup"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn memory_over_the_limit_kills_the_command_and_not_the_box() {
    let house = House::new();
    let mut spec = house.spec("memory");
    spec.limits.memory_bytes = Some(64 << 20);
    let sandbox = house.level().create(&spec).expect("a box");
    let eat = "x = bytearray(200 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1";
    let output = run(&*sandbox, &command(&["python3", "-c", eat]));
    assert!(output.finished.end != End::Code(0), "{}", text(&output));
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
    if sandbox.enforced().memory == Enforcement::Cgroup {
        let used = sandbox.usage().expect("usage").memory_bytes.expect("counted");
        assert!((1..64 << 20).contains(&used), "{used}");
    } else {
        assert_eq!(sandbox.enforced().memory, Enforcement::ProcessLimit);
    }
}

#[test]
fn nothing_is_limited_that_was_not_asked() {
    let house = House::new();
    let mut spec = house.spec("free");
    spec.limits.memory_bytes = None;
    spec.limits.pids = None;
    let sandbox = house.level().create(&spec).expect("a box");
    let enforced = sandbox.enforced();
    assert_eq!(
        (&enforced.memory, &enforced.pids, &enforced.cpu),
        (&Enforcement::NotAsked, &Enforcement::NotAsked, &Enforcement::NotAsked)
    );
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0));
}

#[test]
fn one_box_does_not_use_up_anothers_processes() {
    let house = House::new();
    let mut spec = house.spec("hungry");
    spec.limits.pids = Some(20);
    let hungry = house.level().create(&spec).expect("a box");
    let fill = "import os, time\n\
                while True:\n\
                \x20   try: os.fork() or (time.sleep(30), os._exit(0))\n\
                \x20   except OSError: time.sleep(0.01)\n";
    let mut fill = command(&["python3", "-c", fill]);
    fill.timeout_ms = Some(5000);
    let running = hungry.exec(&fill).expect("sh");
    let other = house.spawn("other");
    let script = "for i in $(seq 30); do sleep 0.2 & done; wait; echo all";
    assert_eq!(text(&run(&*other, &sh(script))), "all\n");
    let error = (0..100).find_map(|_| {
        pause(10);
        hungry.exec(&command(&["true"])).err()
    });
    drop(running);
    assert!(error.is_some(), "the hungry box is full");
}

/// One file is stopped by its own limit, at once; more files by the watch.
#[test]
fn what_a_box_writes_is_held_to_its_limit_of_disk() {
    let house = House::new();
    let mut spec = house.spec("disk");
    spec.limits.disk_bytes = Some(32 << 20);
    let sandbox = house.level().create(&spec).expect("a box");
    assert_eq!(sandbox.enforced().disk, Enforcement::Watched);
    let upper = sandbox.upper().expect("a directory").to_owned();
    let fills: [(&str, &str); 4] = [
        ("files", "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > /f$i; done"),
        ("small", "mkdir /s; i=0; while :; do i=$((i+1)); : > /s/$i; done"),
        ("hidden", "mkdir /h; cd /h; chmod 0 /h; exec dd if=/dev/zero of=/big bs=1K"),
        ("unnamed", "exec 3> /gone; rm /gone; while :; do head -c 1000000 /dev/zero >&3; done"),
    ];
    for (name, script) in fills {
        let mut fill = sh(script);
        fill.timeout_ms = Some(60_000);
        let ended = sandbox.exec(&fill).expect("it starts").output(b"", 1 << 20);
        let error = ended.expect_err(name).to_string();
        assert!(error.contains("limit of disk"), "{name}: {error}");
        // What it wrote between two looks, on a disk as slow as the others of this machine.
        let took = taken(&upper);
        assert!(took < 1 << 30, "{name}: {took}");
        // The box goes on, and may make room.
        let room = "chmod 755 /h 2> /dev/null; rm -rf /f* /s /h /big; echo room";
        assert_eq!(text(&run(&*sandbox, &sh(room))), "room\n", "{name}");
        let more = "head -c 5000000 /dev/zero > /more && sleep 1 && rm /more && echo done";
        assert_eq!(text(&run(&*sandbox, &sh(more))), "done\n", "{name}");
    }
}

/// Bytes and entries.
fn taken(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => 4096 + taken(&entry.path()),
        Ok(metadata) => metadata.len().max(4096),
        Err(_) => 0,
    });
    sizes.sum()
}

#[test]
fn one_file_ends_at_its_limit() {
    let house = House::new();
    let mut spec = house.spec("file");
    spec.limits.file_bytes = Some(1 << 20);
    let sandbox = house.level().create(&spec).expect("a box");
    let output = run(&*sandbox, &sh("head -c 5000000 /dev/zero > /big; stat -c %s /big"));
    assert!(output.stdout == b"1048576\n", "{}", text(&output));
}
