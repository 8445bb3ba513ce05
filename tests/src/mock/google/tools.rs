//! Google's `tools` and `toolConfig`. <https://ai.google.dev/api/caching#Tool>

use serde_json::{Map, Value};

use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::tools::{Choice, Offer, Tool};

/// What Google runs itself, which is never called here.
const OWN: &[&str] = &[
    "codeExecution",
    "computerUse",
    "fileSearch",
    "functionDeclarations",
    "googleMaps",
    "googleSearch",
    "googleSearchRetrieval",
    "mcpServers",
    "urlContext",
];

/// Google's own form of schemas is a part of OpenAPI's; what is not in it is an unknown field.
const SCHEMA: &[&str] = &[
    "anyOf",
    "default",
    "description",
    "enum",
    "example",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "propertyOrdering",
    "required",
    "title",
    "type",
];

/// Reads tools and the choice among them.
pub fn offer(body: &Fields<'_>) -> Result<Offer, Fault> {
    let mut tools: Vec<Tool> = Vec::new();
    let given = match body.get("tools") {
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => body.list("tools")?,
    };
    for (index, tool) in given.iter().enumerate() {
        let tool = Fields::of(tool, &format!("tools[{index}]"))?;
        tool.only(&[OWN])?;
        for (inner, function) in tool.list("functionDeclarations")?.iter().enumerate() {
            let at = format!("tools[{index}].function_declarations[{inner}]");
            let tool = declaration(&Fields::of(function, &at)?)?;
            if tools.iter().any(|other| other.name == tool.name) {
                return Err(Fault::unsupported(at, format!("Duplicate function declaration found: {}", tool.name)));
            }
            tools.push(tool);
        }
    }
    let (tools, choice) = choice(body, tools)?;
    Ok(Offer { tools, choice, ..Offer::default() })
}

fn declaration(function: &Fields<'_>) -> Result<Tool, Fault> {
    function.only(&[&[
        "name",
        "description",
        "parameters",
        "parametersJsonSchema",
        "response",
        "responseJsonSchema",
        "behavior",
    ]])?;
    let name = function.needed_text("name")?;
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c));
    if !begins || !goes_on || name.len() > 128 {
        let message = "[FIELD_INVALID] Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, \
                       0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.";
        return Err(Fault::value(function.path("name"), message));
    }
    let at = function.path("parameters");
    let schema = match (function.get("parameters"), function.get("parametersJsonSchema")) {
        (Some(_), Some(_)) => {
            return Err(Fault::value(at, "must not be set together with parameters_json_schema"));
        }
        (Some(own), None) => {
            check_schema(own, &at)?;
            let is_empty = own["properties"].as_object().is_none_or(Map::is_empty);
            if own["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("object")) && is_empty {
                return Err(Fault::value(format!("{at}.properties"), "should be non-empty for OBJECT type"));
            }
            own.clone()
        }
        (None, Some(json)) => json.clone(),
        (None, None) => Value::Object(Map::new()),
    };
    Ok(Tool { name, schema, takes_text: false })
}

fn choice(body: &Fields<'_>, tools: Vec<Tool>) -> Result<(Vec<Tool>, Choice), Fault> {
    let Some(config) = body.object("toolConfig")? else { return Ok((tools, Choice::Auto)) };
    config.only(&[&["functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"]])?;
    let Some(calling) = config.object("functionCallingConfig")? else { return Ok((tools, Choice::Auto)) };
    calling.only(&[&["mode", "allowedFunctionNames"]])?;
    let mode = calling.word("mode", &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"])?.unwrap_or("AUTO");
    let names = calling.texts("allowedFunctionNames", usize::MAX, false)?;
    if !names.is_empty() && !matches!(mode, "ANY" | "VALIDATED") {
        let message = "should only be set when function calling mode is ANY or VALIDATED";
        return Err(Fault::value(calling.path("allowed_function_names"), message));
    }
    if let Some(unknown) = names.iter().find(|name| !tools.iter().any(|tool| tool.name == **name)) {
        let message = format!("{unknown} is not one of the function declarations");
        return Err(Fault::value(calling.path("allowed_function_names"), message));
    }
    if mode == "ANY" && tools.is_empty() {
        return Err(Fault::value(calling.path("mode"), "ANY requires function declarations"));
    }
    let tools = tools.into_iter().filter(|tool| names.is_empty() || names.contains(&tool.name)).collect();
    let choice = match mode {
        "ANY" => Choice::Required,
        "NONE" => Choice::None,
        _ => Choice::Auto,
    };
    Ok((tools, choice))
}

/// Refuses what Google's own form of schemas does not have.
pub fn check_schema(schema: &Value, at: &str) -> Result<(), Fault> {
    let fields = Fields::of(schema, at)?;
    fields.only(&[SCHEMA])?;
    fields.text("type")?;
    for (name, property) in fields.object("properties")?.iter().flat_map(Fields::entries) {
        check_schema(property, &format!("{at}.properties[{name}]"))?;
    }
    for (index, branch) in fields.list("anyOf")?.iter().enumerate() {
        check_schema(branch, &format!("{at}.any_of[{index}]"))?;
    }
    fields.get("items").map_or(Ok(()), |items| check_schema(items, &format!("{at}.items")))
}
