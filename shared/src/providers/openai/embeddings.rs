//! <https://platform.openai.com/docs/api-reference/embeddings>.

use crate::{
    openai::{
        Invalid,
        embeddings::{EmbeddingsRequest, Encoding, Input, Vector},
    },
    providers::{
        AnswerError, Prepared,
        embeddings::{BatchLimit, Embedder, Embeddings, ignored},
        read,
    },
    usage::{ModelCard, Tokens},
};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};
use std::borrow::Cow;

pub(super) struct OpenAiEmbeddings;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    #[serde(serialize_with = "write_input")]
    input: &'a [Input],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
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
    embedding: Vector,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
}

impl Embedder for OpenAiEmbeddings {
    fn batch_limit(&self, request: &EmbeddingsRequest) -> BatchLimit {
        let inputs = match request.encoding {
            Encoding::Base64 => 2048,
            // OpenAI takes as many, but indents each number on a line of its own: more would be a longer answer than we read.
            Encoding::Float => 512,
        };
        // 300,000 tokens in all, by the three bytes of a token that are few for any language.
        BatchLimit { inputs, bytes: 900_000 }
    }

    fn request(&self, model: &ModelCard, request: &EmbeddingsRequest, batch: &[Input]) -> Result<Prepared, Invalid> {
        let encoding_format = match request.encoding {
            Encoding::Float => "float",
            Encoding::Base64 => "base64",
        };
        let user = request.user.as_deref();
        let wire = Request { model: &model.id, input: batch, dimensions: request.dimensions, encoding_format, user };
        let ignored = ignored(request, &[("input_type", request.input_type.is_some())]);
        Prepared::json("/v1/embeddings".into(), &wire, ignored)
    }

    fn answer(&self, body: &[u8]) -> Result<Embeddings, AnswerError> {
        let mut response: Response<'_> = read(body)?;
        response.data.sort_by_key(|item| item.index);
        Ok(Embeddings {
            model: response.model.map(Cow::into_owned),
            vectors: response.data.into_iter().map(|item| item.embedding).collect(),
            usage: response.usage.map(|usage| Tokens { input: usage.prompt_tokens, ..Tokens::default() }),
        })
    }
}

fn write_input<S: Serializer>(input: &[Input], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(input.len()))?;
    for one in input {
        match one {
            Input::Text(text) => list.serialize_element(text)?,
            Input::Tokens(tokens) => list.serialize_element(tokens)?,
        }
    }
    list.end()
}
