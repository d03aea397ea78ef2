//! Which system calls a box may make. The list follows the one that container engines ship, less
//! what a process without privilege, behind its own root, has no honest use for.

use super::instruction::{
    ALLOW, AND, IF_ANY_BIT, IF_EQUAL, Instruction, LOAD, RETURN, argument_at, errno_of, jump, plain,
};

/// Calls that are judged by their arguments.
pub struct Check {
    pub calls: &'static [i64],
    pub body: fn(&mut Vec<Instruction>),
}

/// Each body ends in returns on every path.
pub const CHECKS: &[Check] = &[
    Check { calls: &[libc::SYS_socket], body: socket },
    Check { calls: &[libc::SYS_socketpair], body: socket_pair },
    Check { calls: &[libc::SYS_clone, libc::SYS_unshare], body: no_namespaces },
    Check { calls: &[libc::SYS_ioctl], body: ioctl },
    Check { calls: &[libc::SYS_personality], body: personality },
    Check { calls: &[libc::SYS_mknodat], body: |program| no_devices(program, 2) },
    #[cfg(target_arch = "x86_64")]
    Check { calls: &[libc::SYS_mknod], body: |program| no_devices(program, 1) },
];

fn allow() -> Instruction {
    plain(RETURN, ALLOW)
}

/// IPv4, IPv6 and Unix sockets but raw ones; of netlink only routes, which libraries read to
/// list interfaces.
fn socket(program: &mut Vec<Instruction>) {
    program.extend([
        plain(LOAD, argument_at(0)),
        jump(IF_EQUAL, libc::AF_UNIX.cast_unsigned(), 9, 0),
        jump(IF_EQUAL, libc::AF_NETLINK.cast_unsigned(), 6, 0),
        jump(IF_EQUAL, libc::AF_INET.cast_unsigned(), 1, 0),
        jump(IF_EQUAL, libc::AF_INET6.cast_unsigned(), 0, 7),
        plain(LOAD, argument_at(1)),
        plain(AND, 0xf),
        jump(IF_EQUAL, libc::SOCK_STREAM.cast_unsigned(), 3, 0),
        jump(IF_EQUAL, libc::SOCK_DGRAM.cast_unsigned(), 2, 4),
        plain(LOAD, argument_at(2)),
        jump(IF_EQUAL, libc::NETLINK_ROUTE.cast_unsigned(), 0, 1),
        allow(),
        errno_of(libc::EAFNOSUPPORT),
        errno_of(libc::EPERM),
    ]);
}

fn socket_pair(program: &mut Vec<Instruction>) {
    program.extend([
        plain(LOAD, argument_at(0)),
        jump(IF_EQUAL, libc::AF_UNIX.cast_unsigned(), 0, 1),
        allow(),
        errno_of(libc::EAFNOSUPPORT),
    ]);
}

/// `clone3` has its flags in memory, where no filter can see them: it is not in any list, and
/// libraries fall back to `clone` on `ENOSYS`.
fn no_namespaces(program: &mut Vec<Instruction>) {
    // In `clone` the last of them is a bit of the signal's number, and set in no real one.
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWTIME;
    program.extend([
        plain(LOAD, argument_at(0)),
        jump(IF_ANY_BIT, namespaces.cast_unsigned(), 0, 1),
        errno_of(libc::EPERM),
        allow(),
    ]);
}

/// No typing into a terminal on the other side's behalf.
fn ioctl(program: &mut Vec<Instruction>) {
    const TIOCLINUX: u32 = 0x541c;
    program.extend([
        plain(LOAD, argument_at(1)),
        jump(IF_EQUAL, libc::TIOCSTI as u32, 1, 0),
        jump(IF_EQUAL, TIOCLINUX, 0, 1),
        errno_of(libc::EPERM),
        allow(),
    ]);
}

/// The ordinary personality, 32 bits of it, and asking.
fn personality(program: &mut Vec<Instruction>) {
    program.extend([
        plain(LOAD, argument_at(0)),
        jump(IF_EQUAL, 0x0, 4, 0),
        jump(IF_EQUAL, 0x8, 3, 0),
        jump(IF_EQUAL, 0x2_0000, 2, 0),
        jump(IF_EQUAL, 0x2_0008, 1, 0),
        jump(IF_EQUAL, u32::MAX, 0, 1),
        allow(),
        errno_of(libc::EPERM),
    ]);
}

fn no_devices(program: &mut Vec<Instruction>, mode: u32) {
    program.extend([
        plain(LOAD, argument_at(mode)),
        plain(AND, libc::S_IFMT),
        jump(IF_EQUAL, libc::S_IFCHR, 1, 0),
        jump(IF_EQUAL, libc::S_IFBLK, 0, 1),
        errno_of(libc::EPERM),
        allow(),
    ]);
}

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name as u32),*] };
}

/// Calls that are fine whatever their arguments.
pub fn allowed() -> impl Iterator<Item = u32> {
    ALLOWED.iter().chain(ALLOWED_HERE).copied()
}

/// Calls with an honest `EPERM`.
pub fn forbidden() -> impl Iterator<Item = u32> {
    FORBIDDEN.iter().chain(FORBIDDEN_HERE).copied()
}

#[rustfmt::skip]
const ALLOWED: &[u32] = calls![
    // Files.
    SYS_read SYS_write SYS_readv SYS_writev SYS_pread64 SYS_pwrite64 SYS_preadv SYS_pwritev
    SYS_preadv2 SYS_pwritev2 SYS_openat SYS_openat2 SYS_close SYS_close_range SYS_lseek SYS_dup
    SYS_dup3 SYS_fcntl SYS_flock SYS_fsync SYS_fdatasync SYS_sync SYS_syncfs SYS_sync_file_range
    SYS_truncate SYS_ftruncate SYS_fallocate SYS_fadvise64 SYS_readahead SYS_sendfile SYS_splice
    SYS_tee SYS_vmsplice SYS_copy_file_range SYS_getdents64 SYS_getcwd SYS_chdir SYS_fchdir
    SYS_mkdirat SYS_unlinkat SYS_symlinkat SYS_linkat SYS_renameat2 SYS_readlinkat
    SYS_fchmod SYS_fchmodat SYS_fchmodat2 SYS_fchown SYS_fchownat SYS_faccessat SYS_faccessat2
    SYS_fstat SYS_statx SYS_statfs SYS_fstatfs SYS_utimensat SYS_umask SYS_pipe2
    SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_getxattr SYS_lgetxattr SYS_fgetxattr
    SYS_listxattr SYS_llistxattr SYS_flistxattr SYS_removexattr SYS_lremovexattr SYS_fremovexattr
    SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch
    // Waiting.
    SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_ppoll SYS_pselect6
    SYS_eventfd2 SYS_signalfd4 SYS_timerfd_create SYS_timerfd_settime SYS_timerfd_gettime
    // Memory.
    SYS_brk SYS_mmap SYS_munmap SYS_mremap SYS_mprotect SYS_madvise SYS_mincore SYS_msync
    SYS_mlock SYS_mlock2 SYS_munlock SYS_mlockall SYS_munlockall SYS_membarrier SYS_memfd_create
    SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_remap_file_pages SYS_get_mempolicy
    SYS_process_mrelease
    // Processes and threads.
    SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid SYS_getpid SYS_getppid
    SYS_gettid SYS_getpgid SYS_setpgid SYS_getsid SYS_setsid SYS_getuid SYS_geteuid SYS_getgid
    SYS_getegid SYS_getgroups SYS_setgroups SYS_setuid SYS_setgid SYS_setreuid SYS_setregid
    SYS_setresuid SYS_setresgid SYS_getresuid SYS_getresgid SYS_setfsuid SYS_setfsgid
    SYS_capget SYS_capset SYS_prctl SYS_getpriority SYS_setpriority SYS_ioprio_get SYS_ioprio_set
    SYS_getrlimit SYS_setrlimit SYS_prlimit64 SYS_getrusage SYS_times SYS_getcpu
    SYS_sched_yield SYS_sched_getaffinity SYS_sched_setaffinity SYS_sched_getparam
    SYS_sched_setparam SYS_sched_getscheduler SYS_sched_setscheduler SYS_sched_getattr
    SYS_sched_setattr SYS_sched_get_priority_max SYS_sched_get_priority_min
    SYS_sched_rr_get_interval SYS_set_tid_address SYS_set_robust_list SYS_get_robust_list
    SYS_futex SYS_futex_waitv SYS_rseq SYS_pidfd_open SYS_pidfd_send_signal
    SYS_landlock_create_ruleset SYS_landlock_add_rule SYS_landlock_restrict_self SYS_seccomp
    // Signals.
    SYS_kill SYS_tkill SYS_tgkill SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigpending
    SYS_rt_sigtimedwait SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_rt_sigsuspend
    SYS_rt_sigreturn SYS_sigaltstack SYS_restart_syscall
    // Time.
    SYS_gettimeofday SYS_clock_gettime SYS_clock_getres SYS_clock_nanosleep SYS_nanosleep
    SYS_getitimer SYS_setitimer SYS_timer_create SYS_timer_settime SYS_timer_gettime
    SYS_timer_getoverrun SYS_timer_delete
    // Sockets, once made.
    SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_connect SYS_shutdown SYS_getsockname
    SYS_getpeername SYS_getsockopt SYS_setsockopt SYS_sendto SYS_recvfrom SYS_sendmsg
    SYS_recvmsg SYS_sendmmsg SYS_recvmmsg
    // Talk between processes of the box.
    SYS_shmget SYS_shmat SYS_shmdt SYS_shmctl SYS_semget SYS_semop SYS_semtimedop SYS_semctl
    SYS_msgget SYS_msgsnd SYS_msgrcv SYS_msgctl SYS_mq_open SYS_mq_unlink SYS_mq_timedsend
    SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr
    // The rest.
    SYS_uname SYS_sysinfo SYS_getrandom
];

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[u32] = calls![
    SYS_open SYS_creat SYS_stat SYS_lstat SYS_newfstatat SYS_access SYS_poll SYS_select SYS_pipe
    SYS_dup2 SYS_alarm SYS_pause SYS_fork SYS_vfork SYS_getdents SYS_rename SYS_renameat SYS_mkdir
    SYS_rmdir SYS_link SYS_unlink SYS_symlink SYS_readlink SYS_chmod SYS_chown SYS_lchown
    SYS_utime SYS_utimes SYS_futimesat SYS_getpgrp SYS_time SYS_epoll_create SYS_epoll_wait
    SYS_inotify_init SYS_eventfd SYS_signalfd SYS_arch_prctl
];
#[cfg(target_arch = "aarch64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[u32] = calls![ SYS_newfstatat SYS_renameat ];

#[rustfmt::skip]
const FORBIDDEN: &[u32] = calls![
    SYS_mount SYS_umount2 SYS_pivot_root SYS_chroot SYS_move_mount SYS_fsopen SYS_fsconfig
    SYS_fsmount SYS_fspick SYS_open_tree SYS_mount_setattr SYS_setns SYS_ptrace
    SYS_process_vm_readv SYS_process_vm_writev SYS_process_madvise SYS_pidfd_getfd SYS_kcmp
    SYS_bpf SYS_perf_event_open SYS_io_uring_setup SYS_io_uring_enter SYS_io_uring_register
    SYS_keyctl SYS_add_key SYS_request_key SYS_kexec_load SYS_open_by_handle_at
    SYS_name_to_handle_at SYS_userfaultfd SYS_init_module SYS_finit_module SYS_delete_module
    SYS_swapon SYS_swapoff SYS_reboot SYS_acct SYS_quotactl SYS_quotactl_fd SYS_syslog
    SYS_settimeofday SYS_clock_settime SYS_clock_adjtime SYS_adjtimex SYS_sethostname
    SYS_setdomainname SYS_vhangup SYS_mbind SYS_set_mempolicy SYS_migrate_pages SYS_move_pages
    SYS_fanotify_init SYS_fanotify_mark
];

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const FORBIDDEN_HERE: &[u32] = calls![
    SYS_kexec_file_load SYS_iopl SYS_ioperm SYS_modify_ldt SYS_uselib SYS_sysfs SYS_ustat
];
#[cfg(target_arch = "aarch64")]
const FORBIDDEN_HERE: &[u32] = &[];
