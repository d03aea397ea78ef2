//! Words of models, tools and others, as they may stand on a terminal.

/// The text with what would move the cursor, change colours or turn the order of
/// letters around written out (`\u{1b}`): so nobody can forge or hide what this
/// program says. Line breaks and tabs stay.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => shown.push(letter),
            // Of the line ends of some systems; alone it would write over the line.
            '\r' => {}
            letter if is_unsafe(letter) => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    shown
}

/// JSON with the same written out as JSON has it (`\u202e`): it stands for the same value.
pub fn plain_json(text: String) -> String {
    let is_safe = |letter: char| !is_unsafe(letter) || matches!(letter, '\n' | '\t' | '\r');
    if text.chars().all(is_safe) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match is_safe(letter) {
            true => shown.push(letter),
            // All of them have four digits.
            false => shown.push_str(&format!("\\u{:04x}", u32::from(letter))),
        }
    }
    shown
}

/// A control character, or one that turns the order of letters around.
pub fn is_unsafe(letter: char) -> bool {
    let turns = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns
}
