//! Which files the level is made of.

use std::path::PathBuf;

/// The files that virtual machines need. None is ever downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The program `cloud-hypervisor`.
    pub vmm: PathBuf,
    /// An uncompressed Linux kernel with virtio-vsock and initramfs built in.
    pub kernel: PathBuf,
    /// `greenroom-box-guest`, linked statically.
    pub agent: PathBuf,
}

impl Settings {
    /// From `GREENROOM_MICROVM_VMM`, `GREENROOM_MICROVM_KERNEL` and `GREENROOM_MICROVM_AGENT`;
    /// otherwise the program in `PATH`, `vmlinux` in `/usr/share/greenroom/microvm`, and the agent
    /// beside this program.
    pub fn from_env() -> Self {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
        Self {
            vmm: named("GREENROOM_MICROVM_VMM").unwrap_or_else(vmm),
            kernel: named("GREENROOM_MICROVM_KERNEL")
                .unwrap_or_else(|| "/usr/share/greenroom/microvm/vmlinux".into()),
            agent: named("GREENROOM_MICROVM_AGENT")
                .unwrap_or_else(|| beside.unwrap_or_default().join("greenroom-box-guest")),
        }
    }
}

fn vmm() -> PathBuf {
    let name = "cloud-hypervisor";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| name.into())
}
