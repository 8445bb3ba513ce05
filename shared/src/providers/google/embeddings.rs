//! <https://ai.google.dev/api/embeddings>.

use crate::{
    openai::{
        Invalid,
        embeddings::{EmbeddingsRequest, Input, InputType, Vector},
    },
    providers::{
        AnswerError, Prepared,
        embeddings::{BatchLimit, Embedder, Embeddings, ignored, texts},
        read,
    },
    usage::{ModelCard, Tokens},
};
use serde::{Deserialize, Serialize};

pub(super) struct GoogleEmbeddings;

#[derive(Serialize)]
struct Batch<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    /// In each, though the path has it too.
    model: &'a str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u32>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    embeddings: Vec<Values>,
    /// Documented, and seldom sent.
    usage_metadata: Option<Usage>,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: Option<u64>,
}

impl Embedder for GoogleEmbeddings {
    fn batch_limit(&self, _request: &EmbeddingsRequest) -> BatchLimit {
        BatchLimit { inputs: 100, bytes: usize::MAX }
    }

    fn options_belong_in(&self) -> Option<&'static str> {
        Some("requests")
    }

    fn request(&self, model: &ModelCard, request: &EmbeddingsRequest, batch: &[Input]) -> Result<Prepared, Invalid> {
        let name = format!("models/{}", model.id);
        let task_type = request.input_type.map(|kind| match kind {
            InputType::SearchDocument => "RETRIEVAL_DOCUMENT",
            InputType::SearchQuery => "RETRIEVAL_QUERY",
            InputType::Classification => "CLASSIFICATION",
            InputType::Clustering => "CLUSTERING",
        });
        let one = |text| Request {
            model: &name,
            content: Content { parts: [Part { text }] },
            task_type,
            output_dimensionality: request.dimensions,
        };
        let wire = Batch { requests: texts(request, batch)?.into_iter().map(one).collect() };
        let ignored = ignored(request, &[("user", request.user.is_some())]);
        Prepared::json(format!("/v1beta/{name}:batchEmbedContents"), &wire, ignored)
    }

    fn answer(&self, body: &[u8]) -> Result<Embeddings, AnswerError> {
        let response: Response = read(body)?;
        let input = response.usage_metadata.and_then(|usage| usage.prompt_token_count);
        Ok(Embeddings {
            model: None,
            vectors: response.embeddings.into_iter().map(|one| Vector::Float(one.values)).collect(),
            usage: input.map(|input| Tokens { input, ..Tokens::default() }),
        })
    }
}
