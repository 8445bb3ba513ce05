//! A request: what is asked, in the fields that the model takes.

use super::{
    format,
    messages::Conversation,
    rules::Rules,
    thinking::{Obstacles, Plan},
    tools,
    wire::{Metadata, OutputConfig, Request, ToolChoice},
};
use crate::{
    openai::{ChatRequest, Invalid},
    providers::{Prepared, extras::Extras, fields::CACHE_MARK},
    usage::ModelCard,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

/// <https://platform.claude.com/docs/en/api/versioning>
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

pub(super) fn prepare(model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(Invalid::unsupported("n", "Anthropic gives one answer; send the request several times"));
    }
    let rules = Rules::of(&model.id);
    let mut extras = Extras::of(request);
    let mut conversation = Conversation::of(request, &mut extras)?;
    let (tools, tool_choice) = tools::offered(request, &conversation, &rules, &mut extras)?;
    let wish = extras.thinking()?;
    let obstacles = Obstacles {
        call_is_forced: matches!(tool_choice, Some(ToolChoice::Any { .. } | ToolChoice::Tool { .. })),
        thought_is_missing: conversation.lacks_a_thought(),
    };
    let plan = Plan::of(model, &rules, request, wish, obstacles, &mut extras);
    let format = format::of(request, &rules, &mut conversation.system, &mut extras);
    // Neither a thought nor an answer that must fit a schema can begin with what is there already.
    conversation.end(rules.continues_an_answer && !plan.thinks() && format.is_none());
    let (temperature, top_p) = rules.sampling.choose(plan.thinks(), request, &mut extras);
    let wire = Request {
        model: &model.id,
        max_tokens: plan.max_tokens,
        system: conversation.system,
        tools,
        tool_choice,
        messages: conversation.turns,
        temperature,
        top_p,
        stop_sequences: stop_sequences(request, &mut extras),
        output_config: (plan.effort.is_some() || format.is_some())
            .then_some(OutputConfig { effort: plan.effort, format }),
        thinking: plan.thinking,
        stream: request.streams(),
        metadata: user_id(&mut extras)?.map(|user_id| Metadata { user_id }),
        service_tier: service_tier(&mut extras)?,
        cache_control: cache_control(&mut extras)?,
    };
    let body = serde_json::to_vec(&wire).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
    Ok(Prepared {
        path: "/v1/messages".into(),
        headers: vec![(HeaderName::from_static(VERSION.0), HeaderValue::from_static(VERSION.1))],
        body: Bytes::from(body),
        // Marks for the prompt cache are Anthropic's own.
        ignored: extras.into_ignored(request, |field| field.name == CACHE_MARK),
    })
}

/// A sequence of white space alone is refused; an empty one asks for nothing.
fn stop_sequences<'a>(request: &'a ChatRequest, extras: &mut Extras<'_>) -> Vec<&'a str> {
    let given = request.stop_sequences().iter().map(String::as_str).filter(|stop| !stop.is_empty());
    let (blank, usable): (Vec<_>, Vec<_>) = given.partition(|stop| stop.trim().is_empty());
    if !blank.is_empty() {
        extras.ignore("stop");
    }
    usable
}

/// OpenAI's `safety_identifier` replaces its `user`; here one field serves both.
fn user_id<'a>(extras: &mut Extras<'a>) -> Result<Option<&'a str>, Invalid> {
    let (user, identifier) = (extras.text("user")?, extras.text("safety_identifier")?);
    if user.is_some() && identifier.is_some() && user != identifier {
        extras.ignore("safety_identifier");
    }
    Ok(user.or(identifier))
}

/// `auto` is the default on both sides. Anthropic sells no slower or faster tier by request.
fn service_tier(extras: &mut Extras<'_>) -> Result<Option<&'static str>, Invalid> {
    match extras.text("service_tier")? {
        None => Ok(None),
        Some("default") => Ok(Some("standard_only")),
        Some(_) => {
            extras.ignore("service_tier");
            Ok(None)
        }
    }
}

/// A mark for the prompt cache on the whole request: <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>.
fn cache_control<'a>(extras: &mut Extras<'a>) -> Result<Option<&'a Value>, Invalid> {
    match extras.value("cache_control") {
        Some(mark) if !mark.is_object() => Err(Invalid::value("cache_control", "must be an object")),
        mark => Ok(mark),
    }
}
