//! Looks for each thing that a virtual machine needs, and runs a tiny one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use kvm_ioctls::{Kvm, VcpuExit};

use super::settings::Settings;
use crate::sandbox::sys::{GuestPage, kvm_memory};
use crate::sandbox::wire::Check;

/// Every row of the doctor.
pub(crate) fn probe() -> Vec<Check> {
    checks(&Settings::from_env())
}

/// What is missing and what to do about it, in one line; `None` when nothing is.
pub fn missing(settings: &Settings) -> Option<String> {
    let lacks = checks(settings).into_iter().filter(|check| !check.ok);
    let lacks: Vec<_> = lacks.map(|check| format!("{}: {}", check.mechanism, check.seen)).collect();
    (!lacks.is_empty()).then(|| lacks.join("; "))
}

pub fn checks(settings: &Settings) -> Vec<Check> {
    vec![
        row("kvm", kvm()),
        row("guest", guest()),
        row("long mode", long_mode()),
        row("monitor", monitor(&settings.vmm)),
        row("kernel", kernel(&settings.kernel)),
        row("agent", agent(&settings.agent)),
    ]
}

fn row(mechanism: &str, seen: Result<String, String>) -> Check {
    let ok = seen.is_ok();
    Check { mechanism: mechanism.to_owned(), ok, seen: seen.unwrap_or_else(|why| why) }
}

fn kvm() -> Result<String, String> {
    let what_next = "load the module kvm_intel or kvm_amd, turn virtualization on in the firmware \
                     or the outer machine, and let this user open it (group kvm)";
    match Kvm::new() {
        Ok(kvm) => Ok(format!("/dev/kvm opens, API version {}", kvm.get_api_version())),
        Err(errno) => Err(format!("/dev/kvm: {}; {what_next}", io::Error::from(errno))),
    }
}

/// `out 0x10, al` with 42, then `hlt`: in real mode, as a machine begins.
const TINY: [u8; 5] = [0xb0, 0x2a, 0xe6, 0x10, 0xf4];

fn guest() -> Result<String, String> {
    let ran = run_tiny().map_err(|error| {
        format!("a guest of five bytes did not run: {error}; this machine cannot have guests")
    })?;
    match ran {
        Some(42) => Ok("a guest of five bytes ran".to_owned()),
        other => Err(format!("a guest of five bytes answered {other:?} where 42 was right")),
    }
}

/// What the guest wrote to its port.
fn run_tiny() -> io::Result<Option<u8>> {
    let vm = Kvm::new()?.create_vm()?;
    let mut code = [0xf4; 4096];
    code[..TINY.len()].copy_from_slice(&TINY);
    // Kept for ever: the kernel reads it as long as anybody holds the machine.
    kvm_memory(&vm, Box::leak(Box::new(GuestPage(code))))?;
    let mut vcpu = vm.create_vcpu(0)?;
    let mut segments = vcpu.get_sregs()?;
    (segments.cs.base, segments.cs.selector) = (0, 0);
    vcpu.set_sregs(&segments)?;
    let mut registers = vcpu.get_regs()?;
    (registers.rip, registers.rflags) = (0, 2);
    vcpu.set_regs(&registers)?;
    match vcpu.run()? {
        VcpuExit::IoOut(0x10, bytes) => Ok(bytes.first().copied()),
        _ => Ok(None),
    }
}

/// A kernel with KVM of its own processor's kind runs 64-bit guests on the processor. Others open
/// `/dev/kvm` too and emulate them instruction by instruction, which no kernel survives.
fn long_mode() -> Result<String, String> {
    let modules = ["kvm_intel", "kvm_amd"];
    let found = modules.into_iter().find(|name| Path::new("/sys/module").join(name).exists());
    found.map(|name| format!("{name} is there")).ok_or_else(|| {
        "neither kvm_intel nor kvm_amd: KVM here would emulate a 64-bit kernel, which has been \
         seen to fail; run on a machine with hardware virtualization"
            .to_owned()
    })
}

fn monitor(vmm: &Path) -> Result<String, String> {
    let what_next = "install cloud-hypervisor, or name it in GREENROOM_MICROVM_VMM";
    let ran = Command::new(vmm).arg("--version").output();
    match ran {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(output) => Err(format!("{} --version: {}; {what_next}", vmm.display(), output.status)),
        Err(error) => Err(format!("{}: {error}; {what_next}", vmm.display())),
    }
}

fn kernel(path: &Path) -> Result<String, String> {
    let what_next = "put an uncompressed Linux kernel (vmlinux) there, or name it in \
                     GREENROOM_MICROVM_KERNEL";
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    match read {
        Ok(()) if magic == *b"\x7fELF" => Ok(format!("{} is there", path.display())),
        Ok(()) => Err(format!("{} is no ELF image; {what_next}", path.display())),
        Err(error) => Err(format!("{}: {error}; {what_next}", path.display())),
    }
}

fn agent(path: &Path) -> Result<String, String> {
    let what_next = "build it with RUSTFLAGS=\"-C target-feature=+crt-static\" cargo build --target \
                     x86_64-unknown-linux-gnu --features microvm --bin greenroom-box-guest, or name \
                     it in GREENROOM_MICROVM_AGENT";
    match is_static(path) {
        Ok(true) => Ok(format!("{} is there, linked statically", path.display())),
        Ok(false) => Err(format!("{} is not linked statically; {what_next}", path.display())),
        Err(error) => Err(format!("{}: {error}; {what_next}", path.display())),
    }
}

/// Whether a 64-bit ELF program names no interpreter.
fn is_static(path: &Path) -> io::Result<bool> {
    const INTERPRETER: u32 = 3;
    let file = File::open(path)?;
    let mut head = [0; 64];
    file.read_exact_at(&mut head, 0)?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return Err(io::Error::other("no 64-bit ELF program"));
    }
    let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let mut at = [0; 8];
    at.copy_from_slice(&head[32..40]);
    let (first, size, count) = (u64::from_le_bytes(at), half(54), half(56));
    for number in 0..u64::from(count) {
        let mut kind = [0; 4];
        file.read_exact_at(&mut kind, first.saturating_add(number * u64::from(size)))?;
        if u32::from_le_bytes(kind) == INTERPRETER {
            return Ok(false);
        }
    }
    Ok(true)
}
