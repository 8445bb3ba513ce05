//! What a request asks for that has a price of its own: a service tier, sound, searches. What has none is an error before the call.

use super::Provider;
use crate::{
    openai::{ChatRequest, Invalid, chat::Message},
    usage::{ModelCard, SearchContext, SearchUnit, ServiceTier, Terms},
};
use serde_json::Value;

/// The terms on which a request asks to be served, if all that it asks for has a price. `ignored` names what is not sent.
///
/// # Errors
/// [`Invalid`] that names the field whose price nobody published.
pub(crate) fn terms(
    provider: &dyn Provider,
    model: &ModelCard,
    request: &ChatRequest,
    ignored: &[String],
) -> Result<Terms, Invalid> {
    let is_sent = |name: &str| !ignored.iter().any(|ignored| ignored == name);
    let field = |name: &str| request.other.get(name).filter(|value| !value.is_null() && is_sent(name));
    // What an assistant said aloud goes back by its id, and is heard again.
    let spoken_before = || {
        let said = |message: &Message| message.other.get("audio").is_some_and(|audio| !audio.is_null());
        let at = request.messages.iter().position(said).filter(|_| is_sent("messages[].audio"))?;
        Some(format!("messages[{at}].audio"))
    };
    if let Some(path) = request.first_audio().or_else(spoken_before).filter(|_| !model.prices_audio_input()) {
        let problem = "this model has no price for sound; those of GET /v1/models with `audio` among their `input_modalities` have";
        return Err(Invalid::unsupported(path, problem));
    }
    let speaks = |value: &Value| value.as_array().is_some_and(|all| all.iter().any(|one| one == "audio"));
    if (field("modalities").is_some_and(speaks) || field("audio").is_some_and(|_| request.wants_sound()))
        && model.rates.audio_output.is_none()
    {
        let problem = "this model has no price for sound; those of GET /v1/models with `audio` among their `output_modalities` have";
        return Err(Invalid::unsupported("modalities", problem));
    }
    Ok(Terms {
        tier: field("service_tier").map(|word| tier(provider, model, word)).transpose()?.flatten(),
        us_only: None,
        search_context: field("web_search_options").map(|options| search_context(model, options)).transpose()?,
    })
}

/// None where the provider decides.
fn tier(provider: &dyn Provider, model: &ModelCard, word: &Value) -> Result<Option<ServiceTier>, Invalid> {
    const ASKED_FOR: [ServiceTier; 2] = [ServiceTier::Flex, ServiceTier::Priority];
    let word = word.as_str().ok_or_else(|| Invalid::value("service_tier", "must be a string"))?;
    let tier = ServiceTier::named(word);
    let is_sold = |tier: ServiceTier| provider.models().iter().any(|model| model.sells(tier));
    match tier {
        _ if word == "auto" => Ok(None),
        Some(ServiceTier::Default) => Ok(tier),
        // Its translator leaves the field out and names it.
        _ if !ASKED_FOR.into_iter().any(is_sold) => Ok(None),
        Some(tier) if ASKED_FOR.contains(&tier) && model.sells(tier) => Ok(Some(tier)),
        Some(tier) if ASKED_FOR.contains(&tier) => {
            let problem = "has no price for this model; use `default`, or a model whose `pricing.service_tiers` has it";
            Err(Invalid::unsupported("service_tier", format!("`{}` {problem}", tier.as_str())))
        }
        _ => Err(Invalid::value("service_tier", "must be `auto`, `default`, `flex` or `priority`")),
    }
}

fn search_context(model: &ModelCard, options: &Value) -> Result<SearchContext, Invalid> {
    if model.web_search.is_none_or(|search| search.per != SearchUnit::Request) {
        let problem =
            "this model does not search by itself; those whose `supported_parameters` of GET /v1/models name it do";
        return Err(Invalid::unsupported("web_search_options", problem));
    }
    match options.get("search_context_size").unwrap_or(&Value::Null) {
        Value::Null => Ok(SearchContext::Medium),
        size if size == "low" => Ok(SearchContext::Low),
        size if size == "medium" => Ok(SearchContext::Medium),
        size if size == "high" => Ok(SearchContext::High),
        _ => Err(Invalid::value("web_search_options.search_context_size", "must be `low`, `medium` or `high`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::plan;
    use serde_json::json;

    fn asked(model: &str, fields: &Value) -> Result<Terms, Invalid> {
        let candidate = plan::resolve(model).expect("a model");
        let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        let request = ChatRequest::parse(body.to_string().as_bytes())?;
        terms(candidate.provider, &candidate.model, &request, &[])
    }

    #[test]
    fn what_has_a_price_is_let_through_on_its_terms() {
        let tier = |tier| Terms { tier: Some(tier), ..Terms::default() };
        let search = |context| Terms { search_context: Some(context), ..Terms::default() };
        let sound = json!({ "messages": [{ "role": "user", "content": [
            { "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } },
        ] }] });
        #[rustfmt::skip]
        let table = [
            ("openai/gpt-5.4",               json!({ "service_tier": "flex" }),     tier(ServiceTier::Flex),     "it has the price"),
            ("openai/gpt-4.1",               json!({ "service_tier": "priority" }), tier(ServiceTier::Priority), "it has the price"),
            ("openai/gpt-4.1",               json!({ "service_tier": "default" }),  tier(ServiceTier::Default),  "the list price"),
            ("openai/gpt-4.1",               json!({ "service_tier": "auto" }),     Terms::default(),            "OpenAI decides, and says"),
            ("google/gemini-3.5-flash",      json!({ "service_tier": "flex" }),     tier(ServiceTier::Flex),     "it has the price"),
            ("anthropic/claude-opus-4-6",    json!({ "service_tier": "flex" }),     Terms::default(),            "none is sold: it is left out and named"),
            ("mistral/mistral-large-latest", json!({ "service_tier": "priority" }), Terms::default(),            "none is sold: it is left out and named"),
            ("openai/gpt-4o-search-preview", json!({ "web_search_options": {} }),   search(SearchContext::Medium), "as usual"),
            ("openai/gpt-4o-search-preview", json!({ "web_search_options": { "search_context_size": "high" } }),
                                                                                    search(SearchContext::High), "as asked"),
            ("openai/gpt-audio",             sound.clone(),                         Terms::default(),            "by the token"),
            ("google/gemini-2.5-pro",        sound.clone(),                         Terms::default(),            "as all that goes in"),
            ("mistral/voxtral-small-latest", sound,                                 Terms::default(),            "by the second"),
        ];
        for (model, fields, wanted, why) in table {
            assert_eq!(asked(model, &fields), Ok(wanted), "{model}: {why}");
        }
    }

    #[test]
    fn what_has_no_price_is_an_error_before_the_call() {
        let sound = json!({ "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "what is this?" },
            { "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } },
        ] }] });
        #[rustfmt::skip]
        let table = [
            ("openai/gpt-4.1",                 json!({ "service_tier": "flex" }),     "service_tier",           "no flex price is published"),
            ("openai/gpt-5.4",                 json!({ "service_tier": "scale" }),    "service_tier",           "bought elsewhere"),
            ("openai/gpt-5.4",                 json!({ "service_tier": 7 }),          "service_tier",           "no word"),
            ("google/gemini-2.5-flash",        json!({ "service_tier": "priority" }), "service_tier",           "no price in the list"),
            ("openai/gpt-4o",                  json!({ "web_search_options": {} }),   "web_search_options",     "it does not search"),
            ("openai/gpt-5-search-api",        json!({ "web_search_options": { "search_context_size": "all" } }),
                                                                       "web_search_options.search_context_size", "no such size"),
            ("openai/gpt-4o",                  sound.clone(),                         "messages[0].content[1]", "it does not listen"),
            ("mistral/mistral-large-latest",   sound,                                 "messages[0].content[1]", "it does not listen"),
        ];
        for (model, fields, param, why) in table {
            let error = asked(model, &fields).expect_err(why);
            assert_eq!(error.param.as_deref(), Some(param), "{model}: {why}");
        }
    }
}
