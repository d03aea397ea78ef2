//! Two texts line by line. Pure. A box chooses its texts, so what a comparison may cost is
//! known before it begins.

use diffy::{DiffOptions, PatchFormatter};
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// Lines around a change.
const CONTEXT: usize = 3;

/// The most lines by which two texts may differ to be looked into; fewer if they are long.
const APART_MAX: usize = 4_000;

/// Lines times differences: the steps of a comparison, at worst.
const STEPS_MAX: usize = 100_000_000;

/// The hunks of a unified diff. Texts that are too far apart are one hunk, which takes all lines
/// between what both begin and end with and puts in the others.
pub fn hunks(before: &str, after: &str) -> String {
    if !are_near(before, after) {
        return replaced(before, after);
    }
    let mut options = DiffOptions::new();
    let patch = options.set_context_len(CONTEXT).create_patch(before, after);
    let whole = PatchFormatter::new().suppress_blank_empty(false).fmt_patch(&patch).to_string();
    // The names of both are before them.
    whole.splitn(3, '\n').nth(2).unwrap_or("").to_owned()
}

/// Whether so little differs that both can be compared in time.
pub fn are_near(before: &str, after: &str) -> bool {
    let mut numbers = HashMap::new();
    let mut numbered = |text| -> Vec<usize> {
        let number = |line| {
            let next = numbers.len();
            *numbers.entry(line).or_insert(next)
        };
        lines(text).into_iter().map(number).collect()
    };
    let (old, new) = (numbered(before), numbered(after));
    let (first, last) = alike(&old, &new);
    let old = old.get(first..old.len() - last).unwrap_or(&[]);
    let new = new.get(first..new.len() - last).unwrap_or(&[]);
    let apart_max = APART_MAX.min(STEPS_MAX / (old.len() + new.len()).max(1));
    is_within(old, new, apart_max)
}

/// Whether one becomes the other by so many lines taken out or put in: Myers' search from the
/// beginning, which ends when it gets too far.
fn is_within(old: &[usize], new: &[usize], apart_max: usize) -> bool {
    if old.len().abs_diff(new.len()) > apart_max {
        return false;
    }
    // How far into `old` each diagonal has come; diagonal 0 stands in the middle.
    let middle = apart_max + 1;
    let mut reached = vec![0_usize; 2 * middle + 1];
    for apart in 0..=apart_max {
        for at in (middle - apart..=middle + apart).step_by(2) {
            let (left, right) = (reached.get(at - 1), reached.get(at + 1));
            let (left, right) = (left.copied().unwrap_or(0), right.copied().unwrap_or(0));
            let down = at == middle - apart || (at != middle + apart && left < right);
            let mut x = if apart == 0 {
                0
            } else if down {
                right
            } else {
                left + 1
            };
            // Beyond the edges there is nothing, and no way on.
            let Some(mut y) = (x + middle).checked_sub(at) else { continue };
            while old.get(x).is_some_and(|line| new.get(y) == Some(line)) {
                (x, y) = (x + 1, y + 1);
            }
            if x >= old.len() && y >= new.len() {
                return true;
            }
            if let Some(slot) = reached.get_mut(at) {
                *slot = x;
            }
        }
    }
    false
}

/// How many lines both begin with, and how many of the rest both end with.
fn alike<T: PartialEq>(old: &[T], new: &[T]) -> (usize, usize) {
    let same = |(one, other): &(&T, &T)| one == other;
    let first = old.iter().zip(new).take_while(same).count();
    let room = old.len().min(new.len()) - first;
    let last = old.iter().rev().zip(new.iter().rev()).take(room).take_while(same).count();
    (first, last)
}

/// One hunk for all that is not alike at the beginning and the end.
fn replaced(before: &str, after: &str) -> String {
    let (old, new) = (lines(before), lines(after));
    let (first, last) = alike(&old, &new);
    let (from, more) = (first.saturating_sub(CONTEXT), last.min(CONTEXT));
    let (old_end, new_end) = (old.len() - last, new.len() - last);
    let range = |end: usize| match end + more - from {
        0 => format!("{from},0"),
        count => format!("{},{count}", from + 1),
    };
    let mut text = format!("@@ -{} +{} @@\n", range(old_end), range(new_end));
    let parts = [
        (' ', old.get(from..first)),
        ('-', old.get(first..old_end)),
        ('+', new.get(first..new_end)),
        (' ', old.get(old_end..old_end + more)),
    ];
    for (sign, part) in parts {
        for line in part.unwrap_or(&[]) {
            text.push(sign);
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    text
}

/// Each with its end.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}
