//! Runs the filter in a small machine of our own, call by call.

use super::instruction::{AND, ERRNO, IF_ANY_BIT};
use super::*;

const TIOCSTI: u64 = 0x5412;

/// What the kernel would answer.
fn judge(architecture: u32, number: u32, arguments: [u64; 3]) -> u32 {
    let program = program();
    let load = |at: u32| match at {
        NUMBER_AT => number,
        ARCHITECTURE_AT => architecture,
        at => arguments[((at - 16) / 8) as usize] as u32,
    };
    let (mut accumulator, mut at) = (0, 0);
    for _ in 0..program.len() {
        let one = program[at];
        let skip = |holds: bool| usize::from(if holds { one.jump_true } else { one.jump_false });
        at += 1;
        match one.code {
            LOAD => accumulator = load(one.operand),
            AND => accumulator &= one.operand,
            JUMP => at += one.operand as usize,
            IF_EQUAL => at += skip(accumulator == one.operand),
            IF_AT_LEAST => at += skip(accumulator >= one.operand),
            IF_ANY_BIT => at += skip(accumulator & one.operand != 0),
            RETURN => return one.operand,
            code => panic!("no such instruction: {code}"),
        }
    }
    panic!("the filter ran off its end");
}

fn call(number: i64, arguments: [u64; 3]) -> u32 {
    judge(ARCHITECTURE, number as u32, arguments)
}

const EPERM: u32 = ERRNO | libc::EPERM as u32;
const ENOSYS: u32 = ERRNO | libc::ENOSYS as u32;

#[test]
fn each_listed_call_gets_its_verdict_and_no_other() {
    let allowed: Vec<_> = table::allowed().collect();
    let forbidden: Vec<_> = table::forbidden().collect();
    let checked: Vec<_> =
        table::CHECKS.iter().flat_map(|check| check.calls).map(|call| *call as u32).collect();
    for number in (0..1000).filter(|number| !checked.contains(number)) {
        let expected = match number {
            number if allowed.contains(&number) => ALLOW,
            number if forbidden.contains(&number) => EPERM,
            _ => ENOSYS,
        };
        assert_eq!(judge(ARCHITECTURE, number, [0; 3]), expected, "call {number}");
    }
    for number in &checked {
        assert!(!allowed.contains(number) && !forbidden.contains(number), "call {number} twice");
    }
    for number in &allowed {
        assert!(!forbidden.contains(number), "call {number} is in both lists");
    }
}

#[test]
fn another_architectures_numbers_kill() {
    const I386: u32 = 0x4000_0003;
    assert_eq!(judge(I386, 20, [0; 3]), KILL);
    assert_eq!(judge(ARCHITECTURE, OTHER_NUMBERS + libc::SYS_read as u32, [0; 3]), KILL);
}

#[test]
fn clone_makes_threads_and_no_namespaces() {
    let user = libc::CLONE_NEWUSER as u64;
    assert_eq!(call(libc::SYS_clone, [libc::CLONE_VM as u64, 0, 0]), ALLOW);
    assert_eq!(call(libc::SYS_clone, [user | libc::CLONE_VM as u64, 0, 0]), EPERM);
    assert_eq!(call(libc::SYS_unshare, [user, 0, 0]), EPERM);
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_NEWTIME as u64, 0, 0]), EPERM);
    assert_eq!(call(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0]), ALLOW);
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FILES as u64, 0, 0]), ALLOW);
    assert_eq!(call(libc::SYS_clone3, [0; 3]), ENOSYS, "libraries fall back on it");
}

#[test]
fn sockets_by_family_and_kind() {
    let socket = |family: i32, kind: i32, protocol: i32| {
        call(libc::SYS_socket, [family as u64, kind as u64, protocol as u64])
    };
    let close = libc::SOCK_CLOEXEC;
    assert_eq!(socket(libc::AF_INET, libc::SOCK_STREAM | close, 0), ALLOW);
    assert_eq!(socket(libc::AF_INET6, libc::SOCK_DGRAM, 0), ALLOW);
    assert_eq!(socket(libc::AF_INET, libc::SOCK_RAW | close, 1), EPERM);
    assert_eq!(socket(libc::AF_INET6, libc::SOCK_RAW, 58), EPERM);
    assert_eq!(socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0), ALLOW);
    assert_eq!(socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE), ALLOW);
    let refused = ERRNO | libc::EAFNOSUPPORT as u32;
    assert_eq!(socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER), refused);
    assert_eq!(socket(libc::AF_PACKET, libc::SOCK_RAW, 0), refused);
    assert_eq!(socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0), refused);
    assert_eq!(socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0), refused);
    assert_eq!(call(libc::SYS_socketpair, [libc::AF_UNIX as u64, 1, 0]), ALLOW);
    assert_eq!(call(libc::SYS_socketpair, [libc::AF_INET as u64, 1, 0]), refused);
}

#[test]
fn arguments_of_the_rest() {
    assert_eq!(call(libc::SYS_ioctl, [0, TIOCSTI, 0]), EPERM);
    assert_eq!(call(libc::SYS_ioctl, [0, TIOCSTI | 1 << 32, 0]), EPERM, "the kernel reads 32 bits");
    assert_eq!(call(libc::SYS_ioctl, [0, 0x5413, 0]), ALLOW);
    assert_eq!(call(libc::SYS_personality, [0x8, 0, 0]), ALLOW);
    assert_eq!(call(libc::SYS_personality, [0x40_0000, 0, 0]), EPERM);
    let mknodat = |mode: u32| call(libc::SYS_mknodat, [0, 0, u64::from(mode)]);
    assert_eq!(mknodat(libc::S_IFCHR | 0o666), EPERM);
    assert_eq!(mknodat(libc::S_IFBLK), EPERM);
    assert_eq!(mknodat(libc::S_IFIFO | 0o600), ALLOW);
}

#[test]
fn it_is_small_and_shallow() {
    let program = program();
    assert!(program.len() < 600, "{} instructions", program.len());
}
