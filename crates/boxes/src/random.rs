//! Names that nobody has had or can guess.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// 32 hexadecimal digits.
pub fn random_name() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    if getrandom(&mut bytes, GetRandomFlags::empty())? != bytes.len() {
        return Err(Errno::AGAIN.into());
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
