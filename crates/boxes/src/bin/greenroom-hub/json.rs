//! As much JSON as the client needs: to quote a text, and to find a field of a line that the hub
//! has written (compact, so a field's name stands right before its value).

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The number of a field.
pub fn number(line: &str, field: &str) -> Option<u64> {
    let value = after(line, field)?;
    let end = value.find(|c: char| !c.is_ascii_digit())?;
    value.get(..end)?.parse().ok()
}

/// The text of a field.
pub fn text(line: &str, field: &str) -> Option<String> {
    let mut rest = after(line, field)?.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => match rest.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'u' => {
                    let digits: String = rest.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok()?;
                    text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                }
                other => text.push(other),
            },
            c => text.push(c),
        }
    }
}

/// What stands behind the first field of this name.
fn after<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    let name = format!("\"{field}\":");
    let at = line.find(&name)?;
    line.get(at + name.len()..)
}
