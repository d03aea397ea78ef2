//! The system calls that no safe crate wraps. The only file of the project where `unsafe` may
//! stand: every block is one call, with a sentence on why it is sound. Decides nothing.
#![expect(unsafe_code, reason = "clone, seccomp and mount_setattr have no safe wrapper anywhere")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Signal};

use super::seccomp::Instruction;
use super::spec::Usage;

/// A new process: which namespaces it gets, and the cgroup it is born in.
pub struct Birth<'fd> {
    /// `CLONE_NEW*`.
    pub namespaces: u64,
    /// A directory of cgroup v2.
    pub cgroup: Option<BorrowedFd<'fd>>,
}

/// What both sides of a fork learn: the parent the child's id and a pidfd, the child nothing.
pub enum Side {
    /// In the parent.
    Parent(Pid, OwnedFd),
    /// In the child.
    Child,
}

/// libc's constant of the name is too narrow for the value.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Forks into new namespaces. The calling process must have one thread only.
pub fn clone_process(birth: &Birth<'_>) -> io::Result<Side> {
    let mut pidfd: RawFd = -1;
    // SAFETY: `clone_args` is plain integers, for which all zeroes is a value.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = birth.namespaces | libc::CLONE_PIDFD as u64;
    args.pidfd = std::ptr::from_mut(&mut pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = birth.cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM the child has its own copy of the memory, and with no stack given
    // it goes on on that copy, as after fork; the caller has one thread, so no lock is held.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
    side(pid, pidfd)
}

fn side(pid: libc::c_long, pidfd: RawFd) -> io::Result<Side> {
    match i32::try_from(pid).ok().and_then(Pid::from_raw) {
        Some(pid) if pidfd >= 0 => {
            // SAFETY: the kernel just made this descriptor for us and nobody else has it.
            Ok(Side::Parent(pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
        }
        _ if pid == 0 => Ok(Side::Child),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Forks. The calling process must have one thread only. `None` is the child.
pub fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: the caller has one thread, so that no other one holds a lock in the child.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Ends the process at once: no destructors, no buffers, nothing of the parent's copied state.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: always sound; it does not return.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from 3 on but these. For a freshly forked process that never returns
/// to its parent's code: handles it inherited must not be used or dropped any more.
pub fn close_all_but(keep: &[RawFd]) -> io::Result<()> {
    let mut keep = keep.to_vec();
    keep.retain(|fd| *fd > 2);
    keep.sort_unstable();
    let mut first = 3;
    for fd in keep {
        if fd > first {
            close_range(first, fd - 1, 0)?;
        }
        first = fd + 1;
    }
    close_range(first, RawFd::MAX, 0)
}

/// Marks every descriptor from 3 on to be closed by the next exec.
pub fn close_on_exec() -> io::Result<()> {
    close_range(3, RawFd::MAX, libc::CLOSE_RANGE_CLOEXEC)
}

fn close_range(first: RawFd, last: RawFd, flags: u32) -> io::Result<()> {
    // SAFETY: takes integers; that nobody uses the closed descriptors is the callers' promise.
    done(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) })
}

/// Leaves shared namespaces for new ones.
pub fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: takes an integer; with one thread there is nobody whose view it could change.
    done(i64::from(unsafe { libc::unshare(flags) }))
}

/// Loads the filter for this process and all it starts. Cannot be undone.
pub fn seccomp_filter(program: &[Instruction]) -> io::Result<()> {
    let mut filter: Vec<libc::sock_filter> = Vec::with_capacity(program.len());
    filter.extend(program.iter().map(|one| libc::sock_filter {
        code: one.code,
        jt: one.jump_true,
        jf: one.jump_false,
        k: one.operand,
    }));
    let len =
        u16::try_from(filter.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel only reads `len` instructions from `filter`, which lives past the call.
    done(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    })
}

/// Sets attributes of a mount, and of all below it; with a user namespace, also maps its ids.
pub fn mount_setattr(
    mount: BorrowedFd<'_>,
    set: u64,
    id_map: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut attr = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    if let Some(user) = id_map {
        attr.attr_set |= libc::MOUNT_ATTR_IDMAP;
        attr.userns_fd = user.as_raw_fd() as u64;
    }
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the path is a static string and the kernel only reads `attr`, of the given size.
    done(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Blocks the signals, and gives a descriptor that is readable while one of them waits.
pub fn signal_fd(signals: &[Signal]) -> io::Result<OwnedFd> {
    let set = signal_set(signals);
    // SAFETY: the set is initialised and only read; the old mask is not asked for.
    done(i64::from(unsafe {
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
    }))?;
    // SAFETY: as above; -1 asks for a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    done(i64::from(fd))?;
    // SAFETY: just made for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Lets all signals through again: a mask is inherited by exec.
pub fn unblock_signals() -> io::Result<()> {
    let set = signal_set(&[]);
    // SAFETY: the set is initialised and only read; the old mask is not asked for.
    done(i64::from(unsafe {
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut())
    }))
}

/// Has a command begin a session of its own, with its standard input as its terminal.
pub fn own_terminal(command: &mut Command) {
    let begin = || {
        rustix::process::setsid()?;
        Ok(rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?)
    };
    // SAFETY: between fork and exec it makes two system calls and allocates nothing.
    unsafe { command.pre_exec(begin) };
}

fn signal_set(signals: &[Signal]) -> libc::sigset_t {
    // SAFETY: `sigset_t` is plain bits, for which all zeroes is a value; `sigemptyset` sets it.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to our own set.
    unsafe { libc::sigemptyset(&raw mut set) };
    for signal in signals {
        // SAFETY: as above; a bad number would be refused with an error.
        unsafe { libc::sigaddset(&raw mut set, signal.as_raw()) };
    }
    set
}

/// Signals every process that this one may signal, but itself. In a box's init: all of the box.
pub fn signal_all(signal: Signal) {
    // SAFETY: takes integers. That nobody is there to be signalled is no error here.
    unsafe { libc::kill(-1, signal.as_raw()) };
}

/// Whether a file that is open for reading is open for writing nowhere, nor mapped so. False if
/// that cannot be known.
pub fn nobody_writes(file: BorrowedFd<'_>) -> bool {
    let lease = |kind: libc::c_int| {
        // SAFETY: takes integers. A lease for reading is only given while nobody may write; it
        // is given back at once, so nobody ever waits for it or is signalled.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) }
    };
    lease(libc::F_RDLCK) == 0 && lease(libc::F_UNLCK) == 0
}

/// What all children that were waited for used, with theirs.
pub fn children_usage() -> Usage {
    // SAFETY: `rusage` is plain integers, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to our own value, of the type the call fills.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    let micros = |time: libc::timeval| (time.tv_sec as u64) * 1_000_000 + time.tv_usec as u64;
    Usage {
        user_us: micros(usage.ru_utime),
        system_us: micros(usage.ru_stime),
        memory_max_bytes: (usage.ru_maxrss as u64) * 1024,
    }
}

/// Brings up `lo` in the network namespace of the socket.
pub fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `ifreq` is plain bytes, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed() as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads an `ifreq` at the pointer, which is ours and initialised.
    done(i64::from(unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    }))
}

/// Shows the page to a virtual machine as the memory at its address 0.
#[cfg(feature = "microvm")]
pub fn kvm_memory(vm: &kvm_ioctls::VmFd, page: &'static GuestPage) -> io::Result<()> {
    let region = kvm_bindings::kvm_userspace_memory_region {
        slot: 0,
        flags: kvm_bindings::KVM_MEM_READONLY,
        guest_phys_addr: 0,
        memory_size: size_of::<GuestPage>() as u64,
        userspace_addr: page.0.as_ptr() as u64,
    };
    // SAFETY: the page lives for ever, is aligned, and the guest can only read it.
    unsafe { vm.set_user_memory_region(region) }.map_err(Into::into)
}

/// A page of memory, aligned as the processor wants it.
#[cfg(feature = "microvm")]
#[repr(align(4096))]
pub struct GuestPage(pub [u8; 4096]);

fn done(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
