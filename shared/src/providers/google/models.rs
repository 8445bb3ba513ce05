//! What Google's models can do, by their names: the API does not say.

/// How a model is told to think: <https://ai.google.dev/gemini-api/docs/thinking>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinksBy {
    /// It does not, or cannot be told.
    Nothing,
    /// A number of tokens within bounds.
    Budget { least: u32, most: u32, can_be_off: bool },
    /// A level; `low` and `high` are always among them.
    Level { minimal: bool, medium: bool },
}

pub(super) fn thinks_by(model: &str) -> ThinksBy {
    let budget = |least, most, can_be_off| ThinksBy::Budget { least, most, can_be_off };
    match model {
        _ if ["tts", "native-audio", "live"].iter().any(|kind| model.contains(kind)) => ThinksBy::Nothing,
        _ if model.starts_with("gemini-2.5-pro") => budget(128, 32_768, false),
        _ if model.starts_with("gemini-2.5-computer-use") => budget(128, 24_576, false),
        _ if model.starts_with("gemini-2.5-flash-lite") => budget(512, 24_576, true),
        _ if model.starts_with("gemini-2.5") || model.starts_with("gemini-robotics-er") => budget(1, 24_576, true),
        _ if is_third_generation(model) => ThinksBy::Level {
            minimal: !model.contains("pro") && !model.starts_with("gemini-3.7") && model != "gemini-flash-latest",
            medium: model != "gemini-3-pro-preview",
        },
        _ => ThinksBy::Nothing,
    }
}

/// Gemini 3 and later, and the names that follow the newest model.
pub(super) fn is_third_generation(model: &str) -> bool {
    model.starts_with("gemini-3")
        || matches!(model, "gemini-flash-latest" | "gemini-flash-lite-latest" | "gemini-pro-latest")
}

/// Whether it ignores the temperature, refuses penalties, and refuses a conversation that ends with its own words:
/// <https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6>.
pub(super) fn samples_its_own_way(model: &str) -> bool {
    ["gemini-3.5-flash-lite", "gemini-3.6", "gemini-3.7"].iter().any(|name| model.starts_with(name))
        || matches!(model, "gemini-flash-latest" | "gemini-flash-lite-latest")
}

/// Whether it fetches files from the web: <https://ai.google.dev/gemini-api/docs/generate-content/file-input-methods>. The 2.0 family
/// does not.
pub(super) fn takes_urls(model: &str) -> bool {
    has_structured_calls(model) || ["gemini-robotics", "gemini-omni"].iter().any(|name| model.starts_with(name))
}

/// Whether it answers with images: <https://ai.google.dev/gemini-api/docs/image-generation>.
pub(super) fn draws(model: &str) -> bool {
    model.starts_with("gemini-") && model.contains("-image")
}

/// Whether the mode `VALIDATED` is known: the model calls functions or speaks, and its arguments fit the schema.
pub(super) fn has_structured_calls(model: &str) -> bool {
    model.starts_with("gemini-2.5") || is_third_generation(model)
}

/// The third generation: "Logprobs is not enabled for this model".
pub(super) fn gives_logprobs(model: &str) -> bool {
    model.starts_with("gemini-2.")
}

/// The older Gemma models: "Developer instruction is not enabled". Their own format puts instructions into the first user turn.
/// <https://ai.google.dev/gemma/docs/core/prompt-structure>
pub(super) fn takes_instructions(model: &str) -> bool {
    !["gemma-2", "gemma-3"].iter().any(|older| model.contains(older))
}
