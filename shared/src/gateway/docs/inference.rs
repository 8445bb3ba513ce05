//! Chat, embeddings and models: what a user needs of them. OpenAI's documentation has the rest of the dialect, which is accepted too.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, get, post};
use crate::tenancy::Permission;
use serde_json::Value;
use utoipa::{ToSchema, openapi::Required};

/// OpenAI's chat request. Fields that are not listed here are passed to a provider that knows them, and else named in
/// `x-supergate-ignored-params`.
#[derive(ToSchema)]
struct ChatRequest {
    /// `provider/model`, or a bare model name that one provider has.
    model: String,
    #[schema(min_items = 1)]
    messages: Vec<Message>,
    /// Whether to answer as server-sent events.
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// How many answers.
    #[schema(minimum = 1, maximum = 128)]
    n: Option<u32>,
    /// The longest answer, in tokens. `max_tokens` is its older name.
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u32>,
    /// What ends the answer.
    stop: Option<OneOrSome>,
    /// What the model may call, as OpenAI describes it.
    tools: Option<Vec<Value>>,
    /// `auto`, `none`, `required`, or an object that names one.
    tool_choice: Option<Value>,
    /// `{"type": "text" | "json_object" | "json_schema", ...}`.
    response_format: Option<Value>,
    /// Whether what a model cannot honour is a 400 rather than left out and named.
    require_parameters: Option<bool>,
}

/// One message.
#[derive(ToSchema)]
struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    role: String,
    content: Option<Content>,
}

/// A text, or parts: `{"type": "text", "text": ...}`, `{"type": "image_url", ...}` and OpenAI's others.
#[derive(ToSchema)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Value>),
}

/// One, or an array of them.
#[derive(ToSchema)]
#[serde(untagged)]
enum OneOrSome {
    One(String),
    Some(Vec<String>),
}

/// What a stream tells besides.
#[derive(ToSchema)]
struct StreamOptions {
    /// Whether the last chunk has the usage and the cost.
    include_usage: Option<bool>,
}

/// A whole answer.
#[derive(ToSchema)]
struct ChatCompletion {
    id: String,
    /// `chat.completion`.
    object: String,
    /// Unix seconds.
    created: i64,
    /// As the provider names it.
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

/// One of `n` answers.
#[derive(ToSchema)]
struct Choice {
    index: u32,
    message: AnswerMessage,
    /// How likely each token was, if asked for.
    logprobs: Value,
    /// `stop`, `length`, `tool_calls`, `content_filter` or `function_call`.
    finish_reason: String,
}

/// What was said.
#[derive(ToSchema)]
struct AnswerMessage {
    /// `assistant`.
    role: String,
    #[schema(required = true)]
    content: Option<String>,
    #[schema(required = true)]
    refusal: Option<String>,
    /// What the model calls.
    tool_calls: Option<Vec<Value>>,
    /// What the model thought.
    reasoning_content: Option<String>,
}

/// What was used, and what it cost.
#[derive(ToSchema)]
struct Usage {
    /// All of the prompt, with what a provider's cache read or wrote.
    prompt_tokens: u64,
    /// All of the answer, with what the model thought.
    completion_tokens: u64,
    total_tokens: u64,
    /// US dollars, exact to the nano-dollar.
    cost: Option<f64>,
    cost_details: Option<CostDetails>,
}

/// The cost by kind, in US dollars.
#[derive(ToSchema)]
struct CostDetails {
    input_cost: f64,
    cached_input_cost: f64,
    cache_write_cost: f64,
    output_cost: f64,
}

/// OpenAI's embeddings request.
#[derive(ToSchema)]
struct EmbeddingsRequest {
    model: String,
    /// A text, up to 2,048 texts, or tokens of a model that takes them.
    input: EmbeddingsInput,
    /// How long the vectors are to be, for models that can choose.
    #[schema(minimum = 1)]
    dimensions: Option<u32>,
    encoding_format: Option<EncodingFormat>,
    input_type: Option<InputType>,
    /// The caller's own user.
    user: Option<String>,
    /// Whether what a model cannot honour is a 400 rather than left out and named.
    require_parameters: Option<bool>,
}

/// What to embed.
#[derive(ToSchema)]
#[serde(untagged)]
enum EmbeddingsInput {
    Text(String),
    Many(Vec<Value>),
}

/// Numbers, or 32-bit floats, little-endian, in base 64.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum EncodingFormat {
    Float,
    Base64,
}

/// What the vectors are for: some models make better ones if they know.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum InputType {
    SearchDocument,
    SearchQuery,
    Classification,
    Clustering,
}

/// Vectors, in the order of the inputs.
#[derive(ToSchema)]
struct EmbeddingList {
    /// `list`.
    object: String,
    data: Vec<Embedding>,
    model: String,
    usage: EmbeddingUsage,
}

/// One vector.
#[derive(ToSchema)]
struct Embedding {
    /// `embedding`.
    object: String,
    index: u32,
    embedding: Vector,
}

/// As asked for.
#[derive(ToSchema)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f64>),
    Base64(String),
}

/// What was used, and what it cost.
#[derive(ToSchema)]
struct EmbeddingUsage {
    prompt_tokens: u64,
    total_tokens: u64,
    /// US dollars.
    cost: f64,
    cost_details: CostDetails,
}

/// Every model.
#[derive(ToSchema)]
struct ModelList {
    /// `list`.
    object: String,
    data: Vec<Model>,
}

/// A model.
#[derive(ToSchema)]
struct Model {
    /// `provider/model`.
    id: String,
    /// `model`.
    object: String,
    created: i64,
    /// The provider.
    owned_by: String,
    /// The longest prompt, in tokens.
    context_length: Option<u32>,
    /// The longest answer, in tokens.
    max_output_tokens: Option<u32>,
    architecture: Architecture,
    /// The fields of a request that it honours.
    supported_parameters: Vec<String>,
    /// The day its provider withdraws it.
    deprecated_on: Option<String>,
    pricing: Pricing,
}

/// What goes in and what comes out: of `text`, `image`, `file`, `audio`, `video`, `embeddings`.
#[derive(ToSchema)]
struct Architecture {
    input_modalities: Vec<String>,
    output_modalities: Vec<String>,
}

/// US dollars per token, as decimals in text: no reader's floating point can change them. Further prices, of other kinds of tokens, of long
/// prompts and of other service tiers, stand beside these where the model has them.
#[derive(ToSchema)]
struct Pricing {
    prompt: String,
    completion: String,
    /// Prompt read from the provider's cache.
    input_cache_read: Option<String>,
    /// Prompt written to the provider's cache.
    input_cache_write: Option<String>,
}

const CHAT: &str =
    r#"{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}"#;
const STREAMED: &str = r#"{"model": "anthropic/claude-haiku-4-5", "messages": [{"role": "user", "content": "Why is the sky blue?"}],
    "stream": true, "stream_options": {"include_usage": true}}"#;
const COMPLETION: &str = r#"{"id": "chatcmpl-1", "object": "chat.completion", "created": 1799573400, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Air scatters blue light most.", "refusal": null},
                 "logprobs": null, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 13, "completion_tokens": 7, "total_tokens": 20, "cost": 0.00000615,
              "cost_details": {"input_cost": 0.00000195, "cached_input_cost": 0, "cache_write_cost": 0, "output_cost": 0.0000042}}}"#;
const EVENTS: &str = "\
data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1799573400,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Air\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n\
data: [DONE]\n\n";
const EMBEDDED: &str = r#"{"object": "list", "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.013, -0.027, 0.041]}],
    "usage": {"prompt_tokens": 6, "total_tokens": 6, "cost": 0.00000012,
              "cost_details": {"input_cost": 0.00000012, "cached_input_cost": 0, "cache_write_cost": 0, "output_cost": 0}}}"#;
const MODEL: &str = r#"{"id": "openai/gpt-4o-mini", "object": "model", "created": 0, "owned_by": "openai", "context_length": 128000,
    "max_output_tokens": 16384, "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    "supported_parameters": ["max_tokens", "temperature", "tools"],
    "pricing": {"prompt": "0.00000015", "completion": "0.0000006", "input_cache_read": "0.000000075"}}"#;

const IDEMPOTENCY: &str = "\
With a header `Idempotency-Key` (1 to 255 visible characters), a request that is sent twice is made once: the second gets the answer of the \
first, for 24 hours. While the first is at work it is a 409 `idempotency_in_flight`; a stream is not given again, nor what is longer than \
380 KB: 409 `idempotency_answer_not_kept`. Another body is a 422. A request that failed before a provider could bill gives its key back.";

const CACHE: &str = "\
What was asked before is answered from the tenant's cache, if the answer ended in `stop` and neither tools, several answers, log probabilities, sound nor \
documents were asked for. Headers: `Cache-Control: no-store | no-cache | max-age=N | only-if-cached`, `x-supergate-cache-namespace`, `-ttl`, \
`-threshold`, `-tier`; what is not understood is a 400. A hit is the same object, `id` and `usage` with its `cost` included; what this request cost is in \
`x-supergate-cost-usd`: nothing. It counts as a request, and gives back what was reserved.";

/// What the cache says of an answer.
fn cached(operation: Operation) -> Operation {
    operation
        .more(CACHE)
        .header(
            200,
            "x-supergate-cache",
            "`HIT`, `SEMANTIC-HIT`, `MISS`, `BYPASS` (not asked, or it did not answer in time) or `DISABLED`.",
        )
        .header(
            200,
            "x-supergate-cache-tier",
            "Of a hit: `exact`, `canonical` (but for how it is written) or `semantic`.",
        )
        .header(200, "x-supergate-cache-id", "Of a hit: which entry, for `/v1/cache/{id}`.")
        .header(200, "x-supergate-cache-similarity", "Of a semantic hit: the cosine of the two prompts.")
        .header(200, "age", "Of a hit: the seconds since the answer was stored.")
}

/// The headers of an answer that a provider gave.
fn answered(operation: Operation) -> Operation {
    operation
        .more(IDEMPOTENCY)
        .header(200, "idempotent-replayed", "`true` on an answer that was given before; it costs nothing again.")
        .header(200, "x-supergate-replay-of", "To which request it was given.")
        .header(200, "x-supergate-provider", "Who answered.")
        .header(200, "x-supergate-model", "The model, as the provider names it.")
        .header(
            200,
            "x-supergate-provider-request-id",
            "The provider's own id of the request, for its support, where it tells one.",
        )
        .header(200, "x-ratelimit-limit-requests", "Of the narrowest limit on requests in a minute: all of it.")
        .header(200, "x-ratelimit-remaining-requests", "What is left of it.")
        .header(200, "x-ratelimit-reset-requests", "When all of it is there again, as `8.64s`.")
        .header(200, "x-ratelimit-limit-tokens", "Of the narrowest limit on tokens in a minute: all of it.")
        .header(200, "x-ratelimit-remaining-tokens", "What is left of it.")
        .header(200, "x-ratelimit-reset-tokens", "When all of it is there again, as `1m26.4s`.")
        .header(200, "x-supergate-over-budget", "A soft budget that is used up, if there is one.")
        .header(200, "x-supergate-attempts", "How many times providers were asked.")
        .header(200, "x-supergate-overhead-ms", "Our part of the time: all of it but the waiting for the provider.")
        .header(200, "x-supergate-cost-usd", "The cost; on streams only of a hit.")
        .header(
            200,
            "x-supergate-ignored-params",
            "What this provider does not know and that was left out, if anything was.",
        )
        .refuses(&[402, 404, 409, 422, 424, 429, 502, 504])
}

pub(super) fn operations() -> Vec<Operation> {
    let chat = post("/v1/chat/completions", "createChatCompletion", "Asks a model")
        .more("With `stream`, the answer is server-sent events and ends with `data: [DONE]`. A stream that broke off ends with `event: error`.")
        .needs(Permission::Infer)
        .takes_one_of::<ChatRequest>(Required::True, &[("plain", CHAT), ("streamed", STREAMED)])
        .answers::<ChatCompletion>(200, "The answer.", COMPLETION)
        .or_events(200, EVENTS);
    let chat = cached(chat);
    let embeddings = post("/v1/embeddings", "createEmbeddings", "Makes vectors of texts")
        .needs(Permission::Infer)
        .takes::<EmbeddingsRequest>(r#"{"model": "openai/text-embedding-3-small", "input": ["Why is the sky blue?"]}"#)
        .answers::<EmbeddingList>(200, "The vectors.", EMBEDDED);
    vec![
        answered(chat),
        answered(embeddings),
        get("/v1/models", "listModels", "Lists the models with limits and prices")
            .needs(Permission::ReadModels)
            .answers::<ModelList>(200, "All of them.", &format!(r#"{{"object": "list", "data": [{MODEL}]}}"#)),
        get("/v1/models/{model}", "readModel", "Shows a model").needs(Permission::ReadModels).answers::<Model>(
            200,
            "The model.",
            MODEL,
        ),
    ]
}
