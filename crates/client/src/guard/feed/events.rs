//! Server-sent events (`text/event-stream`), read piece by piece.

/// The longest event that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
    pub(super) id: Option<String>,
}

/// Puts events together.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What has come and is no whole line yet.
    rest: Vec<u8>,
    event: Event,
}

/// An event of more than a mebibyte, or one that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotEvents;

impl Reader {
    /// Takes a piece in; gives the events that it completes.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<Vec<Event>, NotEvents> {
        let mut events = Vec::new();
        self.rest.extend_from_slice(piece);
        let rest = std::mem::take(&mut self.rest);
        let mut lines = rest.split(|b| *b == b'\n').peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_none() {
                self.rest = line.to_vec();
                break;
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = std::str::from_utf8(line).map_err(|_| NotEvents)?;
            events.extend(self.line(line));
        }
        if self.rest.len() + self.event.data.len() > LONGEST { Err(NotEvents) } else { Ok(events) }
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments, and what other servers say.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_put_together_from_any_pieces() {
        let text = ": hello\r\nevent: alive\r\nid: 7\r\ndata: {}\r\n\r\nretry: 1\n\ndata:a\ndata: b\n\nevent: x\n";
        let alive = Event { name: "alive".into(), data: "{}".into(), id: Some("7".into()) };
        let both = Event { data: "a\nb".into(), ..Event::default() };
        for size in [1, 2, 3, 7, 1000] {
            let mut reader = Reader::default();
            let all: Vec<_> = text.as_bytes().chunks(size).flat_map(|piece| reader.read(piece).unwrap()).collect();
            assert_eq!(all, [alive.clone(), both.clone()], "{size}");
        }
    }

    #[test]
    fn what_has_no_end_is_not_read_for_ever() {
        let mut reader = Reader::default();
        let piece = [b'x'; 1024];
        assert!((0..2000).any(|_| reader.read(&piece).is_err()));
        assert_eq!(Reader::default().read(b"\xff\n"), Err(NotEvents));
    }
}
