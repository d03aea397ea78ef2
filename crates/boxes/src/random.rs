//! Bytes that nobody can guess, of the kernel's.

use crate::error::Error;
use rustix::rand::{GetRandomFlags, getrandom};

/// So many random bytes; `what` they are for, in errors.
pub fn random<const N: usize>(what: &str) -> Result<[u8; N], Error> {
    let mut bytes = [0_u8; N];
    let failed = |error| Error::io("get random bytes for", what, error);
    let count = getrandom(&mut bytes, GetRandomFlags::empty()).map_err(failed)?;
    match count == bytes.len() {
        true => Ok(bytes),
        false => Err(failed(rustix::io::Errno::AGAIN)),
    }
}
