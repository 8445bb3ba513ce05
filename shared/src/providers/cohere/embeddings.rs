//! <https://docs.cohere.com/reference/embed>.

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

pub(super) struct CohereEmbeddings;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    texts: Vec<&'a str>,
    input_type: &'static str,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u32>,
    truncate: &'static str,
}

#[derive(Deserialize)]
struct Response {
    embeddings: ByType,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct ByType {
    float: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Meta {
    billed_units: Option<BilledUnits>,
}

#[derive(Deserialize)]
struct BilledUnits {
    input_tokens: Option<u64>,
}

impl Embedder for CohereEmbeddings {
    fn batch_limit(&self, _request: &EmbeddingsRequest) -> BatchLimit {
        BatchLimit { inputs: 96, bytes: usize::MAX }
    }

    fn request(&self, model: &ModelCard, request: &EmbeddingsRequest, batch: &[Input]) -> Result<Prepared, Invalid> {
        let has_one_length = ["embed-english-", "embed-multilingual-"].iter().any(|old| model.id.starts_with(old));
        if request.dimensions.is_some() && has_one_length {
            return Err(Invalid::unsupported("dimensions", "this model's vectors have one length; leave it out"));
        }
        let wire = Request {
            model: &model.id,
            texts: texts(request, batch)?,
            // Required here and unknown to OpenAI's clients, which embed more documents than questions.
            input_type: match request.input_type.unwrap_or(InputType::SearchDocument) {
                InputType::SearchDocument => "search_document",
                InputType::SearchQuery => "search_query",
                InputType::Classification => "classification",
                InputType::Clustering => "clustering",
            },
            embedding_types: ["float"],
            output_dimension: request.dimensions,
            // What is too long is an error, as in OpenAI's dialect, and not cut without a word.
            truncate: "NONE",
        };
        Prepared::json("/v2/embed".into(), &wire, ignored(request, &[("user", request.user.is_some())]))
    }

    fn answer(&self, body: &[u8]) -> Result<Embeddings, AnswerError> {
        let response: Response = read(body)?;
        let input = response.meta.and_then(|meta| meta.billed_units?.input_tokens);
        Ok(Embeddings {
            model: None,
            vectors: response.embeddings.float.into_iter().map(Vector::Float).collect(),
            usage: input.map(|input| Tokens { input, ..Tokens::default() }),
        })
    }
}
