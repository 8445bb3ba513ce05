//! `GET /v1/models` and `/v1/models/{id}`.

use super::{
    Gateway,
    call::{Call, Reply},
    upstream,
};
use crate::{
    error::GatewayError,
    openai::models::{Architecture, LongPricing, Model, ModelList, ModelPricing, Prices, TierPricing, TokenPrices},
    providers::supported,
    routing::plan::{self, Candidate},
    tenancy::{Grant, Permission},
    usage::{Card, ModelCard, ModelKind, Rates, SearchContext, Tier},
};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use std::{borrow::Cow, sync::LazyLock};

const LIST: &str = "/v1/models";

/// All models. Described once: what each honours is found by trying it.
static CATALOGUE: LazyLock<Vec<(Candidate, Model)>> = LazyLock::new(|| {
    let described = |candidate| {
        let model = describe(&candidate);
        (candidate, model)
    };
    plan::catalogue().map(described).collect()
});

/// Lists the models, or describes the one that the path names.
///
/// # Errors
/// [`GatewayError`].
pub async fn read(gateway: &Gateway, call: Call) -> Result<Reply, GatewayError> {
    let grant = gateway.authorize(&call, Permission::ReadModels).await?;
    // An id holds a slash, which some clients encode and some do not.
    let path = percent_decode_str(&call.path).decode_utf8_lossy();
    let rest = path.trim_end_matches('/').strip_prefix(LIST);
    match rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|rest| rest.trim_start_matches('/')) {
        Some("") => {
            let (prices, now) = (&grant.rights().prices, gateway.clock.now());
            let served = |provider: &str| grant.served_with(provider);
            let usable = CATALOGUE.iter().filter(|(candidate, _)| may_use(&grant, candidate).is_ok());
            let listed = usable.map(|(candidate, model)| match candidate.clone().at(prices, served, now).model {
                Card::Own(own) => Cow::Owned(Model { pricing: pricing(&own), ..model.clone() }),
                Card::Listed(_) => Cow::Borrowed(model),
            });
            let unlisted = plan::unlisted_at(prices, served, now);
            let unlisted = unlisted.iter().filter(|candidate| may_use(&grant, candidate).is_ok());
            let data = listed.chain(unlisted.map(|candidate| Cow::Owned(describe(candidate)))).collect();
            Reply::json(StatusCode::OK, &ModelList { object: "list", data })
        }
        Some(id) => {
            let served = |provider: &str| grant.served_with(provider);
            let candidate = plan::resolve_at(id, &grant.rights().prices, served, gateway.clock.now());
            let candidate = candidate.map_err(upstream::unresolved)?;
            may_use(&grant, &candidate)?;
            Reply::json(StatusCode::OK, &describe(&candidate))
        }
        None => Err(GatewayError::NotFound("this path".into())),
    }
}

/// Whether the caller can use a model: their key and their tenant's settings allow it, and somebody's credential serves it. To everybody else
/// there is no such model.
fn may_use(grant: &Grant, candidate: &Candidate) -> Result<(), GatewayError> {
    let provider = candidate.provider.id();
    if !grant.rights().standing.credentials.contains_key(provider) {
        let problem =
            format!("there is no key of `{provider}` for this tenant, so `{}` cannot be used", candidate.name());
        return Err(GatewayError::UnknownModel(problem));
    }
    grant.allow_model(provider, &candidate.model.id).map_err(|denied| GatewayError::UnknownModel(denied.to_string()))
}

fn describe(candidate: &Candidate) -> Model {
    let model = &*candidate.model;
    let names = |all: &[crate::usage::Modality]| all.iter().map(|one| one.as_str()).collect();
    Model {
        id: candidate.name(),
        object: "model",
        created: 0,
        owned_by: candidate.provider.id(),
        context_length: model.context_tokens,
        max_output_tokens: model.max_output_tokens,
        architecture: Architecture {
            input_modalities: names(&supported::inputs(candidate.provider, model)),
            output_modalities: match model.kind {
                ModelKind::Chat => names(&supported::outputs(candidate.provider, model)),
                ModelKind::Embedding => vec!["embeddings"],
            },
        },
        supported_parameters: supported::parameters(candidate.provider, model),
        deprecated_on: model.deprecated_on,
        pricing: pricing(model),
    }
}

fn pricing(model: &ModelCard) -> ModelPricing {
    ModelPricing {
        prices: prices(&model.rates, model.tiers),
        web_search: model.web_search.map(|search| dollars(search.price(SearchContext::Medium))),
        audio_minute: model.audio_minute.map(dollars),
        service_tiers: model
            .lanes
            .iter()
            .map(|lane| TierPricing { service_tier: lane.tier.as_str(), prices: prices(&lane.rates, lane.tiers) })
            .collect(),
    }
}

fn prices(rates: &Rates, tiers: &[Tier]) -> Prices {
    let long =
        |tier: &Tier| LongPricing { above_prompt_tokens: tier.above_input_tokens, per_token: per_token(&tier.rates) };
    Prices { per_token: per_token(rates), long_context: tiers.iter().map(long).collect() }
}

fn per_token(rates: &Rates) -> TokenPrices {
    TokenPrices {
        prompt: dollars(rates.input),
        completion: dollars(rates.output),
        input_cache_read: rates.cached_input.map(dollars),
        input_cache_write: rates.cache_write.map(dollars),
        input_cache_write_1h: rates.cache_write_1h.map(dollars),
        audio: rates.audio_input.map(dollars),
        input_audio_cache: rates.cached_audio_input.map(dollars),
        audio_output: rates.audio_output.map(dollars),
        video_output: rates.video_output.map(dollars),
        internal_reasoning: rates.reasoning.map(dollars),
    }
}

/// Exact, without an exponent and without zeros at its end, as `0.00000015`.
fn dollars(picos: u64) -> String {
    const IN_A_DOLLAR: u64 = 1_000_000_000_000;
    let text = format!("{}.{:012}", picos / IN_A_DOLLAR, picos % IN_A_DOLLAR);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_written_exactly() {
        #[rustfmt::skip]
        let table = [
            (0,                   "0"),
            (18_750,              "0.00000001875"),
            (150_000,             "0.00000015"),
            (3_000_000,           "0.000003"),
            (27_500_000_000,      "0.0275"),
            (1_000_000_000_000,   "1"),
            (20_000_000_000_000,  "20"),
        ];
        for (picos, text) in table {
            assert_eq!(dollars(picos), text);
        }
    }

    #[test]
    fn a_model_is_described_with_all_that_it_costs() {
        let of = |name| serde_json::to_value(describe(&plan::resolve(name).expect("a model"))).expect("JSON");
        let pricing = |name| of(name)["pricing"].clone();
        assert_eq!(
            pricing("openai/gpt-5.4"),
            serde_json::json!({
                "prompt": "0.0000025", "completion": "0.000015", "input_cache_read": "0.00000025",
                "long_context": [{
                    "above_prompt_tokens": 272_000,
                    "prompt": "0.000005", "completion": "0.0000225", "input_cache_read": "0.0000005",
                }],
                "service_tiers": [
                    {
                        "service_tier": "flex",
                        "prompt": "0.00000125", "completion": "0.0000075", "input_cache_read": "0.00000013",
                        "long_context": [{
                            "above_prompt_tokens": 272_000,
                            "prompt": "0.0000025", "completion": "0.00001125", "input_cache_read": "0.00000025",
                        }],
                    },
                    {
                        "service_tier": "priority",
                        "prompt": "0.000005", "completion": "0.00003", "input_cache_read": "0.0000005",
                    },
                ],
            })
        );
        assert_eq!(pricing("openai/gpt-4o-mini-search-preview")["web_search"], "0.0275");
        assert_eq!(pricing("mistral/voxtral-small-latest")["audio_minute"], "0.004");
        let audio = of("openai/gpt-audio");
        assert_eq!(
            (&audio["pricing"]["audio"], &audio["pricing"]["audio_output"]),
            (&"0.000032".into(), &"0.000064".into())
        );
        assert_eq!(audio["architecture"]["input_modalities"], serde_json::json!(["text", "audio"]));
    }
}
