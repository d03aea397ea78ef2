//! Instructions of classic BPF, as the kernel's filter of system calls takes them.

/// One instruction of classic BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many to skip when the test holds.
    pub jump_true: u8,
    /// How many to skip when not.
    pub jump_false: u8,
    /// The operand.
    pub operand: u32,
}

pub const LOAD: u16 = 0x20;
pub const AND: u16 = 0x54;
pub const JUMP: u16 = 0x05;
pub const IF_EQUAL: u16 = 0x15;
pub const IF_AT_LEAST: u16 = 0x35;
pub const IF_ANY_BIT: u16 = 0x45;
pub const RETURN: u16 = 0x06;

pub const ALLOW: u32 = 0x7fff_0000;
pub const KILL: u32 = 0x8000_0000;
pub const ERRNO: u32 = 0x0005_0000;

#[cfg(target_arch = "x86_64")]
pub const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub const ARCHITECTURE: u32 = 0xc000_00b7;
/// Numbers from here on are x32's, which this list says nothing about.
pub const OTHER_NUMBERS: u32 = 0x4000_0000;

/// Where things are in `seccomp_data`.
pub const NUMBER_AT: u32 = 0;
pub const ARCHITECTURE_AT: u32 = 4;
pub const fn argument_at(index: u32) -> u32 {
    16 + 8 * index
}

pub const fn plain(code: u16, operand: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, operand }
}

pub const fn jump(code: u16, operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, operand }
}

pub const fn errno_of(errno: i32) -> Instruction {
    plain(RETURN, ERRNO | errno.cast_unsigned())
}
