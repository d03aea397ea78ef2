//! Boxes begin, freeze, end, and leave nothing.

use std::fs;

use greenroom_boxes::sandbox::{End, Error, ExecSpec, Level};
use greenroom_boxes::wasm::Wasm;

use crate::house::{House, command, pause, start};
use crate::program::Program;

fn endless() -> Program {
    Program::new().code("(loop $ever (br $ever))")
}

#[test]
fn a_frozen_box_uses_no_cpu_and_no_time() {
    let house = House::new();
    let sandbox = house.spawn("freeze");
    drop(start(&*sandbox, &endless()));
    let spec = ExecSpec { timeout_ms: Some(600), ..command(&["/program.wasm"]) };
    let running = sandbox.exec(&spec).expect("starts");
    sandbox.freeze().expect("frozen");
    let before = sandbox.usage().expect("usage").cpu_us;
    pause(1000);
    assert_eq!(sandbox.usage().expect("usage").cpu_us, before);
    for error in [
        sandbox.exec(&spec).expect_err("frozen"),
        sandbox.open_file("/program.wasm".as_ref()).expect_err("frozen"),
    ] {
        assert!(matches!(error, Error::Frozen { .. }), "{error}");
    }
    sandbox.thaw().expect("thawed");
    let finished = running.wait(b"", 0, &mut |_, _| {}).expect("ends");
    assert_eq!(finished.end, End::TimedOut);
    assert!(finished.usage.user_us > 0 && sandbox.usage().expect("usage").cpu_us > before);
}

#[test]
fn destroying_ends_what_runs_waits_or_is_frozen() {
    let house = House::new();
    for frozen in [false, true] {
        let sandbox = house.spawn("end");
        let loops = start(&*sandbox, &endless());
        let mut waits = start(&*sandbox, &Program::new().code("(drop (call $read (i32.const 0)))"));
        let stdin = waits.stdin.take();
        if frozen {
            sandbox.freeze().expect("frozen");
        }
        let dir = sandbox.upper().and_then(|upper| upper.parent()).expect("its own").to_owned();
        sandbox.destroy().expect("ended");
        assert!(!dir.exists(), "{} is left", dir.display());
        for running in [loops, waits] {
            let finished = running.wait(b"", 0, &mut |_, _| {}).expect("told");
            assert_eq!(finished.end, End::Signal(9));
        }
        drop(stdin);
    }
}

#[test]
fn what_a_dead_program_left_is_removed_and_a_living_one_is_let_be() {
    let house = House::new();
    let sandbox = house.spawn("lives");
    let left = house.path("state/wasm-999999-0");
    fs::create_dir_all(left.join("box.0/upper")).expect("folder");
    fs::write(left.join("lock"), "").expect("lock");
    let second = Wasm::open(&house.path("state")).expect("a second level");
    assert!(!left.exists(), "the dead one's is gone");
    assert!(sandbox.upper().expect("a directory").exists(), "the living one's is not");
    drop(second.create(&house.spec("lives")).expect("the same name, on another level"));
    drop((second, sandbox));
    let House { level, dir } = house;
    drop(level);
    let left: Vec<_> = fs::read_dir(dir.path().join("state")).expect("read").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}
