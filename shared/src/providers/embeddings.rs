//! What a provider that has embedding models must be able to do beside chat.

use super::{AnswerError, Prepared, options};
use crate::{
    openai::{
        Invalid,
        embeddings::{EmbeddingsRequest, Input, Vector},
    },
    usage::{ModelCard, Tokens},
};

/// Translates embeddings. All of it is pure.
pub trait Embedder: Sync {
    /// How much of a request the provider takes at once.
    fn batch_limit(&self, request: &EmbeddingsRequest) -> BatchLimit;

    /// A request for some of the inputs, in the provider's wire format.
    ///
    /// # Errors
    /// [`Invalid`] where the request asks for what this provider cannot do and leaving it out would change the answer.
    fn request(&self, model: &ModelCard, request: &EmbeddingsRequest, batch: &[Input]) -> Result<Prepared, Invalid>;

    /// In which list of the request a caller's own options belong, in each of its objects; none: in the request itself.
    fn options_belong_in(&self) -> Option<&'static str> {
        None
    }

    /// A whole answer.
    ///
    /// # Errors
    /// [`AnswerError`] when the body is not an answer of this provider.
    fn answer(&self, body: &[u8]) -> Result<Embeddings, AnswerError>;
}

/// What one call brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// One for each input, in order.
    pub vectors: Vec<Vector>,
    /// None where the provider sent none.
    pub usage: Option<Tokens>,
}

/// The most that one call may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// In inputs.
    pub inputs: usize,
    /// In bytes of text, where the provider limits the tokens of all inputs together.
    pub bytes: usize,
}

impl BatchLimit {
    /// The inputs in order, in batches within the limit; one that is too long by itself is alone, for the provider to judge.
    pub fn split(self, input: &[Input]) -> Vec<&[Input]> {
        let mut batches = Vec::new();
        let (mut start, mut bytes) = (0, 0_usize);
        for (i, one) in input.iter().enumerate() {
            let size = one.text_bytes();
            if i > start && (i - start >= self.inputs || bytes.saturating_add(size) > self.bytes) {
                batches.push(&input[start..i]);
                (start, bytes) = (i, 0);
            }
            bytes = bytes.saturating_add(size);
        }
        batches.push(&input[start..]);
        batches
    }
}

/// The inputs of a batch where the provider takes only text.
pub(crate) fn texts<'a>(request: &EmbeddingsRequest, batch: &'a [Input]) -> Result<Vec<&'a str>, Invalid> {
    let text = |input: &'a Input| match input {
        Input::Text(text) => Ok(text.as_str()),
        Input::Tokens(_) if request.input.len() == 1 => Err("input"),
        Input::Tokens(_) => Err("input[0]"),
    };
    let texts: Result<Vec<_>, _> = batch.iter().map(text).collect();
    texts.map_err(|path| Invalid::unsupported(path, "this provider has a tokenizer of its own: send text, not tokens"))
}

/// The names of the request's fields that have no counterpart, besides the ones that a provider names itself. A provider's own options are
/// nobody else's.
pub(crate) fn ignored(request: &EmbeddingsRequest, unknown: &[(&str, bool)]) -> Vec<String> {
    let named = unknown.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (*name).to_owned());
    named.chain(request.other.keys().filter(|name| !options::is_for_a_provider(name)).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{ALL, Provider, model};
    use serde_json::{Value, json};

    fn provider(name: &str) -> &'static dyn Provider {
        *ALL.iter().find(|provider| provider.id() == name).expect(name)
    }

    fn embedder(name: &str) -> &'static dyn Embedder {
        provider(name).embeddings().expect(name)
    }

    #[test]
    fn each_provider_is_asked_in_its_own_words() {
        let body = json!({
            "model": "m", "input": ["a", "b"], "dimensions": 256, "input_type": "classification", "user": "u",
            "encoding_format": "base64", "mood": "good",
        });
        let request = EmbeddingsRequest::parse(body.to_string().as_bytes()).expect("a request");
        let google = |text: &str| {
            json!({
                "model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]},
                "taskType": "CLASSIFICATION", "outputDimensionality": 256,
            })
        };
        let openai = json!({
            "model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 256, "encoding_format": "base64",
            "user": "u",
        });
        let cohere = json!({
            "model": "embed-v4.0", "texts": ["a", "b"], "input_type": "classification", "embedding_types": ["float"],
            "output_dimension": 256, "truncate": "NONE",
        });
        #[rustfmt::skip]
        let table: [(&str, &str, &str, Value, &[&str]); 4] = [
            ("openai",  "text-embedding-3-small", "/v1/embeddings", openai, &["input_type", "mood"]),
            ("google",  "gemini-embedding-001",   "/v1beta/models/gemini-embedding-001:batchEmbedContents",
             json!({"requests": [google("a"), google("b")]}), &["user", "mood"]),
            ("cohere",  "embed-v4.0",             "/v2/embed",      cohere, &["user", "mood"]),
            ("mistral", "codestral-embed",        "/v1/embeddings",
             json!({"model": "codestral-embed", "input": ["a", "b"], "output_dimension": 256}), &["user", "input_type", "mood"]),
        ];
        for (name, card, path, body, ignored) in table {
            let card = model(provider(name), card).expect(card);
            let prepared = embedder(name).request(card, &request, &request.input).expect(name);
            let sent: Value = serde_json::from_slice(&prepared.body).expect("JSON");
            assert_eq!((prepared.path.as_str(), sent), (path, body), "{name}");
            assert_eq!(prepared.ignored, ignored, "{name}");
        }
    }

    #[test]
    fn each_providers_answer_is_read_in_the_order_of_the_inputs() {
        let float = |number: f64| Vector::Float(vec![number]);
        let by_index = r#"{"model":"served","data":[{"index":1,"embedding":[2.5]},{"index":0,"embedding":[1.5]}],"usage":{"prompt_tokens":7}}"#;
        #[rustfmt::skip]
        let table = [
            ("openai",  by_index, Some("served"), Some(7)),
            ("mistral", by_index, Some("served"), Some(7)),
            ("cohere",  r#"{"embeddings":{"float":[[1.5],[2.5]]},"meta":{"billed_units":{"input_tokens":7}}}"#, None, Some(7)),
            ("google",  r#"{"embeddings":[{"values":[1.5]},{"values":[2.5]}]}"#, None, None),
            ("google",  r#"{"embeddings":[{"values":[1.5]},{"values":[2.5]}],"usageMetadata":{"promptTokenCount":7}}"#, None, Some(7)),
        ];
        for (name, body, served, tokens) in table {
            let answer = embedder(name).answer(body.as_bytes()).expect(name);
            let usage = tokens.map(|input| Tokens { input, ..Tokens::default() });
            let vectors = vec![float(1.5), float(2.5)];
            assert_eq!(answer, Embeddings { model: served.map(str::to_owned), vectors, usage }, "{name}");
            for no_answer in ["", "{}", "[]", "<html>", r#"{"data":[{}],"embeddings":[{}]}"#] {
                assert!(embedder(name).answer(no_answer.as_bytes()).is_err(), "{name}: {no_answer}");
            }
        }
    }

    #[test]
    fn batches_keep_the_order_and_both_limits() {
        let input: Vec<_> = ["aaaa", "bb", "cc", "ddddddddd", "e"].map(|text| Input::Text(text.into())).into();
        #[rustfmt::skip]
        let table = [
            (9, 99, vec![5],             "all at once"),
            (2, 99, vec![2, 2, 1],       "two at a time"),
            (9, 6,  vec![2, 1, 1, 1],    "six bytes at a time; what is longer is alone"),
            (1, 99, vec![1, 1, 1, 1, 1], "one at a time"),
        ];
        for (inputs, bytes, sizes, why) in table {
            let batches = BatchLimit { inputs, bytes }.split(&input);
            assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), sizes, "{why}");
            assert_eq!(batches.concat(), input, "{why}");
        }
    }
}
