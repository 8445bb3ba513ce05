//! What some of OpenAI's models do not take.

use serde_json::Number;

use super::super::answer::Asked;
use super::super::fault::Fault;
use super::super::fields::Fields;

/// The models that think before they answer took a new name for the limit, because it counts the thoughts too.
fn reasons(model: &str) -> bool {
    is_o_series(model) || model.starts_with("gpt-5")
}

fn is_o_series(model: &str) -> bool {
    ["o1", "o3", "o4"].iter().any(|family| model.starts_with(family))
}

/// `gpt-5.4-mini` → 4, `gpt-5` → 0; nothing for what is not of this family.
fn minor_of_gpt_5(model: &str) -> Option<u64> {
    let rest = model.strip_prefix("gpt-5")?;
    let digits: String = rest.strip_prefix('.')?.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The limit under its old or its new name.
pub fn max_tokens(body: &Fields<'_>, model: &str) -> Result<Option<u64>, Fault> {
    let old = body.count("max_tokens", 1)?;
    let new = body.count("max_completion_tokens", 1)?;
    if old.is_some() && reasons(model) {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(Fault::unsupported("max_tokens", message));
    }
    if old.is_some() && new.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(Fault::value("max_tokens", message));
    }
    Ok(new.or(old))
}

/// `reasoning_effort`: whether the model thinks.
pub fn effort(body: &Fields<'_>, asked: &Asked) -> Result<bool, Fault> {
    let given = body.text("reasoning_effort")?;
    refuse_tools_of_a_thinker(given, asked)?;
    let Some(effort) = given else { return Ok(false) };
    if !reasons(&asked.model) {
        let message = "Unrecognized request argument supplied: reasoning_effort";
        return Err(Fault::coded("", "", message));
    }
    let allowed: &[&str] = match minor_of_gpt_5(&asked.model) {
        Some(1) => &["none", "low", "medium", "high"],
        Some(_) => &["none", "low", "medium", "high", "xhigh"],
        None if is_o_series(&asked.model) => &["low", "medium", "high"],
        None => &["minimal", "low", "medium", "high"],
    };
    if !allowed.contains(&effort) {
        let allowed = allowed.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(", ");
        let message = format!(
            "Unsupported value: 'reasoning_effort' does not support '{effort}' with this model. Supported values are: {allowed}."
        );
        return Err(Fault::coded("reasoning_effort", "unsupported_value", message));
    }
    Ok(effort != "none")
}

/// Since `gpt-5.4` thinking with tools is for the Responses API only. `gpt-5.6` thinks unless it is told not to, so silence is refused too.
fn refuse_tools_of_a_thinker(effort: Option<&str>, asked: &Asked) -> Result<(), Fault> {
    let minor = minor_of_gpt_5(&asked.model).unwrap_or(0);
    let thinks = match effort {
        Some(effort) => minor >= 4 && effort != "none",
        None => minor >= 6,
    };
    if !thinks || asked.offer.tools.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Function tools with reasoning_effort are not supported for {} in /v1/chat/completions. To use function tools, use \
         /v1/responses or set reasoning_effort to 'none'.",
        asked.model
    );
    Err(Fault::coded("reasoning_effort", "", message))
}

/// Structured output came with `gpt-4o`.
pub fn takes_schemas(model: &str) -> Result<(), Fault> {
    let older = model.starts_with("gpt-3.5") || model == "gpt-4" || model.starts_with("gpt-4-");
    if !older {
        return Ok(());
    }
    let message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model. Learn more about \
                   supported models at the Structured Outputs guide: https://platform.openai.com/docs/guides/structured-outputs";
    Err(Fault::coded("", "", message))
}

/// `gpt-5.1` and later take sampling fields again when they do not reason, and `gpt-5-chat` always does, so those are left alone.
pub fn refuse_what_this_model_refuses(body: &Fields<'_>, asked: &Asked) -> Result<(), Fault> {
    let chats = asked.model.starts_with("gpt-5") && asked.model.contains("-chat");
    if !reasons(&asked.model) || chats {
        return Ok(());
    }
    let refused = |name: &str| {
        let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
        Err(Fault::unsupported(name, message))
    };
    let takes_stop = asked.model == "o1" || asked.model.starts_with("o1-20") || asked.model.starts_with("o3-mini");
    if !asked.stop.is_empty() && !takes_stop {
        return refused("stop");
    }
    let minor = minor_of_gpt_5(&asked.model);
    if asked.logprobs.is_some() {
        match minor {
            Some(6..) => return refused("logprobs"),
            None => return Err(Fault::Forbidden("You are not allowed to request logprobs from this model".to_owned())),
            Some(_) => {}
        }
    }
    if minor.is_some() {
        return Ok(());
    }
    for name in ["presence_penalty", "frequency_penalty", "logit_bias"] {
        if body.get(name).is_some_and(|value| value.as_f64() != Some(0.0)) {
            return refused(name);
        }
    }
    let other = |value: &Option<Number>| value.as_ref().is_some_and(|value| value.as_f64() != Some(1.0));
    for (name, value) in [("temperature", &asked.temperature), ("top_p", &asked.top_p)] {
        if other(value) {
            let message = format!(
                "Unsupported value: '{name}' does not support this value with this model. Only the default (1) is."
            );
            return Err(Fault::unsupported(name, message));
        }
    }
    Ok(())
}
