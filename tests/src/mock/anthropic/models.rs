//! What some of Anthropic's models do not take, most of all about thinking.
//!
//! <https://docs.claude.com/en/docs/build-with-claude/extended-thinking>, <https://docs.claude.com/en/docs/build-with-claude/adaptive-thinking>

use super::super::answer::Asked;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::tools::Choice;

/// How thinking is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// It is not.
    Off,
    /// With a budget in tokens.
    Budget,
    /// As the model sees fit.
    Adaptive,
}

/// `claude-opus-4-7` → 4.7, `claude-3-7-sonnet-20250219` → 3.7, `claude-opus-4-20250514` → 4.0; nothing for other names.
fn version(model: &str) -> Option<(u64, u64)> {
    let mut numbers = model.strip_prefix("claude-")?.split('-').skip_while(|step| step.parse::<u64>().is_err());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().filter(|step| step.len() <= 2).and_then(|step| step.parse().ok());
    Some((major, minor.unwrap_or(0)))
}

/// A name without a version is taken for one of a model that can all.
fn is_before(model: &str, than: (u64, u64)) -> bool {
    version(model).is_some_and(|version| version < than)
}

fn is_since(model: &str, than: (u64, u64)) -> bool {
    version(model).is_some_and(|version| version >= than)
}

/// Reads `thinking`.
pub fn thinking(body: &Fields<'_>, asked: &Asked) -> Result<Thinking, Fault> {
    let Some(thinking) = body.object("thinking")? else { return Ok(Thinking::Off) };
    let unsupported = |message: String| Err(Fault::unsupported("thinking", message));
    let kind = thinking.word("type", &["enabled", "disabled", "adaptive"])?;
    let thinking = thinking.moved(kind.unwrap_or_default());
    match kind {
        None => Err(Fault::Missing("thinking.type".to_owned())),
        Some("disabled") => thinking.only(&[&["type"]]).map(|()| Thinking::Off),
        Some(_) if is_before(&asked.model, (3, 7)) => {
            unsupported(format!("'{}' does not support thinking.", asked.model))
        }
        Some("adaptive") if is_before(&asked.model, (4, 6)) => {
            unsupported("adaptive thinking is not supported on this model".to_owned())
        }
        Some("adaptive") => thinking.only(&[&["type", "display"]]).map(|()| Thinking::Adaptive),
        Some(_) if is_since(&asked.model, (4, 7)) => unsupported(
            "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \
             \"output_config.effort\" to control thinking behavior."
                .to_owned(),
        ),
        Some(_) => {
            thinking.only(&[&["type", "budget_tokens", "display"]])?;
            let budget = thinking.count("budget_tokens", 0)?;
            let budget = budget.ok_or_else(|| Fault::Missing(thinking.path("budget_tokens")))?;
            if budget < 1024 {
                return Err(Fault::value(
                    thinking.path("budget_tokens"),
                    "Input should be greater than or equal to 1024",
                ));
            }
            if asked.max_tokens <= Some(budget) {
                return unsupported("`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned());
            }
            Ok(Thinking::Budget)
        }
    }
}

/// Since Opus 4.7 thoughts are shown only to those who ask for them; the signature comes in any case.
pub fn hides_thoughts(body: &Fields<'_>, model: &str) -> Result<bool, Fault> {
    let display = body.object("thinking")?.map(|thinking| thinking.word("display", &["summarized", "omitted"]));
    Ok(match display.transpose()?.flatten() {
        Some(display) => display == "omitted",
        None => body.has("thinking") && is_since(model, (4, 7)),
    })
}

/// `output_config.effort`.
pub fn check_effort(effort: &str, model: &str) -> Result<(), Fault> {
    let no_effort = is_before(model, (4, 5))
        || (model.contains("haiku") && is_before(model, (5, 0)))
        || model.contains("sonnet-4-5");
    if no_effort {
        return Err(Fault::unsupported("output_config.effort", "This model does not support the effort parameter."));
    }
    let least = match effort {
        "xhigh" => (4, 7),
        "max" => (4, 6),
        _ => return Ok(()),
    };
    if is_before(model, least) {
        let message = format!("This model does not support effort level '{effort}'.");
        return Err(Fault::unsupported("output_config.effort", message));
    }
    Ok(())
}

/// Structured output came with Opus 4.1 and the 4.5 models.
pub fn takes_schemas(model: &str) -> Result<(), Fault> {
    if is_before(model, (4, 1)) {
        return Err(Fault::unsupported("output_config.format", format!("'{model}' does not support output format.")));
    }
    Ok(())
}

/// Whether the model goes on with what an assistant's message began.
pub fn continues_its_own_words(model: &str) -> bool {
    !is_since(model, (4, 6))
}

/// Sampling that does not fit the model or does not go with thinking.
pub fn refuse_what_this_model_refuses(asked: &Asked, thinking: Thinking) -> Result<(), Fault> {
    let unsupported = |path: &str, message: String| Err(Fault::unsupported(path, message));
    let other = |value: &Option<serde_json::Number>| value.as_ref().is_some_and(|value| value.as_f64() != Some(1.0));
    if is_since(&asked.model, (4, 7)) {
        let set = [
            ("temperature", other(&asked.temperature)),
            ("top_p", other(&asked.top_p)),
            ("top_k", asked.top_k.is_some()),
        ];
        if let Some((name, _)) = set.into_iter().find(|(_, set)| *set) {
            return unsupported(name, format!("`{name}` is deprecated for this model."));
        }
    }
    if thinking != Thinking::Off {
        if matches!(asked.offer.choice, Choice::Required | Choice::Named(_)) {
            return unsupported(
                "tool_choice",
                "Thinking may not be enabled when tool_choice forces tool use.".to_owned(),
            );
        }
        if other(&asked.temperature) {
            return unsupported(
                "temperature",
                "`temperature` may only be set to 1 when thinking is enabled.".to_owned(),
            );
        }
        if asked.top_k.is_some() {
            return unsupported("top_k", "`top_k` must be unset when thinking is enabled.".to_owned());
        }
        if asked.top_p.as_ref().and_then(serde_json::Number::as_f64).is_some_and(|top_p| top_p < 0.95) {
            let message = "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.";
            return unsupported("top_p", message.to_owned());
        }
    }
    if asked.temperature.is_some() && asked.top_p.is_some() && !takes_both_samplers(&asked.model) {
        let message = "`temperature` and `top_p` cannot both be specified for this model. Please use only one.";
        return unsupported("temperature", message.to_owned());
    }
    Ok(())
}

/// Claude 4.1 was the first to refuse the two together; everything later does.
fn takes_both_samplers(model: &str) -> bool {
    is_before(model, (4, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_either_order_of_a_name() {
        let table = [
            ("claude-3-7-sonnet-20250219", Some((3, 7))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-haiku-4-5-20251001", Some((4, 5))),
            ("claude-opus-5", Some((5, 0))),
            ("m-1", None),
        ];
        for (model, expected) in table {
            assert_eq!(version(model), expected, "{model}");
        }
    }
}
