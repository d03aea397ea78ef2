//! Bytes and names that nobody has had or can guess, of the kernel's.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// So many random bytes.
pub fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    match getrandom(&mut bytes, GetRandomFlags::empty())? == N {
        true => Ok(bytes),
        false => Err(Errno::AGAIN.into()),
    }
}

/// 32 hexadecimal digits.
pub fn random_name() -> std::io::Result<String> {
    Ok(random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
