//! Server-sent events out of bytes, as they come: any cut of the same bytes gives
//! the same events. Knows no HTTP and no JSON.

#[cfg(test)]
mod tests;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty if the server gave none.
    pub name: String,
    /// Its data; lines are joined by `\n`.
    pub data: String,
}

/// An event was larger than the parser lets it be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes bytes, gives events.
pub struct Parser {
    bytes_max: usize,
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    /// The last byte was a CR, so an LF that follows ends nothing.
    after_cr: bool,
    /// The first line is through: no byte order mark may come any more.
    begun: bool,
    /// A line was one of a stream of events.
    knows_one: bool,
    /// A line was none.
    knows_not: bool,
}

/// What a line begins with.
const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];

impl Parser {
    /// A parser for events of at most so many bytes.
    pub fn new(bytes_max: usize) -> Parser {
        Parser {
            bytes_max,
            line: Vec::new(),
            event: Event::default(),
            has_data: false,
            after_cr: false,
            begun: false,
            knows_one: false,
            knows_not: false,
        }
    }

    /// Takes the next bytes and puts the events that they complete into `events`.
    ///
    /// # Errors
    /// An event is too long. The parser is of no use after that.
    pub fn push(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let Some(first) = bytes.first() else { return Ok(()) };
        if std::mem::take(&mut self.after_cr) && *first == b'\n' {
            bytes = &bytes[1..];
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.keep(&bytes[..end])?;
            let ended_by = bytes[end];
            bytes = &bytes[end + 1..];
            self.end_line(events);
            if ended_by == b'\r' {
                match bytes.first() {
                    Some(b'\n') => bytes = &bytes[1..],
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
        }
        self.keep(bytes)
    }

    /// Whether something came that is no stream of events: not one line is of one.
    pub fn is_foreign(&self) -> bool {
        let rest = self.line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.line);
        let name = rest.split(|byte| *byte == b':').next().unwrap_or_default();
        !self.knows_one
            && match name.is_empty() {
                true => self.knows_not,
                false => !FIELDS.iter().any(|field| field.starts_with(name)),
            }
    }

    /// The stream is over. Gives what stands there without the empty line that
    /// should end it: some servers leave it out. It may as well be half an event.
    pub fn finish(mut self) -> Option<Event> {
        let mut events = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut events);
        }
        self.end_event(&mut events);
        events.pop()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.event.data.len() + bytes.len() > self.bytes_max {
            return Err(TooLong(self.bytes_max));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_event(events);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            // A comment: servers send one now and then to keep the line open.
            Some(0) => {
                self.knows_one = true;
                return;
            }
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        match FIELDS.contains(&field) {
            true => self.knows_one = true,
            false => self.knows_not = true,
        }
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        match field {
            b"event" => self.event.name = value.into_owned(),
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(&value);
            }
            // `id` and `retry` are for reconnecting, which no model server offers.
            _ => {}
        }
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            events.push(event);
        }
    }
}
