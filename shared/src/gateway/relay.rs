//! A provider's stream on its way to the caller: bytes → events → pieces → chunks, no word held back, and an end that is true. A stream
//! that did not end as its provider's protocol ends is an error to the caller, never a clean `[DONE]`; and it is billed as it was used,
//! whether or not the caller stays to the end.

mod recording;
mod serve;

pub(super) use serve::serve;

use super::{
    attempt::{Attempt, Outcome, UsageFacts},
    call::Call,
    echo,
};
use crate::{
    cache::answer::Recorder,
    causes,
    clock::Clock,
    error::GatewayError,
    http::{
        client::{BodyError, UpstreamAnswer},
        events::{EventReader, Framing},
    },
    openai::{
        ChatRequest,
        chunk::{self, ChunkHead, ChunkWriter},
        completion::FinishReason,
        format::Reasoning,
    },
    providers::{self, AnswerError, ChatStream, Failure, Head, Piece, Progress},
    tenancy::RequestId,
    usage::{Tokens, ledger::Ended},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    time::Duration,
};
use tokio::time::Instant;

/// How long before the function is stopped its stream ends with an error of ours: enough to settle and to write the ledger.
const RESERVE: Duration = Duration::from_secs(5);
/// The longest a request may take where nobody says when the function is stopped.
const MAX_TIME: Duration = Duration::from_secs(15 * 60);
/// After the provider's last word: how long to wait for the end of the body, so that the connection can be used again.
const LAST_WORD: Duration = Duration::from_millis(500);

/// How long a provider may still take, so that there is time left to settle.
pub(super) fn time_left(clock: &dyn Clock, deadline: Option<Duration>) -> Duration {
    deadline.map_or(MAX_TIME, |deadline| deadline.saturating_sub(RESERVE).saturating_sub(clock.since_epoch()))
}

/// The id of an answer whose provider gave it none.
pub(super) fn fallback_id(request_id: RequestId) -> String {
    format!("chatcmpl-{}", request_id.as_uuid().simple())
}

/// What a provider's failure, or an answer that is none, means for the caller.
pub(super) fn answer_error(attempt: &Attempt, error: AnswerError) -> GatewayError {
    let provider = attempt.provider();
    match error {
        AnswerError::Failed(failure) => {
            let retry_after_s = failure.retry_after_s;
            GatewayError::Provider { provider, failure: attempt.redacted(failure), retry_after_s }
        }
        AnswerError::Unreadable(error) => GatewayError::BadAnswer { provider, source: error.into() },
    }
}

/// Why a choice ended, for the caller: one that calls tools ended for that (Google says `STOP`), and a caller who offered `functions`
/// hears of a function.
pub(super) fn finish_reason(reason: FinishReason, calls_tools: bool, legacy_functions: bool) -> FinishReason {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls if calls_tools && legacy_functions => FinishReason::FunctionCall,
        FinishReason::Stop if calls_tools => FinishReason::ToolCalls,
        other => other,
    }
}

/// How an attempt ended that ended with this.
pub(super) fn ended_by(error: &GatewayError) -> Ended {
    match error {
        GatewayError::Truncated { .. } => Ended::Truncated,
        GatewayError::Deadline => Ended::Deadline,
        _ => Ended::Failed,
    }
}

/// A comment: clients skip it, proxies see that the connection lives.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The bytes of text that cost what an image does, where its provider did not get to count: the smallest is 1290 tokens of Google's.
const IMAGE_AS_TEXT: usize = 4 * 1290;

/// One stream and all that is known of it.
pub(super) struct Relay {
    attempt: Attempt,
    request_id: RequestId,
    /// Kept for what a provider's error may repeat of it.
    request: ChatRequest,
    hides_reasoning: bool,
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>,
    reader: EventReader,
    translator: Box<dyn ChatStream>,
    pieces: Vec<Piece>,
    /// None until the provider's head has come.
    writer: Option<ChunkWriter>,
    /// Which choices have content.
    begun: BTreeSet<u32>,
    /// Which choices call tools.
    calling: BTreeSet<u32>,
    /// Why each choice ended, by its index.
    finished: BTreeMap<u32, FinishReason>,
    /// The provider's own words for it.
    native_finish: BTreeMap<u32, String>,
    model_served: Option<String>,
    usage: Option<Tokens>,
    answer_bytes: usize,
    /// What the caller got, for the cache.
    recorder: Recorder,
    until: Instant,
    keep_alive: Duration,
    /// None while it runs.
    ended: Option<Ended>,
    /// What the caller was told in place of the end, if it was an error.
    error_code: Option<String>,
}

impl Relay {
    pub(super) fn new(
        attempt: Attempt,
        answer: UpstreamAnswer,
        framing: Framing,
        call: &Call,
        request: ChatRequest,
        keep_alive: Duration,
    ) -> Self {
        let until = Instant::now() + time_left(&*attempt.clock, call.deadline);
        Self {
            request_id: call.request_id,
            hides_reasoning: request.hides_reasoning(),
            request,
            chunks: Box::pin(answer.chunks()),
            reader: EventReader::new(framing),
            translator: attempt.candidate.provider.chat_stream(),
            pieces: Vec::new(),
            writer: None,
            begun: BTreeSet::new(),
            calling: BTreeSet::new(),
            finished: BTreeMap::new(),
            native_finish: BTreeMap::new(),
            model_served: None,
            usage: None,
            answer_bytes: 0,
            recorder: Recorder::default(),
            until,
            keep_alive,
            ended: None,
            error_code: None,
            attempt,
        }
    }

    /// The next bytes for the caller; none after the end. What one read brought goes out at once, as one piece. It is the caller's silence
    /// that is broken by comments: a provider's pings, and thoughts that are left out, are nothing to the caller.
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended.is_some() {
            // The caller has its last word; this only lets the connection be used again.
            let rest = async { while let Some(Ok(_)) = self.chunks.next().await {} };
            let _ = tokio::time::timeout(LAST_WORD, rest).await;
            return None;
        }
        let mut out = Vec::new();
        let quiet_until = Instant::now() + self.keep_alive;
        while out.is_empty() && self.ended.is_none() {
            let read = tokio::time::timeout_at(self.until.min(quiet_until), self.chunks.next()).await;
            let is_elapsed = read.is_err();
            if (!is_elapsed || Instant::now() >= self.until)
                && let Err(error) = self.take(read, &mut out)
            {
                self.fail(&error, &mut out);
            }
            if out.is_empty() && self.ended.is_none() && (is_elapsed || Instant::now() >= quiet_until) {
                return Some(Bytes::from_static(KEEP_ALIVE));
            }
        }
        (!out.is_empty()).then(|| out.into())
    }

    /// Takes what one read brought: bytes, the end, or the end of our patience.
    fn take(
        &mut self,
        read: Result<Option<Result<Bytes, BodyError>>, tokio::time::error::Elapsed>,
        out: &mut Vec<u8>,
    ) -> Result<(), GatewayError> {
        let provider = self.attempt.provider();
        match read {
            Ok(Some(Ok(bytes))) => {
                self.reader.feed(&bytes).map_err(|error| GatewayError::BadAnswer { provider, source: error.into() })?;
                self.translate(out)?;
                if self.translator.progress() == Progress::Ended { self.complete(out) } else { Ok(()) }
            }
            Ok(None) => {
                self.reader.end();
                // What is left may be half an event; then it is the truncation that counts, not that it cannot be read.
                let translated = self.translate(out);
                match (translated, self.translator.progress()) {
                    (Err(error @ GatewayError::Provider { .. }), _) => Err(error),
                    (Ok(()), Progress::MayEnd | Progress::Ended) => self.complete(out),
                    _ => Err(GatewayError::Truncated { provider }),
                }
            }
            Ok(Some(Err(error))) => {
                tracing::warn!(error = %causes::chain(&error), provider, "stream broke");
                Err(GatewayError::Truncated { provider })
            }
            Err(_) => Err(GatewayError::Deadline),
        }
    }

    fn translate(&mut self, out: &mut Vec<u8>) -> Result<(), GatewayError> {
        let provider = self.attempt.provider();
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut result = Ok(());
        loop {
            let event = match self.reader.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    result = Err(GatewayError::BadAnswer { provider, source: error.into() });
                    break;
                }
            };
            let pushed = self.translator.push(event, &mut pieces);
            for piece in pieces.drain(..) {
                self.write(piece, out);
            }
            if let Err(error) = pushed {
                if let AnswerError::Failed(Failure { used: Some(used), .. }) = &error {
                    self.usage = Some(**used);
                }
                result = Err(echo::removed(answer_error(&self.attempt, error), echo::texts(&self.request)));
                break;
            }
        }
        self.pieces = pieces;
        result
    }

    fn write(&mut self, piece: Piece, out: &mut Vec<u8>) {
        if !self.is_hidden(&piece) {
            self.recorder.take(&piece);
        }
        match piece {
            Piece::Head(head) => {
                let head = head.bounded();
                self.model_served.clone_from(&head.model);
                self.writer_from(head).begin(out, 0);
            }
            Piece::Text(choice, text) => {
                self.content(choice, text.len());
                self.writer().text(out, choice, &text);
            }
            Piece::Refusal(choice, text) => {
                self.content(choice, text.len());
                self.writer().refusal(out, choice, &text);
            }
            Piece::Audio(choice, audio) => {
                // What is heard is counted by its words: a second of sound is some ten kilobytes, and twenty tokens.
                self.content(choice, audio.get("transcript").and_then(Value::as_str).map_or(0, str::len));
                self.writer().audio(out, choice, &audio);
            }
            Piece::Image(choice, image) => {
                self.content(choice, IMAGE_AS_TEXT);
                self.writer().image(out, choice, &image);
            }
            Piece::Reasoning(choice, text) => {
                self.content(choice, text.len());
                if !self.hides_reasoning {
                    self.writer().reasoning(out, choice, &text);
                }
            }
            Piece::ReasoningDetail(_, detail) if self.hides_reasoning && !Reasoning::is_wanted_back(&detail) => {}
            Piece::ReasoningDetail(choice, detail) => self.writer().reasoning_detail(choice, detail),
            Piece::ToolCall { choice, index, id, name, extra } => {
                self.content(choice, name.len());
                self.calling.insert(choice);
                self.writer().tool_call(out, choice, index, (&id, &name), extra.as_ref());
            }
            Piece::CustomCall { choice, index, id, name } => {
                self.content(choice, name.len());
                self.calling.insert(choice);
                self.writer().custom_call(out, choice, index, &id, &name);
            }
            Piece::ToolArguments { choice, index, text } => {
                self.content(choice, text.len());
                self.writer().tool_arguments(out, choice, index, &text);
            }
            Piece::Annotation(choice, annotation) => self.writer().annotation(choice, annotation),
            Piece::Logprobs(choice, logprobs) => self.writer().logprobs(out, choice, &logprobs),
            // Held until the end is known: a choice has one finish reason and it comes last, but Google can send `STOP` and then
            // more text, and a stream that breaks off after it has not finished.
            Piece::Finish(choice, reason) => {
                self.finished.insert(choice, reason);
                self.native_finish.remove(&choice);
            }
            Piece::NativeFinish(choice, word) => {
                self.native_finish.insert(choice, providers::bounded_word(&word));
            }
            Piece::Usage(tokens) => self.usage = Some(tokens),
        }
    }

    /// Notes that content of a choice has come.
    fn content(&mut self, choice: u32, bytes: usize) {
        self.attempt.content_came();
        self.answer_bytes += bytes;
        self.begun.insert(choice);
    }

    fn writer(&mut self) -> &mut ChunkWriter {
        self.writer_from(Head::default())
    }

    /// The writer, made from the provider's head if there is none yet.
    fn writer_from(&mut self, head: Head) -> &mut ChunkWriter {
        self.writer.get_or_insert_with(|| {
            let head = ChunkHead {
                id: head.id.unwrap_or_else(|| fallback_id(self.request_id)),
                created: head.created.unwrap_or_else(|| self.attempt.clock.now().unix_timestamp()),
                model: head.model.unwrap_or_else(|| self.attempt.candidate.model.id.to_string()),
                system_fingerprint: head.system_fingerprint,
                service_tier: head.service_tier,
            };
            ChunkWriter::new(head, self.request.wants_stream_usage(), self.request.legacy_functions)
        })
    }

    /// The provider's protocol says that this is all. It is not if a choice has no finish reason, or there is none at all.
    fn complete(&mut self, out: &mut Vec<u8>) -> Result<(), GatewayError> {
        if !self.is_said() {
            return Err(GatewayError::Truncated { provider: self.attempt.provider() });
        }
        self.ended = Some(Ended::Complete);
        let (tokens, _, cost) = self.attempt.price(&self.usage_facts());
        for (choice, reason) in std::mem::take(&mut self.finished) {
            let reason = finish_reason(reason, self.calling.contains(&choice), self.request.legacy_functions);
            let native = self.native_finish.remove(&choice);
            self.writer().finish(out, choice, reason, native.as_deref());
        }
        self.writer().done(out, Some(&tokens.to_usage(Some(&cost))));
        Ok(())
    }

    fn fail(&mut self, error: &GatewayError, out: &mut Vec<u8>) {
        self.ended = Some(ended_by(error));
        let (provider, on_the_wire) = (self.attempt.provider(), error.on_the_wire());
        self.error_code = Some(on_the_wire.code.to_owned());
        let id = self.attempt.provider_request_id.as_deref();
        match on_the_wire.status.is_server_error() {
            true => tracing::warn!(error = %causes::chain(error), provider, provider.request_id = id, "stream failed"),
            // What a provider says of the caller's request may quote it, so it is not for the log.
            false => tracing::warn!(code = on_the_wire.code, provider, provider.request_id = id, "stream failed"),
        }
        out.extend_from_slice(&error.with_detail(chunk::error_event));
    }

    fn usage_facts(&self) -> UsageFacts {
        match (self.usage, self.ended) {
            (Some(tokens), Some(Ended::Complete)) => UsageFacts::Reported(tokens),
            // All is said but the protocol's last word: what was used will not change any more.
            (Some(tokens), _) if self.is_said() => UsageFacts::Reported(tokens),
            // What was reported before a break is a lower bound; so is what we count.
            (reported, _) => UsageFacts::Counted { answer_bytes: self.answer_bytes, reported },
        }
    }

    /// Whether every choice that has begun has its finish reason: the usage comes with the last of them, or after it.
    fn is_said(&self) -> bool {
        !self.finished.is_empty() && self.begun.iter().all(|choice| self.finished.contains_key(choice))
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            status: 200,
            error_code: self.error_code.clone(),
            ended: self.ended.unwrap_or(Ended::Truncated),
            model_served: self.model_served.clone(),
            usage: self.usage_facts(),
        }
    }
}

#[cfg(test)]
mod tests;
