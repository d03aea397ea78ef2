//! The words of host and guest agent: a kind, a length, and so many bytes.
//! What comes out of a guest is as little to be trusted as the guest: it is parsed, never obeyed.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::sandbox::ExecSpec;
use crate::sandbox::wire::Ending;

/// The longest frame. Streams are cut into less.
const FRAME_MAX: u32 = 1 << 20;

/// What is said, but for streams.
#[derive(Debug, Serialize, Deserialize)]
pub enum Word {
    /// To the guest, first: run this.
    Exec(Box<ExecSpec>),
    /// To the guest.
    Signal(i32),
    /// To the guest: kill the command's process group.
    Kill,
    /// To the host, first.
    Started,
    /// To the host instead: `errno`.
    Failed(i32),
    /// To the host, last.
    Ended(Ending),
}

/// One frame.
#[derive(Debug)]
pub enum Frame {
    Word(Word),
    /// To the guest; empty is the end of input.
    Stdin(Vec<u8>),
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

impl Frame {
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let word;
        let (kind, bytes) = match self {
            Frame::Word(said) => {
                word = serde_json::to_vec(said)?;
                (0, &word)
            }
            Frame::Stdin(bytes) => (1, bytes),
            Frame::Stdout(bytes) => (2, bytes),
            Frame::Stderr(bytes) => (3, bytes),
        };
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= FRAME_MAX);
        let length = length.ok_or(io::ErrorKind::InvalidInput)?;
        let mut frame = vec![kind];
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(bytes);
        to.write_all(&frame)
    }

    pub fn read(from: &mut impl Read) -> io::Result<Frame> {
        let mut head = [0; 5];
        from.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length);
        if length > FRAME_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length as usize];
        from.read_exact(&mut bytes)?;
        match kind {
            0 => Ok(Frame::Word(serde_json::from_slice(&bytes)?)),
            1 => Ok(Frame::Stdin(bytes)),
            2 => Ok(Frame::Stdout(bytes)),
            3 => Ok(Frame::Stderr(bytes)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
