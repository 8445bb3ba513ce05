//! What the gateway does to a stream, as far as it is pure: bytes → events → pieces → chunks.

use supergate::{
    http::events::{EventReader, Framing},
    openai::{
        chunk::{ChunkHead, ChunkWriter},
        completion::FinishReason,
    },
    providers::{ChatStream, Head, Piece, Progress, Provider},
    usage::Tokens,
};

/// One stream on its way.
struct Relay {
    reader: EventReader,
    translator: Box<dyn ChatStream>,
    pieces: Vec<Piece>,
    writer: Option<ChunkWriter>,
    finished: Vec<(u32, FinishReason)>,
    usage: Option<Tokens>,
}

/// Translates a stream, and gives out what became of each read, in a buffer of its own.
///
/// # Panics
/// If the stream cannot be read or has no proper end.
pub fn run(provider: &dyn Provider, reads: &[Vec<u8>], mut sink: impl FnMut(Vec<u8>)) {
    let mut relay = Relay {
        reader: EventReader::new(Framing::ServerSentEvents),
        translator: provider.chat_stream(),
        pieces: Vec::new(),
        writer: None,
        finished: Vec::new(),
        usage: None,
    };
    for read in reads {
        let mut out = Vec::new();
        relay.take(read, &mut out);
        sink(out);
    }
    let mut out = Vec::new();
    relay.end(&mut out);
    sink(out);
}

/// Looks at what is measured: all words, both calls, the usage, the end.
///
/// # Panics
/// If it is something else.
pub fn check(provider: &dyn Provider, reads: &[Vec<u8>]) {
    let mut out = Vec::new();
    run(provider, reads, |bytes| out.extend(bytes));
    let text = String::from_utf8(out).expect("text");
    let chunks = text.matches("data: {").count();
    assert!(chunks >= 100, "{}: {chunks} chunks", provider.id());
    let [(first, _), (second, _)] = super::answers::TOOLS;
    for wanted in [*first, *second, "\"completion_tokens\":212", "data: [DONE]"] {
        assert!(text.contains(wanted), "{}: no {wanted} comes out", provider.id());
    }
}

impl Relay {
    fn take(&mut self, read: &[u8], out: &mut Vec<u8>) {
        self.reader.feed(read).expect("a stream");
        while let Some(event) = self.reader.next_event().expect("an event") {
            self.translator.push(event, &mut self.pieces).expect("an event of this provider");
            let mut pieces = std::mem::take(&mut self.pieces);
            for piece in pieces.drain(..) {
                self.write(piece, out);
            }
            self.pieces = pieces;
        }
    }

    fn end(mut self, out: &mut Vec<u8>) {
        assert_ne!(self.translator.progress(), Progress::Running, "the last word was said");
        let mut writer = self.writer.take().expect("a head");
        for (choice, reason) in self.finished {
            writer.finish(out, choice, reason, None);
        }
        writer.done(out, self.usage.map(|tokens| tokens.to_usage(None)).as_ref());
    }

    fn write(&mut self, piece: Piece, out: &mut Vec<u8>) {
        if let Piece::Head(head) = piece {
            let mut writer = ChunkWriter::new(head_of(head), true, false);
            writer.begin(out, 0);
            self.writer = Some(writer);
            return;
        }
        let writer = self.writer.as_mut().expect("the head comes first");
        match piece {
            Piece::Head(_) => {}
            Piece::Text(choice, text) => writer.text(out, choice, &text),
            Piece::Refusal(choice, text) => writer.refusal(out, choice, &text),
            Piece::Reasoning(choice, text) => writer.reasoning(out, choice, &text),
            Piece::ReasoningDetail(choice, detail) => writer.reasoning_detail(choice, detail),
            Piece::Audio(choice, audio) => writer.audio(out, choice, &audio),
            Piece::Image(choice, image) => writer.image(out, choice, &image),
            Piece::ToolCall { choice, index, id, name, extra } => {
                writer.tool_call(out, choice, index, (&id, &name), extra.as_ref());
            }
            Piece::CustomCall { choice, index, id, name } => writer.custom_call(out, choice, index, &id, &name),
            Piece::ToolArguments { choice, index, text } => writer.tool_arguments(out, choice, index, &text),
            Piece::Annotation(choice, annotation) => writer.annotation(choice, annotation),
            Piece::Logprobs(choice, logprobs) => writer.logprobs(out, choice, &logprobs),
            Piece::Finish(choice, reason) => self.finished.push((choice, reason)),
            Piece::NativeFinish(..) => {}
            Piece::Usage(tokens) => self.usage = Some(tokens),
        }
    }
}

fn head_of(head: Head) -> ChunkHead {
    let head = head.bounded();
    ChunkHead {
        id: head.id.unwrap_or_else(|| "chatcmpl-0".into()),
        created: head.created.unwrap_or(1_760_000_000),
        model: head.model.unwrap_or_else(|| "model".into()),
        system_fingerprint: head.system_fingerprint,
        service_tier: head.service_tier,
    }
}
