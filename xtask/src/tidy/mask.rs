//! Blanks out what is not code in Rust text: comments, strings, chars.
//!
//! The result has the same length and the same lines, so positions carry over.
//! Knows just enough of Rust's tokens for that; must not know what a check looks for.

#[cfg(test)]
mod tests;

/// The text with the inside of comments, strings and char literals turned to spaces.
pub fn mask(text: &str) -> String {
    let mut masker = Masker { bytes: text.as_bytes(), at: 0, out: Vec::with_capacity(text.len()) };
    while masker.at < masker.bytes.len() {
        masker.token();
    }
    // Only whole non-ASCII characters are blanked or kept, so this loses nothing.
    String::from_utf8_lossy(&masker.out).into_owned()
}

struct Masker<'text> {
    bytes: &'text [u8],
    at: usize,
    out: Vec<u8>,
}

impl Masker<'_> {
    fn token(&mut self) {
        match (self.byte(0), self.byte(1)) {
            (b'/', b'/') => self.blank_while(|byte| byte != b'\n'),
            (b'/', b'*') => self.block_comment(),
            (b'"', _) => self.string(),
            (b'\'', _) => self.char_or_lifetime(),
            (byte, _) if is_word(byte) => self.word(),
            _ => self.keep(1),
        }
    }

    /// A word, and the literal it may be the prefix of: `r"…"`, `b'…'`, `br#"…"#`, `c"…"`.
    fn word(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_word(**byte)).count();
        let prefix = rest.get(..length).unwrap_or_default();
        let raw = matches!(prefix, b"r" | b"br" | b"cr");
        let byte = prefix == b"b" && rest.get(length) == Some(&b'\'');
        self.keep(length);
        if raw {
            self.raw_string();
        } else if byte {
            self.char_or_lifetime();
        }
    }

    fn raw_string(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        if rest.get(hashes) != Some(&b'"') {
            return; // a raw identifier, or a plain word `r`
        }
        let end = [b"\"".to_vec(), vec![b'#'; hashes]].concat();
        let body = rest.get(hashes + 1..).unwrap_or_default();
        let length = body.windows(end.len()).position(|window| window == end);
        let length = length.map_or(rest.len(), |length| hashes + 1 + length + end.len());
        self.blank(length);
    }

    fn string(&mut self) {
        self.blank(1);
        while self.at < self.bytes.len() && self.byte(0) != b'"' {
            self.blank(if self.byte(0) == b'\\' { 2 } else { 1 });
        }
        self.blank(1);
    }

    fn char_or_lifetime(&mut self) {
        let escaped = self.byte(1) == b'\\';
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        // The longest char is four bytes; a lifetime's quote never closes.
        let width = rest.iter().skip(1).take_while(|byte| (0x80..0xC0).contains(*byte)).count() + 1;
        if escaped {
            self.blank(3);
            self.blank_while(|byte| byte != b'\'' && byte != b'\n');
            self.blank(1);
        } else if rest.get(width) == Some(&b'\'') {
            self.blank(width + 2);
        } else {
            self.keep(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.bytes.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') => depth += 1,
                (b'*', b'/') => depth -= 1,
                _ => {
                    self.blank(1);
                    continue;
                }
            }
            self.blank(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn keep(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        self.out.extend_from_slice(self.bytes.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    fn blank(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        let blanked = self.bytes.get(self.at..end).unwrap_or_default();
        self.out.extend(blanked.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
        self.at = end;
    }

    fn blank_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() && wanted(self.byte(0)) {
            self.blank(1);
        }
    }
}

/// Whether the byte may stand in an identifier.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The positions of `word` in masked code, as a whole word.
pub fn word_positions<'code>(code: &'code str, word: &'code str) -> impl Iterator<Item = usize> {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(position, _)| position).filter(move |position| {
        let before = position.checked_sub(1).and_then(|before| bytes.get(before));
        let after = bytes.get(position + word.len());
        !before.copied().is_some_and(is_word) && !after.copied().is_some_and(is_word)
    })
}
