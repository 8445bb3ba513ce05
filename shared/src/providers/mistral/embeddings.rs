//! <https://docs.mistral.ai/api/endpoint/embeddings>.

use crate::{
    openai::{
        Invalid,
        embeddings::{EmbeddingsRequest, Input, Vector},
    },
    providers::{
        AnswerError, Prepared,
        embeddings::{BatchLimit, Embedder, Embeddings, ignored, texts},
        read,
    },
    usage::{ModelCard, Tokens},
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

pub(super) struct MistralEmbeddings;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u32>,
}

#[derive(Deserialize)]
struct Response<'a> {
    data: Vec<Item>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f64>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
}

impl Embedder for MistralEmbeddings {
    /// Neither is documented; errors say 16,384 tokens in all ("Too many tokens in batch") and, of more than 512 inputs, "Too many inputs in
    /// request". Fewer are no slower, and the limits of older models were lower.
    fn batch_limit(&self, _request: &EmbeddingsRequest) -> BatchLimit {
        BatchLimit { inputs: 128, bytes: 48_000 }
    }

    fn request(&self, model: &ModelCard, request: &EmbeddingsRequest, batch: &[Input]) -> Result<Prepared, Invalid> {
        if request.dimensions.is_some() && model.id.starts_with("mistral-embed") {
            return Err(Invalid::unsupported("dimensions", "this model's vectors have one length; leave it out"));
        }
        let wire = Request { model: &model.id, input: texts(request, batch)?, output_dimension: request.dimensions };
        let unknown = [("user", request.user.is_some()), ("input_type", request.input_type.is_some())];
        Prepared::json("/v1/embeddings".into(), &wire, ignored(request, &unknown))
    }

    fn answer(&self, body: &[u8]) -> Result<Embeddings, AnswerError> {
        let mut response: Response<'_> = read(body)?;
        response.data.sort_by_key(|item| item.index);
        Ok(Embeddings {
            model: response.model.map(Cow::into_owned),
            vectors: response.data.into_iter().map(|item| Vector::Float(item.embedding)).collect(),
            usage: response.usage.map(|usage| Tokens { input: usage.prompt_tokens, ..Tokens::default() }),
        })
    }
}
