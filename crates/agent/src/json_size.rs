//! How long a value is as JSON: what counts against a payload's limit, where a control
//! character takes six bytes.

use serde::Serialize;
use std::io;

/// How many bytes.
pub(crate) fn json_size(value: &impl Serialize) -> usize {
    let mut count = Count(0);
    // What is no JSON is refused where it is written, and this writes nothing.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
