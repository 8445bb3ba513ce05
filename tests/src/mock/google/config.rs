//! Google's `generationConfig`, as far as it is more than a number: thinking, the form of the answer, log-probabilities.

use super::super::answer::Shape;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::tools::check_schema;

/// Whether the model is of the family whose thoughts are signed without exception.
pub fn is_gemini_3(model: &str) -> bool {
    model.starts_with("gemini-3")
}

/// What `thinkingConfig` says.
#[derive(Debug, Default)]
pub struct Thinking {
    /// Whether the model thinks.
    pub on: bool,
    /// Whether it keeps its thoughts to itself; they are billed all the same.
    pub hidden: bool,
}

/// Reads `thinkingConfig`. <https://ai.google.dev/gemini-api/docs/thinking>
pub fn thinking(config: &Fields<'_>, model: &str) -> Result<Thinking, Fault> {
    let Some(thinking) = config.object("thinkingConfig")? else { return Ok(Thinking::default()) };
    thinking.only(&[&["includeThoughts", "thinkingBudget", "thinkingLevel"]])?;
    let unsupported = |message: String| Err(Fault::unsupported("generation_config.thinking_config", message));
    if ["gemini-1", "gemini-2.0", "gemma"].iter().any(|older| model.starts_with(older)) {
        return unsupported("Thinking is not enabled for this model.".to_owned());
    }
    let level = thinking.text("thinkingLevel")?.map(str::to_ascii_lowercase);
    let budget = match thinking.get("thinkingBudget") {
        None => None,
        Some(value) => {
            let expected = "TYPE_INT32";
            Some(value.as_i64().ok_or_else(|| Fault::Type { path: thinking.path("thinkingBudget"), expected })?)
        }
    };
    if level.is_some() && budget.is_some() {
        return unsupported("You can only set only one of thinking budget and thinking level.".to_owned());
    }
    if let Some(level) = &level {
        check_level(level, model)?;
    }
    if let Some(budget) = budget {
        check_budget(budget, model)?;
    }
    let shown = thinking.flag("includeThoughts")?.unwrap_or(false);
    let on = match (&level, budget) {
        (Some(level), _) => shown || level != "minimal",
        (None, Some(budget)) => budget != 0,
        (None, None) => shown,
    };
    if shown && !on {
        return unsupported("thinking_config.include_thoughts is only enabled when thinking is enabled.".to_owned());
    }
    Ok(Thinking { on, hidden: !shown })
}

fn check_level(level: &str, model: &str) -> Result<(), Fault> {
    let unsupported = |message: String| Err(Fault::unsupported("generation_config.thinking_config", message));
    if model.starts_with("gemini-2.5") {
        return unsupported("Thinking level is not supported for this model.".to_owned());
    }
    let taken: &[&str] = match model {
        "gemini-3-pro-preview" => &["low", "high"],
        model if model.contains("-pro") => &["low", "medium", "high"],
        _ => &["minimal", "low", "medium", "high"],
    };
    if taken.contains(&level) {
        return Ok(());
    }
    unsupported(format!("Thinking level {} is not supported for this model.", level.to_ascii_uppercase()))
}

/// -1 leaves it to the model.
fn check_budget(budget: i64, model: &str) -> Result<(), Fault> {
    let unsupported = |message: String| Err(Fault::unsupported("generation_config.thinking_config", message));
    let must_think = model.contains("-pro");
    if budget == 0 && must_think {
        return unsupported("Budget 0 is invalid. This model only works in thinking mode.".to_owned());
    }
    let (least, most) = match model {
        model if must_think && model.starts_with("gemini-2.5") => (128, 32_768),
        model if model.starts_with("gemini-2.5-flash-lite") => (512, 24_576),
        model if model.starts_with("gemini-2.5") => (0, 24_576),
        _ => (0, 65_536),
    };
    if matches!(budget, -1 | 0) || (least..=most).contains(&budget) {
        return Ok(());
    }
    unsupported(format!("The thinking budget {budget} is invalid. Please choose a value between {least} and {most}."))
}

/// `responseMimeType` with one of the two kinds of schema.
pub fn shape(config: &Fields<'_>) -> Result<Shape, Fault> {
    let kind = config.word("responseMimeType", &["text/plain", "application/json", "text/x.enum"])?;
    let own = config.get("responseSchema");
    let json = config.get("responseJsonSchema");
    let path = config.path("response_schema");
    if own.is_some() && json.is_some() {
        return Err(Fault::value(path, "must not be set together with response_json_schema"));
    }
    if let Some(own) = own {
        check_schema(own, "generation_config.response_schema")?;
    }
    match (kind, own.or(json)) {
        (Some("application/json" | "text/x.enum"), Some(schema)) => Ok(Shape::Schema(schema.clone())),
        (Some("application/json"), None) => Ok(Shape::Object),
        (_, Some(_)) => Err(Fault::value(path, "is only supported with response mime type 'application/json'")),
        (_, None) => Ok(Shape::Text),
    }
}

/// `responseLogprobs` and `logprobs`.
pub fn logprobs(config: &Fields<'_>, model: &str, streamed: bool) -> Result<Option<u64>, Fault> {
    let wanted = config.flag("responseLogprobs")?.unwrap_or(false);
    let top = config.count("logprobs", 0)?;
    let path = || config.path("response_logprobs");
    match top {
        Some(_) if !wanted => Err(Fault::value(config.path("logprobs"), "requires response_logprobs to be true")),
        Some(most) if most > 20 => Err(Fault::value(config.path("logprobs"), "must be between 0 and 20")),
        _ if !wanted => Ok(None),
        _ if is_gemini_3(model) => Err(Fault::unsupported(path(), "Logprobs is not enabled for this model")),
        _ if streamed => Err(Fault::unsupported(path(), "LogProbs is not supported in streaming mode")),
        _ => Ok(Some(top.unwrap_or(0))),
    }
}
