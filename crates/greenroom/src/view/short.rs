//! Texts of any length on one line of a terminal.

use super::plain::is_unsafe;

/// The text without line breaks and control characters: what a process says
/// must not move the cursor of whoever reads it.
pub fn one_line(text: &str) -> String {
    let plain = |letter: char| if is_unsafe(letter) { ' ' } else { letter };
    text.chars().map(plain).collect()
}

/// The same, at most so many characters, with `…` for the rest.
pub fn short(text: &str, letters_max: usize) -> String {
    let mut letters = text.chars();
    let head: String = letters.by_ref().take(letters_max).collect();
    if letters.next().is_none() {
        return one_line(&head);
    }
    let kept: String = head.chars().take(letters_max.saturating_sub(1)).collect();
    format!("{}…", one_line(&kept))
}
