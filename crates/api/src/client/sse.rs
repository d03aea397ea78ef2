//! Server-sent events, as the HTML standard has them: the little of it that
//! the node sends. Bytes in, events out.

/// Collects bytes and gives whole events.
#[derive(Default)]
pub(super) struct Parser {
    bytes: Vec<u8>,
    /// How far the bytes have been looked through for a line's end.
    scanned: usize,
    name: String,
    data: String,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub name: String,
    pub data: String,
}

impl Parser {
    /// Takes in more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole event, if it is there.
    pub fn next(&mut self) -> Option<Message> {
        while let Some(at) = self.bytes[self.scanned..].iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=self.scanned + at).collect();
            self.scanned = 0;
            let line = String::from_utf8_lossy(&line);
            if let Some(message) = self.line(line.trim_end_matches(['\n', '\r'])) {
                return Some(message);
            }
        }
        self.scanned = self.bytes.len();
        None
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return (!name.is_empty()).then_some(Message { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // A comment (`: keep-alive`), an id or a field of a later version.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_whatever_the_pieces() {
        let text =
            ": hello\n\nevent: turn\nid: 3\ndata: {\"a\":1}\n\nevent: ended\ndata: 1\ndata: 2\n\n";
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                parser.push(piece);
                while let Some(message) = parser.next() {
                    found.push((message.name, message.data));
                }
            }
            let wanted = [("turn", "{\"a\":1}"), ("ended", "1\n2")];
            assert_eq!(found, wanted.map(|(name, data)| (name.to_owned(), data.to_owned())));
        }
    }
}
