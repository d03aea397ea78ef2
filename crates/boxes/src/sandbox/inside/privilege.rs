//! The giving up: limits, capabilities, Landlock, the system call filter. After it nothing that
//! runs in the box can get any of it back.

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, Scope,
};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_no_new_privs,
};

use super::super::spec::Enforcement;
use super::super::wire::{Failure, Go};
use super::super::{seccomp, sys};

/// Brings up `lo`, the only interface there is.
pub fn network() -> Result<(), Failure> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)
        .map_err(Failure::at("open a socket for lo"))?;
    sys::loopback_up(std::os::fd::AsFd::as_fd(&socket)).map_err(Failure::at("bring up lo"))
}

/// What a box may have of what the kernel counts by user, on top of the user's own limit: a box of
/// an unprivileged user is that user, who shall have some left.
const COUNTED: [(&str, &str); 2] =
    [("max_inotify_instances", "48"), ("max_inotify_watches", "65536")];

/// Limits what nothing else does. A kernel without these settings, or a container that shows them
/// read-only, has no such limit.
pub fn counted() {
    for (name, most) in COUNTED {
        let _ = std::fs::write(format!("/proc/sys/user/{name}"), most);
    }
}

/// Gives up everything, in the one order in which each step is still allowed.
pub fn give_up(go: &Go) -> Result<(), Failure> {
    limits(go)?;
    capabilities()?;
    set_no_new_privs(true).map_err(Failure::at("no_new_privs"))?;
    restrict()
        .map_err(|error| Failure { stage: format!("landlock: {error}"), errno: libc::EPERM })?;
    // Nobody else may look into this process: its memory and descriptors are not the box's.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Failure::at("not dumpable"))?;
    sys::seccomp_filter(&seccomp::program()).map_err(Failure::at("seccomp"))
}

fn limits(go: &Go) -> Result<(), Failure> {
    let limits = &go.spec.limits;
    let set = |resource, value: u64| {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(resource, limit).map_err(Failure::at(format!("limit {resource:?}")))
    };
    set(Resource::Core, 0)?;
    set(Resource::Nofile, u64::from(limits.open_files))?;
    if let Some(bytes) = limits.file_bytes {
        set(Resource::Fsize, bytes)?;
    }
    if let (Some(bytes), Enforcement::ProcessLimit) = (limits.memory_bytes, &go.enforced.memory) {
        set(Resource::As, bytes)?;
    }
    // Counted per user and user namespace, so for this box alone. Also beside a cgroup.
    limits.pids.map_or(Ok(()), |pids| set(Resource::Nproc, u64::from(pids)))
}

/// No capability in any set, none to be had by exec, and no way to change that.
fn capabilities() -> Result<(), Failure> {
    for capability in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << capability);
        // The kernel refuses the first number that it has no capability for.
        if remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    set_capabilities_secure_bits(bits).map_err(Failure::at("secure bits"))?;
    clear_ambient_capability_set().map_err(Failure::at("ambient capabilities"))?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(Failure::at("drop capabilities"))
}

/// A second wall where the kernel has it: no change of mounts, no device nodes and no commands to
/// devices, no signal and no abstract socket to anything outside, and no file by way of a
/// descriptor or link to outside of this root.
fn restrict() -> Result<(), RulesetError> {
    let abi = ABI::V6;
    let all = AccessFs::from_all(abi);
    let inside = all & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(abi))?
        .create()?;
    if let Ok(root) = PathFd::new("/") {
        rules = rules.add_rule(PathBeneath::new(root, inside))?;
    }
    // Terminals need commands; the rest of `/dev` is harmless, and asks only whether it is one.
    if let Ok(devices) = PathFd::new("/dev") {
        rules = rules.add_rule(PathBeneath::new(devices, AccessFs::IoctlDev))?;
    }
    rules.restrict_self().map(drop)
}
