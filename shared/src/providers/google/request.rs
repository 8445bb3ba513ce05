//! A request. The model is part of the path, streaming a method of its own.

use super::{
    media, messages, models, schema, thinking, tools,
    wire::{Content, GenerationConfig, Part, Request, Tools},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        format::{Form, JsonSchema, ResponseFormat},
        tools::ToolChoice,
    },
    providers::{Prepared, extras::Extras},
    usage::ModelCard,
};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::borrow::Cow;

/// What a path segment may hold as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// <https://ai.google.dev/api/generate-content#generationconfig>
const MAX_CANDIDATES: u32 = 8;

/// <https://ai.google.dev/api/generate-content#FIELDS.logprobs>
const MAX_LOGPROBS: i64 = 20;

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    if request.n.is_some_and(|n| n > MAX_CANDIDATES) {
        return Err(Invalid::unsupported("n", "Google gives at most eight answers"));
    }
    let mut extras = Extras::of(request);
    extras.ordinary_tier();
    let conversation = messages::read(&model.id, request, &mut extras)?;
    let mut contents = conversation.contents;
    let mut system_instruction = (!conversation.instructions.is_empty())
        .then(|| Content { role: None, parts: conversation.instructions.into_iter().map(Part::text).collect() });
    if !models::takes_instructions(&model.id) {
        let said_first = system_instruction.take().map(|spoken| Content { role: Some("user"), ..spoken });
        contents.splice(0..0, said_first);
    }
    let mut function_declarations = tools::declarations(&model.id, request, &mut extras)?;
    let form = request.response_format.as_ref().map_or(Form::Text, ResponseFormat::form);
    if !matches!(form, Form::Text) && !models::is_third_generation(&model.id) && !function_declarations.is_empty() {
        // "Function calling with a response mime type: 'application/json' is unsupported".
        if request.tool_choice != Some(ToolChoice::None) {
            return Err(Invalid::unsupported("response_format", "this model takes it or `tools`, not both"));
        }
        function_declarations.clear();
    }
    let offers = !function_declarations.is_empty();
    let tool_config = if offers { tools::config(&model.id, request, &mut extras) } else { None };
    if extras.flag("parallel_tool_calls")? == Some(false) && offers {
        extras.ignore("parallel_tool_calls");
    }
    let wire = Request {
        system_instruction,
        contents,
        tools: if offers { vec![Tools { function_declarations }] } else { Vec::new() },
        tool_config,
        generation_config: generation_config(&model.id, request, form, &mut extras)?,
        // What is left out is served as `standard`, the dialect's `default`: <https://ai.google.dev/gemini-api/docs/optimization>.
        service_tier: extras.text("service_tier")?.filter(|&tier| tier != "default"),
    };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    let method = match request.streams() {
        // An image is one line of an event, and longer than a line may be; an array of JSON objects has no lines.
        true if models::draws(&model.id) => "streamGenerateContent",
        true => "streamGenerateContent?alt=sse",
        false => "generateContent",
    };
    let mut ignored = extras.into_ignored(request, |_| false);
    ignored.retain(|name| !media::is_taken(name));
    Ok(Prepared {
        path: format!("/v1beta/models/{}:{method}", utf8_percent_encode(&model.id, SEGMENT)),
        headers: Vec::new(),
        body: Bytes::from(body),
        ignored,
    })
}

fn generation_config<'a>(
    model: &str,
    request: &'a ChatRequest,
    form: Form<'a>,
    extras: &mut Extras<'_>,
) -> Result<GenerationConfig<'a>, Invalid> {
    let (response_mime_type, response_json_schema) = match form {
        Form::Text => (None, None),
        Form::JsonObject => (Some("application/json"), None),
        Form::JsonSchema(schema) => (Some("application/json"), described(schema)),
    };
    if let Some(schema) = &response_json_schema {
        schema::name_skipped(schema, "response_format.json_schema.schema", extras);
    }
    let (response_logprobs, logprobs) = logprobs(model, extras)?;
    let mut config = GenerationConfig {
        temperature: request.temperature,
        top_p: request.top_p,
        max_output_tokens: request.output_limit(),
        // Google takes five, the dialect four. An empty one asks for nothing.
        stop_sequences: request.stop_sequences().iter().map(String::as_str).filter(|stop| !stop.is_empty()).collect(),
        // Models that give only one answer refuse the field itself.
        candidate_count: request.n.filter(|&n| n > 1),
        seed: extras.whole("seed")?.map(seed),
        presence_penalty: extras.number("presence_penalty", -2.0, 2.0)?,
        frequency_penalty: extras.number("frequency_penalty", -2.0, 2.0)?,
        response_mime_type,
        response_json_schema,
        thinking_config: thinking::config(model, extras)?,
        response_logprobs,
        logprobs,
    };
    if models::samples_its_own_way(model) {
        let fields = [
            ("temperature", &mut config.temperature),
            ("top_p", &mut config.top_p),
            ("presence_penalty", &mut config.presence_penalty),
            ("frequency_penalty", &mut config.frequency_penalty),
        ];
        for (name, value) in fields {
            if value.take().is_some() {
                extras.ignore(name);
            }
        }
    }
    Ok(config)
}

/// The schema, which carries its own description; its name is of no use to Google.
fn described(format: &JsonSchema) -> Option<Cow<'_, Value>> {
    let mut schema = schema::rewrite(format.schema.as_ref()?);
    if let Some(description) = &format.description
        && schema.get("description").is_none()
        && let Some(members) = schema.to_mut().as_object_mut()
    {
        members.insert("description".into(), description.as_str().into());
    }
    Some(schema)
}

fn logprobs(model: &str, extras: &mut Extras<'_>) -> Result<(Option<bool>, Option<i64>), Invalid> {
    let wanted = extras.flag("logprobs")? == Some(true);
    let top = extras.whole("top_logprobs")?;
    if top.is_some_and(|top| !(0..=MAX_LOGPROBS).contains(&top)) {
        return Err(Invalid::value("top_logprobs", format!("must be from 0 to {MAX_LOGPROBS}")));
    }
    match (wanted, top) {
        (false, Some(_)) => Err(Invalid::value("top_logprobs", "is only allowed when `logprobs` is true")),
        (false, None) => Ok((None, None)),
        (true, _) if models::gives_logprobs(model) => Ok((Some(true), top)),
        (true, _) => {
            extras.ignore("logprobs");
            top.iter().for_each(|_| extras.ignore("top_logprobs"));
            Ok((None, None))
        }
    }
}

/// Google's has 32 bits. A larger one is folded: the same seed still gives the same seed.
fn seed(seed: i64) -> i32 {
    i32::try_from(seed).or_else(|_| i32::try_from(seed.rem_euclid(i64::from(i32::MAX)))).unwrap_or_default()
}
