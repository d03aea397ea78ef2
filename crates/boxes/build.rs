//! Builds the hub's client, which runs in boxes whose base may be empty: as one static program.
//! Cargo builds binaries the way the machine's programs are; this one must need no library.

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "src/bin/greenroom-hub";

type Problem = Box<dyn std::error::Error>;

fn main() -> Result<(), Problem> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("greenroom-hub");
    compile(&out)?;
    check_static(&out)
}

fn compile(out: &Path) -> Result<(), Problem> {
    let target = std::env::var("TARGET")?;
    let mut rustc = Command::new(std::env::var("RUSTC")?);
    rustc.arg(format!("{SOURCE}/main.rs")).args(["--edition", "2024", "--crate-type", "bin"]);
    rustc.args(["--crate-name", "greenroom_hub", "--cap-lints", "allow", "--target", &target]);
    for option in [
        "target-feature=+crt-static",
        "relocation-model=static",
        "panic=abort",
        "opt-level=z",
        "lto=fat",
        "codegen-units=1",
        "strip=symbols",
    ] {
        rustc.args(["-C", option]);
    }
    if let Ok(linker) = std::env::var("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={linker}"));
    }
    let done = rustc.arg("-o").arg(out).output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!(
        "the hub's client could not be built as a static program for {target}.\n{said}\n\
         It needs the static C library of that target: on Debian and Ubuntu the package \
         `libc6-dev` (for another target `libc6-dev-ARCH-cross`), on Fedora `glibc-static`, on \
         Alpine `musl-dev`; and, if the target is not this machine's, its Rust standard library \
         (`rustup target add {target}`) and its linker (CARGO_TARGET_…_LINKER)"
    )
    .into())
}

/// Whether it names no interpreter: else it would not start where there is none.
fn check_static(program: &Path) -> Result<(), Problem> {
    let bytes = std::fs::read(program)?;
    match interpreters(&bytes) {
        Some(0) => Ok(()),
        Some(_) => Err("the hub's client was built, but needs a dynamic linker, and would not \
                        start in an empty box: the target's `crt-static` does nothing here"
            .into()),
        None => {
            Err("the hub's client is no 64-bit little-endian ELF program: boxes are built for \
                     64-bit Linux alone"
                .into())
        }
    }
}

/// How many program headers of kind `PT_INTERP` there are.
fn interpreters(elf: &[u8]) -> Option<usize> {
    const PT_INTERP: u32 = 3;
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let read = elf.get(at..at + bytes)?.iter().rev();
        Some(read.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    let mut found = 0;
    for index in 0..count {
        let kind = number(table + index * size, 4)?;
        found += usize::from(u32::try_from(kind).ok()? == PT_INTERP);
    }
    Some(found)
}
