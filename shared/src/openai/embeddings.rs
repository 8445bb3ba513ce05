//! `POST /v1/embeddings`: what a caller may ask, and what the answer looks like.

use super::{Invalid, json, usage::CostDetails};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// As many inputs as OpenAI takes in one request.
pub const MAX_INPUTS: usize = 2048;

/// An embeddings request that was read strictly and whose values are in range.
#[derive(Debug, Clone)]
pub struct EmbeddingsRequest {
    /// `provider/model`, or a bare model name.
    pub model: String,
    /// From one to [`MAX_INPUTS`], none of them empty.
    pub input: Vec<Input>,
    /// How long the vectors are to be; none: as the model makes them.
    pub dimensions: Option<u32>,
    /// How they are written.
    pub encoding: Encoding,
    /// The caller's own user.
    pub user: Option<String>,
    /// What the vectors are for. An extension.
    pub input_type: Option<InputType>,
    /// Whether what a model cannot honour is an error rather than left out and named. An extension.
    pub require_parameters: Option<bool>,
    /// Fields that are not part of the dialect.
    pub other: Map<String, Value>,
}

/// One thing to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Text.
    Text(String),
    /// The same as tokens, by OpenAI's tokenizer.
    Tokens(Vec<u32>),
}

/// How a vector is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// An array of numbers.
    #[default]
    Float,
    /// Its numbers as 32-bit floats, little-endian, in base 64.
    Base64,
}

/// What vectors are for: some models make better ones if they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// To be found.
    SearchDocument,
    /// To find.
    SearchQuery,
    /// To be classified.
    Classification,
    /// To be grouped.
    Clustering,
}

/// The fields by type; what `input` holds is read with its own paths.
#[derive(Deserialize)]
struct Body {
    model: String,
    input: Value,
    dimensions: Option<u32>,
    encoding_format: Option<Encoding>,
    user: Option<String>,
    input_type: Option<InputType>,
    require_parameters: Option<bool>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl EmbeddingsRequest {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// [`Invalid`] that names the first fault; nothing was spent.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        let body: Body = json::parse_as(body)?;
        if body.model.trim().is_empty() {
            return Err(Invalid::value("model", "must name a model, as `openai/text-embedding-3-small`"));
        }
        if body.dimensions == Some(0) {
            return Err(Invalid::value("dimensions", "must be at least 1"));
        }
        let mut other = body.other;
        other.retain(|_, value| !value.is_null());
        Ok(Self {
            model: body.model,
            input: read_input(body.input)?,
            dimensions: body.dimensions,
            encoding: body.encoding_format.unwrap_or_default(),
            user: body.user,
            input_type: body.input_type,
            require_parameters: body.require_parameters,
            other,
        })
    }
}

impl Input {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Tokens(_) => None,
        }
    }

    /// About how many bytes of text it is.
    pub fn text_bytes(&self) -> usize {
        const BYTES_PER_TOKEN: usize = 4;
        match self {
            Self::Text(text) => text.len(),
            Self::Tokens(tokens) => tokens.len().saturating_mul(BYTES_PER_TOKEN),
        }
    }
}

/// A string, an array of strings, an array of tokens or an array of arrays of tokens.
fn read_input(input: Value) -> Result<Vec<Input>, Invalid> {
    let expected = || Invalid::value("input", "expected a string, an array of strings, or an array of tokens");
    let items = match input {
        Value::String(text) => return Ok(vec![read_text(text, "input")?]),
        Value::Array(items) => items,
        _ => return Err(expected()),
    };
    match items.first() {
        None => Err(Invalid::value("input", "must not be empty")),
        Some(Value::Number(_)) => Ok(vec![read_tokens(&items, "input")?]),
        Some(Value::String(_) | Value::Array(_)) if items.len() > MAX_INPUTS => {
            Err(Invalid::value("input", format!("must hold at most {MAX_INPUTS} inputs")))
        }
        Some(Value::String(_)) => read_each(items, |item, path| match item {
            Value::String(text) => read_text(text, path),
            _ => Err(Invalid::value(path, "expected a string, as the inputs before it")),
        }),
        Some(Value::Array(_)) => read_each(items, |item, path| match item {
            Value::Array(tokens) => read_tokens(&tokens, path),
            _ => Err(Invalid::value(path, "expected an array of tokens, as the inputs before it")),
        }),
        Some(_) => Err(Invalid::value("input[0]", "expected a string, a token or an array of tokens")),
    }
}

fn read_each(items: Vec<Value>, read: impl Fn(Value, &str) -> Result<Input, Invalid>) -> Result<Vec<Input>, Invalid> {
    items.into_iter().enumerate().map(|(i, item)| read(item, &format!("input[{i}]"))).collect()
}

fn read_text(text: String, path: &str) -> Result<Input, Invalid> {
    if text.is_empty() { Err(Invalid::value(path, "must not be empty")) } else { Ok(Input::Text(text)) }
}

fn read_tokens(tokens: &[Value], path: &str) -> Result<Input, Invalid> {
    if tokens.is_empty() {
        return Err(Invalid::value(path, "must not be empty"));
    }
    let token = |(i, value): (usize, &Value)| {
        let token = value.as_u64().and_then(|token| u32::try_from(token).ok());
        token.ok_or_else(|| Invalid::value(format!("{path}[{i}]"), "expected a token, a whole number of zero or more"))
    };
    tokens.iter().enumerate().map(token).collect::<Result<_, _>>().map(Input::Tokens)
}

/// The answer, in OpenAI's shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddingList {
    /// Always `list`.
    pub object: &'static str,
    /// One for each input, in its order.
    pub data: Vec<Embedding>,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// What it took.
    pub usage: EmbeddingUsage,
}

/// One input's vector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Embedding {
    /// Always `embedding`.
    pub object: &'static str,
    /// Of which input, from 0.
    pub index: usize,
    /// Its vector.
    pub embedding: Vector,
}

/// A vector as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Vector {
    /// See [`Encoding::Float`].
    Float(Vec<f64>),
    /// See [`Encoding::Base64`].
    Base64(String),
}

impl Vector {
    /// The same vector, written that way; none if it is base 64 of something else.
    pub fn written_as(self, encoding: Encoding) -> Option<Self> {
        match (self, encoding) {
            (Self::Float(numbers), Encoding::Base64) => Some(Self::Base64(packed(&numbers))),
            (Self::Base64(text), Encoding::Float) => unpacked(&text).map(Self::Float),
            (same, _) => Some(same),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "models compute in 32 bits or fewer; that is the format")]
fn packed(numbers: &[f64]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

fn unpacked(text: &str) -> Option<Vec<f64>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect())
}

/// `usage` of an embeddings answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddingUsage {
    /// Tokens of all inputs.
    pub prompt_tokens: u64,
    /// The same: vectors are no tokens.
    pub total_tokens: u64,
    /// US dollars. An extension of ours.
    pub cost: f64,
    /// How the cost came about. An extension of ours.
    pub cost_details: CostDetails,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> Result<Vec<Input>, Invalid> {
        EmbeddingsRequest::parse(format!(r#"{{"model":"m","input":{text}}}"#).as_bytes()).map(|request| request.input)
    }

    #[test]
    fn every_form_of_input_is_read() {
        let text = |text: &str| Input::Text(text.into());
        #[rustfmt::skip]
        let table = [
            (r#""a""#,           vec![text("a")],                                       "a string"),
            (r#"["a","b"]"#,     vec![text("a"), text("b")],                            "an array of strings"),
            ("[1,2]",            vec![Input::Tokens(vec![1, 2])],                       "an array of tokens is one input"),
            ("[[1],[2,3]]",      vec![Input::Tokens(vec![1]), Input::Tokens(vec![2, 3])], "an array of such arrays"),
        ];
        for (given, expected, why) in table {
            assert_eq!(input(given), Ok(expected), "{why}");
        }
    }

    #[test]
    fn a_fault_is_named_by_its_path() {
        let many = format!("[{}]", vec![r#""a""#; MAX_INPUTS + 1].join(","));
        #[rustfmt::skip]
        let table = [
            (r#""""#,        "input",       "an empty string"),
            ("[]",           "input",       "nothing to embed"),
            ("7",            "input",       "a number alone"),
            ("{}",           "input",       "an object"),
            ("null",         "input",       "null"),
            (r#"["a",""]"#,  "input[1]",    "an empty string among others"),
            (r#"["a",7]"#,   "input[1]",    "a token among strings"),
            ("[[1],[]]",     "input[1]",    "an empty array of tokens"),
            ("[[1],\"a\"]",  "input[1]",    "a string among arrays"),
            ("[1,-1]",       "input[1]",    "a negative token"),
            ("[[1,1.5]]",    "input[0][1]", "half a token"),
            ("[null]",       "input[0]",    "an input that is none"),
            (many.as_str(),  "input",       "too many"),
        ];
        for (given, path, why) in table {
            assert_eq!(input(given).expect_err(why).param.as_deref(), Some(path), "{why}");
        }
        #[rustfmt::skip]
        let table = [
            (r#"{"input":"a"}"#,                                     "model",           "no model"),
            (r#"{"model":" ","input":"a"}"#,                         "model",           "a model without a name"),
            (r#"{"model":"m"}"#,                                     "input",           "no input"),
            (r#"{"model":"m","input":"a","dimensions":0}"#,          "dimensions",      "no dimension"),
            (r#"{"model":"m","input":"a","dimensions":-1}"#,         "dimensions",      "a negative one"),
            (r#"{"model":"m","input":"a","encoding_format":"hex"}"#, "encoding_format", "an unknown encoding"),
            (r#"{"model":"m","input":"a","input_type":"image"}"#,    "input_type",      "an unknown use"),
            (r#"{"model":"m","input":"a","user":7}"#,                "user",            "a wrong type"),
        ];
        for (body, path, why) in table {
            let error = EmbeddingsRequest::parse(body.as_bytes()).expect_err(why);
            assert_eq!(error.param.as_deref(), Some(path), "{why}");
        }
    }

    #[test]
    fn base_64_holds_the_same_numbers() {
        let numbers = Vector::Float(vec![1.0, -0.5, 0.0]);
        let packed = numbers.clone().written_as(Encoding::Base64);
        assert_eq!(packed, Some(Vector::Base64("AACAPwAAAL8AAAAA".into())), "little-endian");
        assert_eq!(packed.and_then(|packed| packed.written_as(Encoding::Float)), Some(numbers));
        assert_eq!(Vector::Base64("AACA".into()).written_as(Encoding::Float), None, "three bytes are no number");
    }
}
