//! What a box may use up, and what this level cannot hold.

use greenroom_boxes::sandbox::{End, Enforcement, Error, ExecSpec, Level, Listen, Upper};

use crate::house::{House, command, run, start, text};
use crate::program::Program;

/// Takes 64 KiB at a time until it gets no more, then writes a byte for each.
fn eater() -> Program {
    // Writing takes memory the first time.
    Program::new().say(1, "x").code(
        "(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
         (call $write (i32.const 1) (i32.const 1024) (memory.size))",
    )
}

#[test]
fn memory_is_held_for_the_box_and_given_back() {
    let house = House::new();
    let mut spec = house.spec("memory");
    spec.limits.memory_bytes = Some(8 << 20);
    let sandbox = house.level.create(&spec).expect("a box");
    assert_eq!(sandbox.enforced().memory, Enforcement::BoxLimit);
    for _ in 0..2 {
        let output = run(&*sandbox, &eater());
        // The adapter has some pages of its own.
        assert!((110..=129).contains(&output.stdout.len()), "{} pages", output.stdout.len());
        assert!(output.finished.usage.memory_max_bytes > 7 << 20);
    }
    // A second command has only what the first one leaves.
    let hold = "(drop (memory.grow (i32.const 60))) (drop (call $read (i32.const 0)))";
    let mut holding = start(&*sandbox, &Program::new().say(1, "x").code(hold));
    let stdin = holding.stdin.take();
    while sandbox.usage().expect("usage").memory_bytes < Some(4 << 20) {
        crate::house::pause(5);
    }
    let output = run(&*sandbox, &eater());
    assert!((40..=68).contains(&output.stdout.len()), "{} pages", output.stdout.len());
    drop(stdin);
    assert_eq!(holding.wait(b"", 0, &mut |_, _| {}).expect("ends").end, End::Code(0));
    assert_eq!(sandbox.usage().expect("usage").memory_bytes, Some(0));
}

#[test]
fn cpu_is_held_to_its_share() {
    let house = House::new();
    let endless = Program::new().code("(loop $ever (br $ever))");
    let used = |milli| {
        let mut spec = house.spec("cpu");
        spec.limits.cpu_milli = milli;
        let sandbox = house.level.create(&spec).expect("a box");
        drop(start(&*sandbox, &endless));
        let spec = ExecSpec { timeout_ms: Some(1000), ..command(&["/program.wasm"]) };
        let finished = sandbox.exec(&spec).expect("starts").wait(b"", 0, &mut |_, _| {});
        let finished = finished.expect("ends");
        assert_eq!(finished.end, End::TimedOut);
        finished.usage.user_us
    };
    let (free, tenth) = (used(None), used(Some(100)));
    assert!(tenth < 150_000, "{tenth} us of a second");
    assert!(free > 2 * tenth, "{free} us without a limit");
}

#[test]
fn fuel_ends_at_the_same_place_each_time() {
    let house = House::with_fuel(Some(200_000));
    let sandbox = house.spawn("fuel");
    let count =
        "(loop $ever (call $write (i32.const 1) (i32.const 1024) (i32.const 1)) (br $ever))";
    let program = Program::new().say(1, "x").code(count);
    let first = run(&*sandbox, &program);
    assert_eq!(first.finished.end, End::Signal(libc::SIGXCPU), "{}", text(&first));
    assert!(text(&first).contains("fuel"), "{}", text(&first));
    let second = run(&*sandbox, &program);
    assert!(!first.stdout.is_empty() && first.stdout == second.stdout);
    assert_eq!(run(&*sandbox, &Program::new().say(1, "y")).finished.end, End::Code(0));
}

#[test]
fn commands_are_counted() {
    let house = House::new();
    let mut spec = house.spec("commands");
    spec.limits.pids = Some(4);
    let sandbox = house.level.create(&spec).expect("a box");
    let waits = Program::new().code("(drop (call $read (i32.const 0)))");
    let held: Vec<_> = (0..4).map(|_| start(&*sandbox, &waits)).collect();
    let error = sandbox.exec(&command(&["/program.wasm"])).expect_err("a fifth");
    assert!(matches!(error, Error::Command { .. }), "{error}");
    drop(held);
}

#[test]
fn what_cannot_be_held_is_refused_or_said() {
    let house = House::new();
    let mut spec = house.spec("refused");
    spec.upper = Upper::Memory { bytes: 1 << 20, inodes: 10 };
    let error = house.level.create(&spec).err().expect("no memory files");
    assert!(matches!(error, Error::Invalid { field: "upper", .. }), "{error}");
    let mut spec = house.spec("refused");
    spec.limits.file_bytes = Some(1);
    let error = house.level.create(&spec).err().expect("no limit on a file");
    assert!(matches!(error, Error::Invalid { field: "limits.file_bytes", .. }), "{error}");
    let mut spec = house.spec("refused");
    spec.listen.push(Listen::Tcp { port: 80 });
    let error = house.level.create(&spec).err().expect("no sockets");
    assert!(matches!(error, Error::Invalid { field: "listen", .. }), "{error}");
    let sandbox = house.spawn("said");
    assert!(matches!(sandbox.enforced().disk, Enforcement::NotEnforced(_)));
}

#[test]
fn handles_are_counted() {
    let house = House::new();
    let mut spec = house.spec("handles");
    let open = Program::new().open_often(40, "etc/note").say(1, "all");
    assert_eq!(text(&run(&*house.level.create(&spec).expect("a box"), &open)), "all");
    spec.limits.open_files = 20;
    let output = run(&*house.level.create(&spec).expect("a box"), &open);
    assert!(output.stdout.is_empty() && output.finished.end != End::Code(0), "{}", text(&output));
}

#[test]
fn compiling_takes_of_a_commands_time() {
    let house = House::new();
    let sandbox = house.spawn("compile");
    crate::house::install(&*sandbox, "/slow.wasm", &Program::new().say(1, "x").component());
    let spec = ExecSpec { timeout_ms: Some(1), ..command(&["/slow.wasm"]) };
    let error = sandbox.exec(&spec).expect_err("not within a millisecond");
    assert!(error.to_string().contains("before it was compiled"), "{error}");
    let spec = ExecSpec { timeout_ms: Some(60_000), ..spec };
    let output = sandbox.exec(&spec).expect("starts").output(b"", 10).expect("ends");
    assert_eq!(text(&output), "x");
}
