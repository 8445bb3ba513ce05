use super::*;
use proptest::prelude::*;

type Owned = Vec<(Option<String>, String)>;

fn read(framing: Framing, pieces: &[&[u8]]) -> Result<Owned, FramingError> {
    let mut reader = EventReader::new(framing);
    let mut events = Vec::new();
    let mut drain = |reader: &mut EventReader| {
        while let Some(event) = reader.next_event()? {
            events.push((event.name.map(str::to_owned), event.data.to_owned()));
        }
        Ok(())
    };
    for piece in pieces {
        reader.feed(piece)?;
        drain(&mut reader)?;
    }
    reader.end();
    drain(&mut reader)?;
    Ok(events)
}

fn event(name: Option<&str>, data: &str) -> (Option<String>, String) {
    (name.map(str::to_owned), data.to_owned())
}

#[test]
fn server_sent_events_are_read_as_the_standard_says() {
    #[rustfmt::skip]
    let table: &[(&str, Owned, &str)] = &[
        ("data: a\n\ndata: b\n\n",           vec![event(None, "a"), event(None, "b")],  "two events"),
        ("event: x\r\ndata: a\r\n\r\n",      vec![event(Some("x"), "a")],               "CRLF"),
        ("event: x\rdata: a\r\r",            vec![event(Some("x"), "a")],               "CR alone"),
        ("data: a\ndata: b\n\n",             vec![event(None, "a\nb")],                 "several data lines are one text"),
        ("data:a\n\n",                       vec![event(None, "a")],                    "no space after the colon"),
        ("data:  a\n\n",                     vec![event(None, " a")],                   "only one space is dropped"),
        (": ping\n\ndata: a\n\n",            vec![event(None, "a")],                    "a comment is no event"),
        ("event: ping\n\ndata: a\n\n",       vec![event(None, "a")],                    "a name without data is no event, and does not stick"),
        ("id: 1\nretry: 5\ndata: a\n\n",     vec![event(None, "a")],                    "fields we do not use"),
        ("\u{feff}data: a\n\n",              vec![event(None, "a")],                    "a byte order mark"),
        ("data: a",                          vec![event(None, "a")],                    "the last line without its end"),
        ("data: a: b\n\n",                   vec![event(None, "a: b")],                 "a colon in the data"),
        ("data: é😀\n\n",                    vec![event(None, "é😀")],                   "characters of two and four bytes"),
        ("",                                 vec![],                                    "nothing"),
    ];
    for (stream, events, why) in table {
        assert_eq!(read(Framing::ServerSentEvents, &[stream.as_bytes()]).as_ref(), Ok(events), "{why}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(read(Framing::ServerSentEvents, &bytes).as_ref(), Ok(events), "{why}, byte by byte");
    }
}

#[test]
fn objects_are_read_from_an_array_and_from_lines() {
    let events = vec![event(None, r#"{"a":[1,{"b":"}]\"{"}]}"#), event(None, "{}")];
    for stream in ["[{\"a\":[1,{\"b\":\"}]\\\"{\"}]}\n,\r\n{}]\n", "{\"a\":[1,{\"b\":\"}]\\\"{\"}]}\n{}\n"] {
        assert_eq!(read(Framing::JsonObjects, &[stream.as_bytes()]), Ok(events.clone()));
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(read(Framing::JsonObjects, &bytes), Ok(events.clone()));
    }
}

#[test]
fn server_sent_events_that_are_called_json_are_read_all_the_same() {
    #[rustfmt::skip]
    let table: &[(&str, Owned)] = &[
        ("data: a\n\ndata: {}\n\n",       vec![event(None, "a"), event(None, "{}")]),
        ("\r\n: hello\r\n\r\ndata: {}",  vec![event(None, "{}")]),
        ("event: x\ndata: [DONE]\n\n",    vec![event(Some("x"), "[DONE]")]),
    ];
    for (stream, events) in table {
        assert_eq!(read(Framing::JsonObjects, &[stream.as_bytes()]).as_ref(), Ok(events), "{stream:?}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(read(Framing::JsonObjects, &bytes).as_ref(), Ok(events), "{stream:?}, byte by byte");
    }
    assert_eq!(
        read(Framing::JsonObjects, &[b"{}data: a\n\n"]),
        Err(FramingError::NotObjects),
        "only from the beginning"
    );
}

#[test]
fn what_no_honest_provider_sends_is_an_error_and_not_memory() {
    let line = vec![b'x'; MAX_LINE_BYTES + 1];
    assert_eq!(read(Framing::ServerSentEvents, &[&line]), Err(FramingError::TooLong("line")));
    let data = [b"data: ".as_slice(), &vec![b'x'; MAX_LINE_BYTES - 6], b"\n"].concat();
    assert_eq!(read(Framing::ServerSentEvents, &[&data.repeat(5)]), Err(FramingError::TooLong("event")));
    assert_eq!(read(Framing::ServerSentEvents, &[b"data: \xff\n\n"]), Err(FramingError::NotText));
    assert_eq!(read(Framing::JsonObjects, &[b"<html>"]), Err(FramingError::NotObjects));
    let blank = vec![b'\n'; 1 << 20];
    let pieces: Vec<&[u8]> = std::iter::repeat_n(blank.as_slice(), 65).collect();
    assert_eq!(read(Framing::ServerSentEvents, &pieces), Err(FramingError::TooLong("whole")));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same_events(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), Just(b'{'),
            Just(b'}'), Just(b'"'), any::<u8>()], 0..200),
        prefix in prop_oneof![Just(""), Just("data: x"), Just("event: y\ndata: "), Just("{\"a\":")],
        size in 1_usize..9,
    ) {
        let stream = [prefix.as_bytes(), &bytes].concat();
        for framing in [Framing::ServerSentEvents, Framing::JsonObjects] {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(read(framing, &pieces), read(framing, &[&stream]));
        }
    }
}
