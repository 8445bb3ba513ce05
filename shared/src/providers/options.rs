//! A provider's own options: `"anthropic": {"top_k": 5}` reaches Anthropic as it is, and nobody else.

use super::{ALL, Prepared, Provider};
use crate::{
    openai::{ChatRequest, Invalid},
    usage::ModelCard,
};
use serde_json::{Map, Value};

/// What an option may not set: it would change which model answers, how the answer is read, or what is billed.
const NOT_AN_OPTION: &[&str] = &[
    "audio",
    "contents",
    "inference_geo",
    "input",
    "messages",
    "modalities",
    "model",
    "service_tier",
    "serviceTier",
    "speed",
    "store",
    "stream",
    "stream_options",
    "tools",
    "web_search_options",
];

/// The same within an object.
const NOT_AN_OPTION_WITHIN: &[(&str, &str)] = &[
    ("generationConfig", "responseModalities"),
    ("generationConfig", "response_modalities"),
    ("generation_config", "responseModalities"),
    ("generation_config", "response_modalities"),
];

/// Whether a field of a request holds a provider's own options.
pub(crate) fn is_for_a_provider(field: &str) -> bool {
    ALL.iter().any(|provider| provider.id() == field)
}

/// A chat request in a provider's wire format, with the caller's options for this provider merged in last.
///
/// # Errors
/// [`Invalid`] of the translation, or of an option that may not be set.
pub fn prepare_chat(provider: &dyn Provider, model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    for (field, options) in request.other.iter().filter(|(field, _)| is_for_a_provider(field)) {
        if !options.is_object() {
            return Err(Invalid::value(field, "must be an object: the options for that provider alone"));
        }
    }
    let mut prepared = provider.chat_request(model, request)?;
    let Some(options) = request.other.get(provider.id()).and_then(Value::as_object) else { return Ok(prepared) };
    let top = options.keys().find(|name| NOT_AN_OPTION.contains(&name.as_str())).cloned();
    let within =
        NOT_AN_OPTION_WITHIN.iter().find(|(object, name)| options.get(*object).is_some_and(|it| !it[name].is_null()));
    if let Some(name) = top.or_else(|| within.map(|(object, name)| format!("{object}.{name}"))) {
        return Err(Invalid::value(
            format!("{}.{name}", provider.id()),
            "cannot be set as an option; use the field itself",
        ));
    }
    let unreadable = |_| Invalid::json("the request cannot be written as JSON");
    let mut body: Map<String, Value> = serde_json::from_slice(&prepared.body).map_err(unreadable)?;
    merge(&mut body, options);
    prepared.body = serde_json::to_vec(&body).map_err(unreadable)?.into();
    Ok(prepared)
}

/// Objects are merged, everything else is replaced.
fn merge(into: &mut Map<String, Value>, options: &Map<String, Value>) {
    for (name, value) in options {
        match (into.get_mut(name), value) {
            (Some(Value::Object(into)), Value::Object(value)) => merge(into, value),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::model;
    use serde_json::json;

    fn prepare(options: &Value) -> Result<Prepared, Invalid> {
        let provider = *ALL.iter().find(|provider| provider.id() == "google").expect("a provider");
        let mut body = json!({"model": "m", "temperature": 0.5, "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().expect("an object").extend(options.as_object().expect("an object").clone());
        let request = ChatRequest::parse(body.to_string().as_bytes())?;
        prepare_chat(provider, model(provider, "gemini-2.5-flash").expect("a model"), &request)
    }

    #[test]
    fn options_are_merged_last_and_only_the_providers_own() {
        let options =
            json!({"google": {"generationConfig": {"topK": 5}, "safetySettings": []}, "anthropic": {"top_k": 1}});
        let prepared = prepare(&options).expect("options");
        let body: Value = serde_json::from_slice(&prepared.body).expect("JSON");
        assert_eq!(body["generationConfig"], json!({"temperature": 0.5, "topK": 5}));
        assert_eq!(body["safetySettings"], json!([]));
        assert!(
            body.get("anthropic").is_none() && prepared.ignored.is_empty(),
            "another provider's options are not this one's"
        );
    }

    #[test]
    fn an_option_cannot_change_what_answers_or_what_is_billed() {
        #[rustfmt::skip]
        let table = [
            (json!({"google": "fast"}),              "google",              "not an object"),
            (json!({"cohere": []}),                  "cohere",              "another provider's must be one too"),
            (json!({"google": {"model": "x"}}),      "google.model",        "the priced model answers"),
            (json!({"google": {"serviceTier": 1}}),  "google.serviceTier",  "a tier has its own price"),
            (json!({"google": {"generationConfig": {"responseModalities": ["IMAGE"]}}}), "google.generationConfig.responseModalities", "so has an image"),
        ];
        for (options, param, why) in table {
            assert_eq!(prepare(&options).expect_err(why).param.as_deref(), Some(param), "{why}");
        }
    }
}
