//! The binary `greenroom`: the command line with no kinds of its own.

fn main() -> std::process::ExitCode {
    greenroom::main(greenroom::Registry::new())
}
