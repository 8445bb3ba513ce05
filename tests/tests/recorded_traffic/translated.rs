//! The translators without a connection: fast enough for every byte of every stream.

use supergate::{
    http::events::{EventReader, Framing},
    providers::{ChatStream, Piece, Progress},
};

use super::rows::Row;

/// A stream on its way through the gateway, as far as it is pure.
pub struct Translation {
    reader: EventReader,
    translator: Box<dyn ChatStream>,
    pieces: Vec<Piece>,
}

impl Translation {
    pub fn of(row: &Row) -> Self {
        let framing = if row.is_objects() { Framing::JsonObjects } else { Framing::ServerSentEvents };
        Self { reader: EventReader::new(framing), translator: row.translator().chat_stream(), pieces: Vec::new() }
    }

    /// Takes bytes and says how far the stream has come.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, String> {
        self.reader.feed(bytes).map_err(|error| error.to_string())?;
        self.drain()
    }

    /// Takes the end of the body.
    pub fn end(&mut self) -> Result<Progress, String> {
        self.reader.end();
        self.drain()
    }

    fn drain(&mut self) -> Result<Progress, String> {
        while let Some(event) = self.reader.next_event().map_err(|error| error.to_string())? {
            self.translator.push(event, &mut self.pieces).map_err(|error| error.to_string())?;
        }
        Ok(self.translator.progress())
    }
}

/// What a stream becomes that is read in these pieces, and how it ends.
pub fn translate<'a>(row: &Row, reads: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Piece>, Result<Progress, String>) {
    let mut translation = Translation::of(row);
    for read in reads {
        match translation.feed(read) {
            Ok(Progress::Running | Progress::MayEnd) => {}
            ended => return (translation.pieces, ended),
        }
    }
    let ended = translation.end();
    (translation.pieces, ended)
}
