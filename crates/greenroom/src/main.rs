//! The binary `greenroom`: the command line with no kinds of its own.

/// A journal's rows are many short lives of all sizes, made on one thread and
/// dropped on another, which costs glibc's allocator a fifth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    greenroom::main(greenroom::Registry::new())
}
