//! Commands: codes, streams, words, signals, time.

use std::io::{Read, Write};

use greenroom_boxes::sandbox::{End, Error, ExecSpec, Terminal};

use crate::house::{House, command, install, pause, run, start, text};
use crate::program::Program;

#[test]
fn codes_and_streams_come_back() {
    let house = House::new();
    let sandbox = house.spawn("codes");
    let output = run(&*sandbox, &Program::new().say(1, "out\n").say(2, "err\n").exit(7));
    // WASI 0.2 knows success and failure; a number is not among what is stable in it.
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(output.finished.end, End::Code(1));
    assert!(output.finished.usage.memory_max_bytes >= 131_072, "{:?}", output.finished.usage);
    let output = run(&*sandbox, &Program::new());
    assert_eq!(output.finished.end, End::Code(0));
}

#[test]
fn input_and_output_stream_while_it_runs() {
    let house = House::new();
    let sandbox = house.spawn("stream");
    let program = Program::new().say(1, "first\n").code("(call $copy (i32.const 0) (i32.const 1))");
    let mut running = start(&*sandbox, &program);
    let mut stdout = std::fs::File::from(running.stdout.take().expect("stdout"));
    let mut first = [0; 6];
    stdout.read_exact(&mut first).expect("the first line, before any input");
    assert_eq!(&first, b"first\n");
    let mut stdin = std::fs::File::from(running.stdin.take().expect("stdin"));
    stdin.write_all(b"second\n").expect("written");
    let mut second = [0; 7];
    stdout.read_exact(&mut second).expect("the second, before the end of input");
    assert_eq!(&second, b"second\n");
    drop(stdin);
    assert_eq!(running.wait(b"", 0, &mut |_, _| {}).expect("ends").end, End::Code(0));
}

#[test]
fn a_megabyte_goes_through_and_a_flood_is_cut() {
    let house = House::new();
    let sandbox = house.spawn("mega");
    let cat = Program::new().code("(call $copy (i32.const 0) (i32.const 1))");
    let input: Vec<u8> = (0..1_000_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let output = start(&*sandbox, &cat).output(&input, 2_000_000).expect("ends");
    assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
    let output = start(&*sandbox, &cat).output(&input, 1000).expect("ends");
    assert_eq!((output.stdout.len(), output.finished.cut_bytes), (1000, 999_000));
    assert_eq!(output.finished.end, End::Code(0));
}

#[test]
fn it_sees_its_words_and_nothing_of_the_hosts() {
    let house = House::new();
    let sandbox = house.spawn("words");
    install(&*sandbox, "/env.wasm", &Program::new().words("environ").component());
    install(&*sandbox, "/args.wasm", &Program::new().words("args").component());
    let output = sandbox.exec(&command(&["/env.wasm"])).expect("starts");
    assert_eq!(text(&output.output(b"", 1000).expect("ends")), "", "PATH is the host's");
    let mut spec = command(&["args.wasm", "a b", "$HOME"]);
    spec.env.insert("PATH".to_owned(), "/nowhere:/".to_owned());
    let output = sandbox.exec(&spec).expect("found in PATH").output(b"", 1000).expect("ends");
    assert_eq!(text(&output), "args.wasm\0a b\0$HOME\0");
    spec.argv = vec!["./env.wasm".to_owned()];
    let output = sandbox.exec(&spec).expect("from the root").output(b"", 1000).expect("ends");
    assert_eq!(text(&output), "PATH=/nowhere:/\0");
}

#[test]
fn a_timeout_ends_a_loop_and_a_wait() {
    let house = House::new();
    let sandbox = house.spawn("timeout");
    let wait = Program::new().code("(drop (call $read (i32.const 0)))");
    for program in [Program::new().code("(loop $ever (br $ever))"), wait] {
        let running = start(&*sandbox, &program);
        drop(running);
        let spec = ExecSpec { timeout_ms: Some(300), ..command(&["/program.wasm"]) };
        let mut running = sandbox.exec(&spec).expect("compiled before");
        // Held open: nobody writes to it.
        let stdin = running.stdin.take();
        let finished = running.wait(b"", 0, &mut |_, _| {}).expect("ends");
        assert_eq!(finished.end, End::TimedOut);
        drop(stdin);
    }
    sandbox.destroy().expect("nothing runs on");
}

#[test]
fn kills_and_signals_end_it() {
    let house = House::new();
    let sandbox = house.spawn("signals");
    let endless = Program::new().code("(loop $ever (br $ever))");
    let running = start(&*sandbox, &endless);
    running.kill().expect("killed");
    assert_eq!(running.wait(b"", 0, &mut |_, _| {}).expect("ends").end, End::Signal(9));
    let running = start(&*sandbox, &endless);
    running.signal(libc::SIGWINCH).expect("sent");
    running.signal(libc::SIGTERM).expect("sent");
    let finished = running.wait(b"", 0, &mut |_, _| {}).expect("ends");
    assert_eq!(finished.end, End::Signal(libc::SIGTERM));
    assert!(finished.usage.user_us > 0, "{:?}", finished.usage);
    // Who is not waited for ends too.
    drop(start(&*sandbox, &endless));
    for _ in 0..500 {
        if sandbox.usage().expect("usage").pids == Some(0) {
            return;
        }
        pause(10);
    }
    panic!("it runs on without an owner");
}

#[test]
fn traps_say_what_happened() {
    let house = House::new();
    let sandbox = house.spawn("traps");
    let endless = "(call $write (i32.const 2) (i32.const 0) (i32.const 0))";
    for (code, signal, says) in [
        ("unreachable", libc::SIGABRT, "unreachable"),
        ("(drop (i32.load (i32.const 900000000)))", libc::SIGSEGV, "out of bounds"),
        ("(drop (i32.div_s (i32.const 1) (i32.load (i32.const 950))))", libc::SIGFPE, "zero"),
    ] {
        let output = run(&*sandbox, &Program::new().say(1, "before\n").code(code).code(endless));
        assert_eq!(output.finished.end, End::Signal(signal), "{}", text(&output));
        assert!(output.stdout == b"before\n" && text(&output).contains(says), "{}", text(&output));
    }
}

#[test]
fn what_is_no_component_is_refused_with_the_way_out() {
    let house = House::new();
    let sandbox = house.spawn("refused");
    install(&*sandbox, "/module.wasm", &Program::new().module());
    install(&*sandbox, "/script", b"#!/bin/sh\n");
    install(&*sandbox, "/broken.wasm", b"\0asm\x0d\0\x01\0broken");
    let none = wat::parse_str("(component)").expect("text");
    install(&*sandbox, "/none.wasm", &none);
    for (path, says) in [
        ("/module.wasm", "wasm32-wasip2"),
        ("/script", "`namespace` runs programs"),
        ("/broken.wasm", "unexpected end"),
        ("/none.wasm", "wasi:cli/run"),
        ("/missing", "No such file"),
        ("/etc", "not a regular file"),
        ("/etc/../../../../../../../bin/true", "No such file"),
    ] {
        let error = sandbox.exec(&command(&[path])).expect_err(path);
        assert!(matches!(error, Error::Command { .. }), "{error}");
        assert!(error.to_string().contains(says), "{path}: {error}");
    }
    let spec = ExecSpec {
        terminal: Some(Terminal { rows: 24, columns: 80 }),
        ..command(&["/module.wasm"])
    };
    let error = sandbox.exec(&spec).expect_err("no terminal");
    assert!(error.to_string().contains("terminal"), "{error}");
}
