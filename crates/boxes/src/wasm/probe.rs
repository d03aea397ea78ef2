//! Proves the level's mechanisms by small components that try to get around them.

use std::io::Write;
use std::path::Path;

use super::level::Wasm;
use crate::sandbox::wire::Check;
use crate::sandbox::{End, Error, ExecSpec, Finished, Level, Limits, Sandbox, SandboxSpec, Upper};

/// What a component does, that it may do so, and what was expected of it.
struct Trial {
    mechanism: &'static str,
    /// The body of its function, which answers 0 for success.
    body: &'static str,
    end: End,
    seen: &'static str,
}

const TRIALS: [Trial; 4] = [
    Trial { mechanism: "component", body: "i32.const 0", end: End::Code(0), seen: "one ran" },
    Trial {
        mechanism: "time",
        body: "(loop br 0) unreachable",
        end: End::TimedOut,
        seen: "an endless loop was ended",
    },
    Trial {
        mechanism: "memory",
        // Growing succeeds by an answer over -1; then the command has failed.
        body: "(i32.ge_s (memory.grow (i32.const 2000)) (i32.const 0))",
        end: End::Code(0),
        seen: "memory over the limit was refused",
    },
    Trial {
        mechanism: "trap",
        body: "(i32.load (i32.const 2000000000))",
        end: End::Signal(libc::SIGSEGV),
        seen: "memory of others could not be read",
    },
];

/// Tries everything in boxes that are made and ended for it.
pub(crate) fn probe(state: &Path) -> Vec<Check> {
    let tried = boxed(Wasm::open(state)).map(|sandbox| {
        let mut checks = Vec::new();
        for trial in &TRIALS {
            let ended = run(&*sandbox, &component(trial.body));
            checks.push(check(trial.mechanism, ended, trial.end, trial.seen));
        }
        checks.push(network(&*sandbox));
        let stopped = sandbox.freeze().and_then(|()| sandbox.thaw());
        checks.push(done("freeze", stopped.and_then(|()| sandbox.destroy())));
        checks
    });
    let mut checks = tried.unwrap_or_else(|error| vec![done("component", Err(error))]);
    let fuel = boxed(Wasm::with_fuel(state, Some(100_000)))
        .and_then(|sandbox| run(&*sandbox, &component("(loop br 0) unreachable")));
    let end = End::Signal(libc::SIGXCPU);
    checks.push(check("fuel", fuel, end, "an endless loop used up its fuel"));
    checks
}

fn boxed(level: Result<Wasm, Error>) -> Result<Box<dyn Sandbox>, Error> {
    let limits = Limits { memory_bytes: Some(16 << 20), ..Limits::default() };
    level?.create(&SandboxSpec {
        id: "doctor".to_owned(),
        lower: Vec::new(),
        upper: Upper::Disk,
        binds: Vec::new(),
        listen: Vec::new(),
        limits,
    })
}

fn run(sandbox: &dyn Sandbox, text: &str) -> Result<Finished, Error> {
    let path = "/probe.wasm";
    let bytes = wat::parse_str(text).map_err(std::io::Error::other);
    let bytes = bytes.map_err(Error::system("encode a component"))?;
    let mut file = sandbox.create_file(Path::new(path), 0o600)?;
    file.write_all(&bytes).map_err(Error::system("write a component"))?;
    let (argv, timeout_ms) = (vec![path.to_owned()], Some(TIME_MS));
    let spec = ExecSpec { argv, timeout_ms, ..ExecSpec::default() };
    sandbox.exec(&spec)?.wait(b"", 0, &mut |_, _| {})
}

/// Enough to compile some lines on a busy machine, and not long to wait for a loop's end.
const TIME_MS: u64 = 1000;

/// A component that asks for sockets must not even be loaded.
fn network(sandbox: &dyn Sandbox) -> Check {
    let import = "(import \"wasi:sockets/instance-network@0.2.0\" (instance \
                  (export \"network\" (type (sub resource)))))";
    let text = component("i32.const 0").replacen("(component", &format!("(component {import}"), 1);
    let (ok, seen) = match run(sandbox, &text) {
        Ok(_) => (false, "a component that asks for sockets was run".to_owned()),
        Err(Error::Command { .. }) => (true, "a component that asks for sockets is refused".into()),
        Err(error) => (false, error.to_string()),
    };
    Check { mechanism: "network".to_owned(), ok, seen }
}

fn component(body: &str) -> String {
    format!(
        "(component
           (core module $m (memory 1) (func (export \"run\") (result i32) {body}))
           (core instance $i (instantiate $m))
           (func $run (result (result)) (canon lift (core func $i \"run\")))
           (instance $command (export \"run\" (func $run)))
           (export \"wasi:cli/run@0.2.0\" (instance $command)))"
    )
}

fn check(mechanism: &str, ended: Result<Finished, Error>, end: End, seen: &str) -> Check {
    let (ok, seen) = match ended {
        Ok(finished) if finished.end == end => (true, seen.to_owned()),
        Ok(finished) => (false, format!("ended by {:?}, expected {end:?}", finished.end)),
        Err(error) => (false, error.to_string()),
    };
    Check { mechanism: mechanism.to_owned(), ok, seen }
}

fn done(mechanism: &str, result: Result<(), Error>) -> Check {
    let seen = result.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned());
    Check { mechanism: mechanism.to_owned(), ok: result.is_ok(), seen }
}
