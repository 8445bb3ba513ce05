//! A provider's own options: `"anthropic": {"top_k": 5}` reaches Anthropic as it is, and nobody else.

use super::{ALL, Embedder, Prepared, Provider, priced};
use crate::{
    openai::{
        ChatRequest, Invalid,
        embeddings::{EmbeddingsRequest, Input},
    },
    usage::{ModelCard, Terms},
};
use serde_json::{Map, Value};

/// What an option may not set, wherever in them it stands: it would change which model answers, what is asked, how the answer is read, or
/// what is billed. Without underscores and capitals, because Google takes each name in two forms.
const NOT_AN_OPTION: &[&str] = &[
    "audio",
    "content",
    "contents",
    "embeddingtypes",
    "encodingformat",
    "imageconfig",
    "images",
    "inferencegeo",
    "input",
    "inputs",
    "messages",
    "modalities",
    "model",
    "outputdtype",
    "requests",
    "responsemodalities",
    "servicetier",
    "speechconfig",
    "speed",
    "store",
    "stream",
    "streamoptions",
    "texts",
    "tools",
    "websearchoptions",
];

/// The one object among Google's options with fields that are billed apart.
const LOOKED_INTO: &str = "generationconfig";

/// Whether a field of a request holds a provider's own options.
pub(crate) fn is_for_a_provider(field: &str) -> bool {
    ALL.iter().any(|provider| provider.id() == field)
}

/// A chat request in a provider's wire format, with the caller's options for this provider merged in last, and the terms on which it is
/// asked.
///
/// # Errors
/// [`Invalid`] of the translation, of an option that may not be set, or of what has no price.
pub fn prepare_chat(
    provider: &dyn Provider,
    model: &ModelCard,
    request: &ChatRequest,
) -> Result<(Prepared, Terms), Invalid> {
    let options = of(provider, &request.other)?;
    let prepared = provider.chat_request(model, request)?;
    if request.wants_sound() && prepared.ignored.iter().any(|name| name == "modalities") {
        return Err(Invalid::unsupported("modalities", "this model does not speak: ask for `text` alone"));
    }
    let terms = priced::terms(provider, model, request, &prepared.ignored)?;
    Ok((with(prepared, options, None)?, terms))
}

/// An embeddings request for some of the inputs, in the same way.
///
/// # Errors
/// [`Invalid`] of the translation, or of an option that may not be set.
pub fn prepare_embeddings(
    provider: &dyn Provider,
    embedder: &dyn Embedder,
    model: &ModelCard,
    request: &EmbeddingsRequest,
    batch: &[Input],
) -> Result<Prepared, Invalid> {
    let options = of(provider, &request.other)?;
    with(embedder.request(model, request, batch)?, options, embedder.options_belong_in())
}

/// The options for one provider, when those for all of them are what they must be.
fn of<'a>(provider: &dyn Provider, fields: &'a Map<String, Value>) -> Result<Option<&'a Map<String, Value>>, Invalid> {
    if let Some((field, _)) = fields.iter().find(|(field, value)| is_for_a_provider(field) && !value.is_object()) {
        return Err(Invalid::value(field, "must be an object: the options for that provider alone"));
    }
    let Some(options) = fields.get(provider.id()).and_then(Value::as_object) else { return Ok(None) };
    match forbidden(options) {
        Some(name) => Err(Invalid::value(
            format!("{}.{name}", provider.id()),
            "cannot be set as an option; use the field itself, if there is one",
        )),
        None => Ok(Some(options)),
    }
}

fn forbidden(options: &Map<String, Value>) -> Option<String> {
    options.iter().find_map(|(name, value)| {
        let plain: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
        if NOT_AN_OPTION.contains(&plain.as_str()) {
            return Some(name.clone());
        }
        let inner = forbidden(value.as_object().filter(|_| plain == LOOKED_INTO)?)?;
        Some(format!("{name}.{inner}"))
    })
}

/// Merges options into a body, or into each object of the list in it where they belong.
fn with(mut prepared: Prepared, options: Option<&Map<String, Value>>, list: Option<&str>) -> Result<Prepared, Invalid> {
    let Some(options) = options.filter(|options| !options.is_empty()) else { return Ok(prepared) };
    let unreadable = |_| Invalid::json("the request cannot be written as JSON");
    let mut body: Map<String, Value> = serde_json::from_slice(&prepared.body).map_err(unreadable)?;
    match list.and_then(|list| body.get_mut(list)).and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| merge(item, options)),
        None => merge(&mut body, options),
    }
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
            .map(|(prepared, _)| prepared)
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
            (json!({"google": {"service_tier": 1}}), "google.service_tier", "by either name"),
            (json!({"google": {"generation_config": {"responseModalities": ["AUDIO"]}}}),
                                                     "google.generation_config.responseModalities", "so has sound"),
        ];
        for (options, param, why) in table {
            assert_eq!(prepare(&options).expect_err(why).param.as_deref(), Some(param), "{why}");
        }
    }

    #[test]
    fn embeddings_take_options_by_the_same_rules() {
        let prepare = |name: &str, card: &str, options: Value| {
            let provider = *ALL.iter().find(|provider| provider.id() == name).expect(name);
            let body = json!({"model": "m", "input": ["a", "b"], name: options, "anthropic": {"x": 1}});
            let request = EmbeddingsRequest::parse(body.to_string().as_bytes())?;
            let embedder = provider.embeddings().expect(name);
            prepare_embeddings(provider, embedder, model(provider, card).expect(card), &request, &request.input)
        };
        let prepared = prepare("cohere", "embed-v4.0", json!({"truncate": "END"})).expect("an option");
        let body: Value = serde_json::from_slice(&prepared.body).expect("JSON");
        assert_eq!((&body["truncate"], prepared.ignored.len()), (&json!("END"), 0));
        let prepared = prepare("google", "gemini-embedding-001", json!({"title": "t"})).expect("an option");
        let body: Value = serde_json::from_slice(&prepared.body).expect("JSON");
        let titles: Vec<_> = body["requests"].as_array().expect("requests").iter().map(|one| &one["title"]).collect();
        assert_eq!(titles, ["t", "t"], "its fields are those of each input");
        #[rustfmt::skip]
        let table = [
            ("mistral", "mistral-embed",          json!({"output_dtype": "int8"}),    "mistral.output_dtype",   "the answer could not be read"),
            ("openai",  "text-embedding-3-small", json!({"encoding_format": "float"}), "openai.encoding_format", "nor this one"),
            ("cohere",  "embed-v4.0",             json!({"images": ["data:"]}),       "cohere.images",          "an image has another price"),
            ("cohere",  "embed-v4.0",             json!([]),                          "cohere",                 "not an object"),
        ];
        for (name, card, options, param, why) in table {
            assert_eq!(prepare(name, card, options).expect_err(why).param.as_deref(), Some(param), "{why}");
        }
    }

    #[test]
    fn what_has_no_price_is_refused_where_it_would_be_sent() {
        let speech = json!({"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}});
        let spoken =
            json!({"messages": [{"role": "assistant", "audio": {"id": "a"}}, {"role": "user", "content": "b"}]});
        let heard = json!({"messages": [{"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}]});
        let search = json!({"web_search_options": {}});
        #[rustfmt::skip]
        let table = [
            ("openai",    "gpt-audio",            &speech, None,                           "it speaks, and its sound has a price"),
            ("openai",    "gpt-4o",               &speech, Some("modalities"),             "it cannot speak, and text is no sound"),
            ("anthropic", "claude-haiku-4-5",     &speech, Some("modalities"),             "nor can this one"),
            ("openai",    "gpt-audio",            &spoken, None,                           "what was said is heard again, at its price"),
            ("openai",    "gpt-4o",               &spoken, None,                           "it is not sent"),
            ("google",    "gemini-2.5-flash",     &heard,  None,                           "it hears, at a price"),
            ("mistral",   "mistral-large-latest", &heard,  Some("messages[0].content[0]"), "it has no price for sound"),
            ("openai",    "gpt-4o-search-preview", &search, None,                          "a search has its price"),
            ("openai",    "gpt-4o",               &search, None,                           "it is not sent"),
            ("mistral",   "mistral-large-latest", &search, None,                           "it is not sent"),
        ];
        for (name, card, fields, param, why) in table {
            let provider = *ALL.iter().find(|provider| provider.id() == name).expect(name);
            let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
            body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
            let request = ChatRequest::parse(body.to_string().as_bytes()).expect(why);
            let refused = prepare_chat(provider, model(provider, card).expect(card), &request).err();
            assert_eq!(refused.and_then(|error| error.param).as_deref(), param, "{name} {card}: {why}");
        }
    }
}
