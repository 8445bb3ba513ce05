//! `GET /v1/models` and `/v1/models/{id}`.

use super::{
    Gateway,
    call::{Call, Reply},
};
use crate::{
    error::GatewayError,
    openai::models::{Model, ModelList, ModelPricing},
    routing::plan::{self, Candidate},
    tenancy::Permission,
};
use http::StatusCode;
use percent_encoding::percent_decode_str;

const LIST: &str = "/v1/models";

/// Lists the models that the caller may use, or describes the one that the path names.
///
/// # Errors
/// [`GatewayError`].
pub async fn read(gateway: &Gateway, call: Call) -> Result<Reply, GatewayError> {
    let grant = gateway.authorize(&call, Permission::ReadModels).await?;
    let allowed = |candidate: &Candidate| grant.allow_model(candidate.provider.id(), candidate.model.id);
    // An id holds a slash, which some clients encode and some do not.
    let path = percent_decode_str(&call.path).decode_utf8_lossy();
    let rest = path.trim_end_matches('/').strip_prefix(LIST);
    match rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|rest| rest.trim_start_matches('/')) {
        Some("") => {
            let may_use = |candidate: &Candidate| allowed(candidate).is_ok();
            let data = plan::catalogue().filter(may_use).map(|candidate| describe(&candidate)).collect();
            Reply::json(StatusCode::OK, &ModelList { object: "list", data })
        }
        Some(id) => {
            let candidate = plan::resolve(id).map_err(|unknown| GatewayError::UnknownModel(unknown.0))?;
            allowed(&candidate)?;
            Reply::json(StatusCode::OK, &describe(&candidate))
        }
        None => Err(GatewayError::NotFound("this path".into())),
    }
}

fn describe(candidate: &Candidate) -> Model {
    let model = candidate.model;
    Model {
        id: candidate.name(),
        object: "model",
        created: 0,
        owned_by: candidate.provider.id(),
        context_length: model.context_tokens,
        max_output_tokens: model.max_output_tokens,
        deprecated_on: model.deprecated_on,
        pricing: ModelPricing {
            input_usd: per_million(model.rates.input),
            output_usd: per_million(model.rates.output),
            cached_input_usd: model.rates.cached_input.map(per_million),
            cache_write_usd: model.rates.cache_write.map(per_million),
        },
    }
}

/// Pico-dollars per token are millionths of a dollar per million tokens.
#[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53 pico-dollars")]
fn per_million(picos: u64) -> f64 {
    picos as f64 / 1e6
}
