//! A reader that gives no more than was allowed. Between two files an archive may carry
//! headers of any length, which are read into memory whole.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

/// How many bytes may be read next.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Rc<Cell<u64>>);

impl Allowed {
    pub fn set(&self, bytes: u64) {
        self.0.set(bytes);
    }
}

#[derive(Debug)]
pub struct Guarded<R> {
    inner: R,
    allowed: Allowed,
}

impl<R: Read> Guarded<R> {
    pub fn new(inner: R) -> (Guarded<R>, Allowed) {
        let allowed = Allowed::default();
        (Guarded { inner, allowed: allowed.clone() }, allowed)
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.allowed.0.get().checked_sub(count as u64) {
            Some(rest) => self.allowed.0.set(rest),
            None => return Err(std::io::Error::other("headers longer than 1 MiB")),
        }
        Ok(count)
    }
}
