//! Commands: streams, terminals, codes, signals, time, output, files.

use std::io::{Read, Write};

use greenroom_boxes::sandbox::{End, Error, Stream, Terminal};

use crate::house::{House, command, eventually, pause, run, sh, text};

#[test]
fn streams_and_codes_come_back() {
    let house = House::new();
    let sandbox = house.spawn("exec");
    let output = run(&*sandbox, &sh("echo out; echo err >&2; exit 7"));
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(output.finished.end, End::Code(7));
    let output = run(&*sandbox, &sh("kill -9 $$"));
    assert_eq!(output.finished.end, End::Signal(9));
    sandbox.destroy().expect("destroyed");
}

#[test]
fn input_goes_through_a_pipe_of_any_length() {
    let house = House::new();
    let sandbox = house.spawn("input");
    let input = vec![b'x'; 1_000_000];
    let running = sandbox.exec(&command(&["cat"])).expect("cat");
    let output = running.output(&input, 2_000_000).expect("ends");
    assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
    let running = sandbox.exec(&command(&["true"])).expect("true");
    let output = running.output(&input, 10).expect("who does not read is no error");
    assert_eq!(output.finished.end, End::Code(0));
}

#[test]
fn output_streams_while_the_command_runs() {
    let house = House::new();
    let sandbox = house.spawn("stream");
    let mut running = sandbox.exec(&sh("echo first; read line; echo got $line")).expect("sh");
    let mut stdout = std::fs::File::from(running.stdout.take().expect("stdout"));
    let mut first = [0; 6];
    stdout.read_exact(&mut first).expect("the first line, before any input");
    assert_eq!(&first, b"first\n");
    let mut stdin = std::fs::File::from(running.stdin.take().expect("stdin"));
    stdin.write_all(b"it\n").expect("written");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the rest");
    assert_eq!(rest, "got it\n");
    let finished = running.wait(b"", 0, &mut |_, _| {}).expect("ends");
    assert_eq!(finished.end, End::Code(0));
}

#[test]
fn a_flood_is_read_to_its_end_and_cut() {
    let house = House::new();
    let sandbox = house.spawn("flood");
    let running = sandbox.exec(&sh("head -c 3000000 /dev/zero; echo x >&2")).expect("head");
    let mut kept = 0;
    let finished = running
        .wait(b"", 1000, &mut |stream, bytes| {
            kept += bytes.len();
            assert!(stream == Stream::Stdout || kept <= 1000);
        })
        .expect("ends");
    assert_eq!((kept, finished.end), (1000, End::Code(0)));
    assert_eq!(finished.cut_bytes, 3_000_002 - 1000);
}

#[test]
fn a_timeout_kills_all_of_the_tree_and_nothing_else() {
    let house = House::new();
    let sandbox = house.spawn("timeout");
    let other = sandbox.exec(&command(&["sleep", "60"])).expect("a bystander");
    let escape = "setsid sh -c 'sleep 61 & sleep 61' & (setsid sleep 61 &) ; sleep 61";
    let mut spec = sh(escape);
    spec.timeout_ms = Some(300);
    let output = run(&*sandbox, &spec);
    assert_eq!(output.finished.end, End::TimedOut);
    let listed = text(&run(&*sandbox, &sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")));
    assert!(!listed.contains("sleep 61"), "left: {listed}");
    assert!(listed.contains("sleep 60"), "the bystander lives: {listed}");
    other.kill().expect("killed");
    let finished = other.wait(b"", 0, &mut |_, _| {}).expect("ends");
    assert_eq!(finished.end, End::Signal(9));
}

#[test]
fn what_a_command_leaves_running_dies_with_it_unless_it_is_kept() {
    let house = House::new();
    let sandbox = house.spawn("background");
    let count = || text(&run(&*sandbox, &sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")));
    run(&*sandbox, &sh("sleep 62 & sleep 0.05"));
    assert!(!count().contains("sleep 62"));
    let mut kept = sh("sleep 63 & echo started");
    kept.keep_background = true;
    let output = run(&*sandbox, &kept);
    assert_eq!((text(&output).as_str(), output.finished.end), ("started\n", End::Code(0)));
    assert!(count().contains("sleep 63"));
}

#[test]
fn dropping_a_command_kills_it() {
    let house = House::new();
    let sandbox = house.spawn("drop");
    drop(sandbox.exec(&command(&["sleep", "64"])).expect("sleep"));
    eventually("the command is gone", || {
        !text(&run(&*sandbox, &sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))).contains("sleep 64")
    });
}

#[test]
fn signals_reach_the_command() {
    let house = House::new();
    let sandbox = house.spawn("signal");
    let mut running =
        sandbox.exec(&sh("trap 'echo caught; exit 3' USR1; echo up; while :; do sleep 0.02; done"));
    let running = running.as_mut().expect("sh");
    let mut up = [0; 3];
    let stdout = running.stdout.as_ref().expect("stdout").try_clone().expect("copy");
    std::fs::File::from(stdout).read_exact(&mut up).expect("up");
    running.signal(10).expect("sent");
    let mut rest = String::new();
    let stdout = running.stdout.take().expect("stdout");
    std::fs::File::from(stdout).read_to_string(&mut rest).expect("read");
    assert_eq!(rest, "caught\n");
}

#[test]
fn a_terminal_is_one_and_has_its_size() {
    let house = House::new();
    let sandbox = house.spawn("terminal");
    let mut spec = sh("tty; stty size; [ -t 0 ] && echo yes; echo x > /dev/tty");
    spec.terminal = Some(Terminal { rows: 31, columns: 77 });
    let output = run(&*sandbox, &spec);
    let lines = text(&output).replace('\r', "");
    assert_eq!(lines, "/dev/pts/0\n31 77\nyes\nx\n");
    let mut spec = sh("trap 'stty size; exit' WINCH; echo up; while :; do sleep 0.02; done");
    spec.terminal = Some(Terminal { rows: 2, columns: 3 });
    let running = sandbox.exec(&spec).expect("sh");
    pause(200);
    running.resize(Terminal { rows: 40, columns: 90 }).expect("resized");
    let output = running.output(b"", 1000).expect("ends");
    assert!(text(&output).contains("40 90"), "{}", text(&output));
}

#[test]
fn files_go_in_and_out() {
    let house = House::new();
    let sandbox = house.spawn("files");
    let path = std::path::Path::new("/etc/new");
    sandbox.create_file(path, 0o640).expect("made").write_all(b"hello").expect("written");
    assert_eq!(text(&run(&*sandbox, &sh("cat /etc/new; stat -c ' %a' /etc/new"))), "hello 640\n");
    run(&*sandbox, &sh("echo changed > /etc/new; ln -s /etc/new /etc/link; mkfifo /etc/fifo"));
    let mut read = String::new();
    let link = std::path::Path::new("/etc/link");
    sandbox.open_file(link).expect("opened").read_to_string(&mut read).expect("read");
    assert_eq!(read, "changed\n");
    for (path, why) in
        [("/etc/fifo", "Invalid argument"), ("/none", "No such file"), ("etc", "absolute")]
    {
        let error = sandbox.open_file(std::path::Path::new(path)).expect_err(path).to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn what_cannot_be_started_says_so() {
    let house = House::new();
    let sandbox = house.spawn("wrong");
    let error = sandbox.exec(&command(&["no-such-program"])).expect_err("no program");
    assert_eq!(
        error.to_string(),
        "box `wrong`: cannot start `no-such-program`: No such file or directory (os error 2)"
    );
    let mut spec = command(&["true"]);
    spec.cwd = Some("/nowhere".into());
    assert!(matches!(sandbox.exec(&spec), Err(Error::Setup { .. })), "not the program's fault");
    assert!(matches!(sandbox.exec(&command(&[])), Err(Error::Invalid { field: "argv", .. })));
    let mut spec = command(&["true"]);
    spec.env.insert("BIG".to_owned(), "x".repeat(400_000));
    let error = sandbox.exec(&spec).expect_err("too big").to_string();
    assert!(error.contains("put them in a file"), "{error}");
    assert_eq!(run(&*sandbox, &command(&["true"])).finished.end, End::Code(0), "it is well");
}

#[test]
fn a_program_is_found_as_everywhere() {
    let house = House::new();
    let sandbox = house.spawn("found");
    let made = "mkdir -p /tmp/a/mine /tmp/b; printf 'echo \"$0 $1 in $PWD\"' > /tmp/b/mine
        printf x > /tmp/c; chmod +x /tmp/b/mine";
    assert_eq!(run(&*sandbox, &sh(made)).finished.end, End::Code(0));
    let said = |argv: &[&str], path: &str| {
        let mut spec = command(argv);
        spec.env.insert("PATH".to_owned(), path.to_owned());
        spec.cwd = Some("/tmp/b".into());
        sandbox.exec(&spec).map(|running| text(&running.output(b"", 1000).expect("ends")))
    };
    // A script that does not say what runs it; a folder of the name is no program.
    let by_path = said(&["mine", "one"], "/nowhere:/tmp/a:/tmp/b:/bin").expect("found");
    assert_eq!(by_path, "/tmp/b/mine one in /tmp/b\n");
    assert_eq!(said(&["./mine", "two"], "/bin").expect("there"), "./mine two in /tmp/b\n");
    let missing = said(&["mine"], "/bin").expect_err("not in its path").to_string();
    assert!(missing.contains("mine") && missing.contains("No such file"), "{missing}");
    let refused = said(&["/tmp/c"], "/bin").expect_err("not executable").to_string();
    assert!(refused.contains("Permission denied"), "{refused}");
    // No signal is blocked, none ignored but the two (32, 33) that are the C library's own.
    let masks =
        text(&run(&*sandbox, &command(&["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"])));
    let masks: Vec<u64> = masks
        .lines()
        .map(|line| u64::from_str_radix(line.split_whitespace().last().expect("bits"), 16))
        .map(|bits| bits.expect("hexadecimal") & !(3 << 31))
        .collect();
    assert_eq!(masks, [0, 0]);
    // As of a shell's job: a group of its own in a session of its box.
    let ids = sh("read -r pid name state parent group session rest < /proc/self/stat
        echo $((pid - group)) $((session > 0))");
    assert_eq!(text(&run(&*sandbox, &ids)), "0 1\n");
}

#[test]
fn resources_are_counted() {
    let house = House::new();
    let sandbox = house.spawn("usage");
    let burn = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
    let output = run(&*sandbox, &sh(burn));
    let usage = output.finished.usage;
    assert!(usage.user_us > 10_000, "{usage:?}");
    assert!((500_000..1 << 30).contains(&usage.memory_max_bytes), "{usage:?}");
}

#[test]
fn frozen_nothing_moves_and_thawed_it_goes_on() {
    let house = House::new();
    let sandbox = house.spawn("freeze");
    let counting = "i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.01; done";
    let running = sandbox.exec(&sh(counting)).expect("sh");
    let count = || {
        let mut count = String::new();
        let path = std::path::Path::new("/tmp/count");
        sandbox.open_file(path).map(|mut file| file.read_to_string(&mut count)).ok();
        count
    };
    let through_init = sandbox.enforced().freeze == greenroom_boxes::sandbox::Enforcement::Signals;
    eventually("it counts", || count().len() > 1);
    sandbox.freeze().expect("frozen");
    if through_init {
        let stood = count();
        pause(200);
        assert_eq!(count(), stood);
    } else {
        let cpu = sandbox.usage().expect("usage").cpu_us;
        pause(200);
        assert_eq!(sandbox.usage().expect("usage").cpu_us, cpu);
        assert!(matches!(sandbox.exec(&command(&["true"])), Err(Error::Frozen { .. })));
    }
    sandbox.thaw().expect("thawed");
    let stood = count();
    eventually("it counts again", || count() != stood);
    drop(running);
}
