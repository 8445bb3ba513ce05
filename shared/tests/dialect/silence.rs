//! What is neither sent nor named, and why that is right.

/// By provider and by the field's name on the page: why nobody has to be told.
pub(crate) const SILENCE: &[(&[&str], &str, &str)] = &[
    (&["openai", "cohere", "mistral"], "`reasoning_effort`: none", "A model that cannot think does not."),
    (&["openai", "cohere", "mistral"], "`reasoning.enabled`: false", "A model that cannot think does not."),
    (&["mistral"], "`reasoning_effort`: high", "It always thinks as hard as it can."),
    (&["mistral"], "`reasoning.effort`: high", "It always thinks as hard as it can."),
    (&["mistral"], "`reasoning_effort`: high, beside tools", "It always thinks as hard as it can."),
    (&["mistral"], "`reasoning_effort`: high, beside a call that must be", "It always thinks as hard as it can."),
    (&["openai"], "`reasoning.exclude`", "OpenAI never shows thoughts in chat completions."),
    (&["cohere", "mistral"], "`reasoning.exclude`", "The gateway does it: it leaves the thoughts out of the answer."),
    (&["anthropic", "google", "cohere"], "`response_format.json_schema.name`", UNNAMED),
    (
        &["anthropic", "google", "cohere"],
        "`response_format.json_schema.strict`",
        "An answer is always held to its schema.",
    ),
    (EVERYONE, "`stream_options.include_usage`", "The gateway does it: a provider is always asked for the usage."),
    (&["google", "cohere", "mistral"], "`service_tier`: default", "It is what a request without it is served by."),
    (OTHERS_THAN_OPENAI, "`stream_options.include_obfuscation`: false", "Nobody else obfuscates."),
    (
        OTHERS_THAN_OPENAI,
        "`messages[].refusal`: beside content",
        "The content is sent; a model says or refuses, never both.",
    ),
    (
        EVERYONE,
        "`messages[].annotations`",
        "A model has said what its text is based on, and no provider takes it back.",
    ),
    (
        &["anthropic", "google", "cohere"],
        "`messages[].name`: a result's",
        "It is the called function's name, which the call has.",
    ),
    (EVERYONE, "`messages[].reasoning_content`", WITHOUT_PROOF),
    (EVERYONE, "`messages[].reasoning_details`: Anthropic's", OTHERS_THOUGHTS),
    (EVERYONE, "`messages[].reasoning_details`: Google's", OTHERS_THOUGHTS),
    (EVERYONE, "`messages[].reasoning_details`: Cohere's", OTHERS_THOUGHTS),
    (EVERYONE, "`messages[].reasoning_details`: Mistral's", OTHERS_THOUGHTS),
    (OTHERS_THAN_COHERE, "`messages[].reasoning_details`: Cohere's plan beside a call", OTHERS_THOUGHTS),
    (&["openai"], "`parallel_tool_calls`: false", "The older thinking models call one after the other as it is."),
    (EVERYONE, "`openai`", OTHERS_OPTIONS),
    (EVERYONE, "`anthropic`", OTHERS_OPTIONS),
    (EVERYONE, "`google`", OTHERS_OPTIONS),
    (EVERYONE, "`cohere`", OTHERS_OPTIONS),
    (EVERYONE, "`mistral`", OTHERS_OPTIONS),
    (EVERYONE, "`anthropic.model`", OTHERS_OPTIONS),
    (&["google", "cohere", "mistral"], "`encoding_format`: base64", "The gateway does it: the provider sends numbers."),
    (&["cohere"], "`input_type`: search_document", "It is what a request without it asks Cohere for."),
];

const EVERYONE: &[&str] = &["openai", "anthropic", "google", "cohere", "mistral"];
const OTHERS_THAN_OPENAI: &[&str] = &["anthropic", "google", "cohere", "mistral"];
const OTHERS_THAN_COHERE: &[&str] = &["openai", "anthropic", "google", "mistral"];

const UNNAMED: &str = "The dialect demands a name, and nothing of the answer depends on it.";
const WITHOUT_PROOF: &str = "Thoughts are sent back only where a provider takes them without its signature.";
const OTHERS_THOUGHTS: &str =
    "Thoughts go back to the models that had them; a conversation that moves to another provider goes on without.";
const OTHERS_OPTIONS: &str = "The options of a provider are for when it answers.";
