//! Server-sent events, as far as the live stream uses them (WHATWG HTML, 9.2).

/// An event larger than this is none of ours; the stream is opened anew.
const LARGEST_EVENT: usize = 1 << 20;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// "message" where the stream names none.
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) data: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Turns bytes, however they were cut, into events.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    after_cr: bool,
    name: String,
    id: Option<String>,
    data: String,
    has_data: bool,
}

impl Decoder {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            // A line ends with LF, CR or both.
            let lf_of_crlf = self.after_cr && byte == b'\n';
            self.after_cr = byte == b'\r';
            match byte {
                _ if lf_of_crlf => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > LARGEST_EVENT {
                return Err(TooLarge);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.name = value.to_owned(),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            // Comments keep the connection alive; other fields are not used.
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let name = if name.is_empty() { "message".to_owned() } else { name };
        // The id stays in force until the stream names another.
        Some(Event { name, id: self.id.clone(), data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\r\n\r\nid: 7\nevent: resync\ndata:\n\ndata: a\ndata:b\n\nid\rdata: \u{e4}\r\revent: x\n\n";

    fn event(name: &str, id: Option<&str>, data: &str) -> Event {
        Event { name: name.to_owned(), id: id.map(str::to_owned), data: data.to_owned() }
    }

    #[test]
    fn a_stream_is_read_as_the_standard_says() {
        let events = Decoder::default().push(STREAM.as_bytes()).unwrap();
        let expected =
            [event("resync", Some("7"), ""), event("message", Some("7"), "a\nb"), event("message", Some(""), "\u{e4}")];
        assert_eq!(events, expected);
    }

    #[test]
    fn an_endless_line_is_given_up() {
        assert_eq!(Decoder::default().push(&vec![b'x'; LARGEST_EVENT + 1]), Err(TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_are_cut(cuts in proptest::collection::vec(0..STREAM.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            cuts.push(STREAM.len());
            let (mut decoder, mut events, mut from) = (Decoder::default(), Vec::new(), 0);
            for to in cuts {
                events.extend(decoder.push(&STREAM.as_bytes()[from..to]).unwrap());
                from = to;
            }
            proptest::prop_assert_eq!(events, Decoder::default().push(STREAM.as_bytes()).unwrap());
        }
    }
}
