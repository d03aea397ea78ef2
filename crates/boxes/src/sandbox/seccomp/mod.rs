//! The system call filter: an allow-list, assembled into BPF as a binary search over ranges.
//!
//! Not a crate's: those compile a list into as long a chain of comparisons, and the kernel runs
//! that chain for each of its calls when the filter is loaded, in every box. A search of depth
//! seven loads in a twentieth of the time.
//!
//! What is not listed is answered `ENOSYS`, so that libraries fall back as on an old kernel; what
//! is known and forbidden `EPERM`; a call by another architecture's number kills the process.

mod instruction;
mod table;
#[cfg(test)]
mod tests;

pub use instruction::Instruction;
use instruction::{
    ALLOW, ARCHITECTURE, ARCHITECTURE_AT, IF_AT_LEAST, IF_EQUAL, JUMP, KILL, LOAD, NUMBER_AT,
    OTHER_NUMBERS, RETURN, errno_of, jump, plain,
};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Errno(i32),
    /// By its arguments: the index of a check in [`table::CHECKS`].
    Check(usize),
}

/// The filter.
pub fn program() -> Vec<Instruction> {
    let segments = segments();
    let mut program = vec![
        plain(LOAD, ARCHITECTURE_AT),
        jump(IF_EQUAL, ARCHITECTURE, 1, 0),
        plain(RETURN, KILL),
        plain(LOAD, NUMBER_AT),
        jump(IF_AT_LEAST, OTHER_NUMBERS, 0, 1),
        plain(RETURN, KILL),
    ];
    let mut jumps = Vec::new();
    search(&segments, &mut program, &mut jumps);
    for (index, check) in table::CHECKS.iter().enumerate() {
        let here = program.len();
        for (at, _) in jumps.iter().filter(|(_, check)| *check == index) {
            program[*at].operand = (here - at - 1) as u32;
        }
        (check.body)(&mut program);
    }
    program
}

/// The first number of each stretch of calls with the same verdict.
fn segments() -> Vec<(u32, Verdict)> {
    let mut known: Vec<(u32, Verdict)> = Vec::new();
    known.extend(table::allowed().map(|number| (number, Verdict::Allow)));
    known.extend(table::forbidden().map(|number| (number, Verdict::Errno(libc::EPERM))));
    for (index, check) in table::CHECKS.iter().enumerate() {
        known.extend(check.calls.iter().map(|number| (*number as u32, Verdict::Check(index))));
    }
    known.sort_by_key(|(number, _)| *number);
    let unknown = Verdict::Errno(libc::ENOSYS);
    let mut segments = vec![(0, unknown)];
    let mut add = |number: u32, verdict: Verdict| match segments.last_mut() {
        Some((_, last)) if *last == verdict => {}
        Some((start, last)) if *start == number => *last = verdict,
        _ => segments.push((number, verdict)),
    };
    for (number, verdict) in known {
        add(number, verdict);
        add(number + 1, unknown);
    }
    merge(segments)
}

/// Neighbours of the same verdict are one.
fn merge(mut segments: Vec<(u32, Verdict)>) -> Vec<(u32, Verdict)> {
    segments.dedup_by(|later, earlier| later.1 == earlier.1);
    segments
}

fn search(
    segments: &[(u32, Verdict)],
    program: &mut Vec<Instruction>,
    jumps: &mut Vec<(usize, usize)>,
) {
    if let [(_, verdict)] = segments {
        match verdict {
            Verdict::Allow => program.push(plain(RETURN, ALLOW)),
            Verdict::Errno(errno) => program.push(errno_of(*errno)),
            Verdict::Check(index) => {
                jumps.push((program.len(), *index));
                program.push(plain(JUMP, 0));
            }
        }
        return;
    }
    let (left, right) = segments.split_at(segments.len() / 2);
    // A long jump after the test: the short one reaches 255 instructions only.
    program.push(jump(IF_AT_LEAST, right[0].0, 0, 1));
    let at = program.len();
    program.push(plain(JUMP, 0));
    search(left, program, jumps);
    program[at].operand = (program.len() - at - 1) as u32;
    search(right, program, jumps);
}
