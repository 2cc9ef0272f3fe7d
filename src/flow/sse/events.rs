//! The event stream format, as the HTML standard has it (section 9.2.6, "Interpreting an event stream").

use super::super::answer::size;

/// The largest line, and the most data of one event, in bytes.
pub(super) const LARGEST: usize = 2 * 1024 * 1024;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; `message` where the stream says none.
    pub(super) kind: String,
    /// Its data, lines joined by `\n`.
    pub(super) data: String,
}

/// Reads events out of a stream that comes in pieces, cut anywhere. The time to reconnect is not used here, and the last
/// event's id neither: nobody reconnects.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    /// The last byte was a carriage return, which has ended its line already.
    returned: bool,
    /// A line has been read: a byte order mark can come no more.
    begun: bool,
    kind: String,
    data: String,
    /// How many bytes came.
    bytes: u64,
}

impl Events {
    /// Reads the next piece. Events that it completes are handed out, until one is answered with false: what comes behind it
    /// is not read.
    ///
    /// # Errors
    /// A line or an event is too large: a sentence for people.
    pub(super) fn feed(&mut self, piece: &[u8], found: &mut dyn FnMut(Event) -> bool) -> Result<(), String> {
        let mut rest = piece;
        self.bytes += piece.len() as u64;
        while !rest.is_empty() {
            if std::mem::take(&mut self.returned) {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            if self.line.len() + part.len() > LARGEST {
                let most = size(LARGEST);
                return Err(format!("the stream has a line of more than {most}, which is more than a step reads"));
            }
            self.line.extend_from_slice(part);
            let Some((ending, after)) = after.split_first() else { return Ok(()) };
            self.returned = *ending == b'\r';
            rest = after;
            if let Some(event) = self.end_line()?
                && !found(event)
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What an end of the stream cuts off: the beginning of an event that has none of its own. `None`: nothing.
    pub(super) fn unfinished(&self) -> bool {
        !self.line.is_empty() || !self.data.is_empty()
    }

    /// How many bytes came.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn end_line(&mut self) -> Result<Option<Event>, String> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = if std::mem::replace(&mut self.begun, true) {
            line.as_ref()
        } else {
            line.strip_prefix('\u{feff}').unwrap_or(&line)
        };
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                if self.data.len() + value.len() > LARGEST {
                    let most = size(LARGEST);
                    return Err(format!("an event has more than {most} of data, which is more than a step reads"));
                }
                self.data.push_str(value);
                self.data.push('\n');
            }
            // A comment has no field's name, `id` and `retry` are for those who reconnect, and others are to be ignored.
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<Event> {
        let (mut data, kind) = (std::mem::take(&mut self.data), std::mem::take(&mut self.kind));
        if data.is_empty() {
            return None;
        }
        data.pop();
        Some(Event { kind: if kind.is_empty() { "message".to_owned() } else { kind }, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Event> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for piece in pieces {
            events
                .feed(piece, &mut |event| {
                    found.push(event);
                    true
                })
                .unwrap();
        }
        found
    }

    fn event(kind: &str, data: &str) -> Event {
        Event { kind: kind.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn reads_the_examples_of_the_standard() {
        assert_eq!(read(&[b"data: YHOO\ndata: +2\ndata: 10\n\n"]), [event("message", "YHOO\n+2\n10")]);
        let four = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        let events =
            [event("message", "first event"), event("message", "second event"), event("message", " third event")];
        assert_eq!(read(&[four]), events);
        // Two events with no data and one newline of data; the last block is not ended.
        assert_eq!(read(&[b"data\n\ndata\ndata\n\ndata:"]), [event("message", ""), event("message", "\n")]);
        assert_eq!(read(&[b"data:test\n\ndata: test\n\n"]), [event("message", "test"), event("message", "test")]);
    }

    #[test]
    fn types_last_for_one_event_and_without_data_there_is_none() {
        assert_eq!(
            read(&[b"event: a\n\ndata: 1\n\nevent: b\ndata: 2\n\ndata: 3\n\n"]),
            [event("message", "1"), event("b", "2"), event("message", "3"),]
        );
        assert_eq!(read(&[b"event: a\nevent:\ndata: 1\nretry: 10\nother: x\nDATA: y\n\n"]), [event("message", "1")]);
    }

    #[test]
    fn lines_end_in_three_ways_and_a_mark_may_stand_before_all() {
        let text = "\u{feff}data: 1\r\ndata: 2\rdata: 3\n\r\n\rdata: \u{feff}4\r\r";
        assert_eq!(read(&[text.as_bytes()]), [event("message", "1\n2\n3"), event("message", "\u{feff}4")]);
        assert_eq!(read(&["\u{feff}\u{feff}data: 1\n\ndata: 2\n\n".as_bytes()]), [event("message", "2")]);
        // A carriage return and its line feed, apart.
        assert_eq!(read(&[b"data: 1\r", b"\n\r", b"\n"]), [event("message", "1")]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(
            read(&[b"data: a\xff\xe2\x82", b"\ndata: \xe2", b"\x82\xac\n\n"]),
            [event("message", "a\u{fffd}\u{fffd}\n€")]
        );
    }

    #[test]
    fn a_line_and_an_event_have_their_largest_size() {
        let mut events = Events::default();
        let piece = vec![b'x'; LARGEST / 2];
        let mut all = |_| true;
        events.feed(&piece, &mut all).unwrap();
        events.feed(&piece, &mut all).unwrap();
        let problem = events.feed(b"x", &mut all).unwrap_err();
        assert!(problem.contains("a line of more than 2 MiB"), "{problem}");
        assert!(events.line.len() <= LARGEST);

        let mut events = Events::default();
        let line = format!("data: {}\n", "x".repeat(LARGEST / 2));
        events.feed(line.as_bytes(), &mut all).unwrap();
        let problem = events.feed(line.as_bytes(), &mut all).unwrap_err();
        assert!(problem.contains("more than 2 MiB of data"), "{problem}");
    }

    #[test]
    fn nothing_is_read_behind_the_last_event_that_is_wanted() {
        let mut found = 0;
        let mut events = Events::default();
        events
            .feed(b"data: 1\n\ndata: 2\n\ndata: 3\n\n", &mut |_| {
                found += 1;
                found < 2
            })
            .unwrap();
        assert_eq!(found, 2);
        assert!(!events.unfinished());
        events.feed(b"data: 4", &mut |_| true).unwrap();
        assert!(events.unfinished());
    }

    /// Cuts a text at some places.
    fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_a_stream_is_cut(
            lines in prop::collection::vec("(data|event|id|retry|:|x|\u{feff}data)?:? ?[a-bé€]{0,3}(\r|\n|\r\n|\n\n|\r\r|\r\n\r\n)", 0..20),
            noise in prop::collection::vec(any::<u8>(), 0..10),
            cuts in prop::collection::vec(any::<usize>(), 0..40),
        ) {
            let mut bytes = lines.concat().into_bytes();
            bytes.splice(bytes.len() / 2..bytes.len() / 2, noise);
            prop_assert_eq!(read(&pieces(&bytes, &cuts)), read(&[&bytes]));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(read(&single), read(&[&bytes]));
        }

        #[test]
        fn what_a_server_writes_is_read_back(
            written in prop::collection::vec(("[a-z]{1,8}", "[^\r\n]{0,12}", "[^\r\n]{0,12}"), 0..8),
            ending in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        ) {
            let text: String = written
                .iter()
                .map(|(kind, one, two)| format!("event: {kind}{ending}data: {one}{ending}data: {two}{ending}: c{ending}{ending}"))
                .collect();
            let expected: Vec<Event> = written.iter().map(|(kind, one, two)| event(kind, &format!("{one}\n{two}"))).collect();
            prop_assert_eq!(read(&[text.as_bytes()]), expected);
        }
    }
}
