//! Absolute paths are found; relative ones, URLs and variables are not.

use super::*;

// `@` stands for the folder, or tidy would find these lines.
#[test]
fn absolute_ones_are_found() {
    let folder = concat!("/", "work/");
    let absolute = |line: &str| is_absolute(&line.replace('@', folder), folder);
    for line in ["cd @a", "\"@a\"", "path=@a", "@"] {
        assert!(absolute(line), "{line}");
    }
    for line in ["examples@a", "$HOME@a", "https://a.example@b", "..@a"] {
        assert!(!absolute(line), "{line}");
    }
}
