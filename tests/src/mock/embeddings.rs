//! Vectors: the same text has the same one, at every provider, and its numbers are exact in 32 bits, so that what differs between two
//! answers differs in the translation.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Number, Value};

use super::fault::Fault;
use super::fields::Fields;
use super::json::Json;

/// How long a vector is where nobody says.
const LENGTH: u64 = 8;

/// What a request asked, read from the provider's own format.
#[derive(Debug, Clone)]
pub struct AskedVectors {
    /// The model's name as the provider was given it.
    pub model: String,
    /// The texts; tokens as text.
    pub texts: Vec<String>,
    /// One token for each word, or as many as were given.
    pub tokens: u64,
    /// How long the vectors are to be.
    pub dimensions: Option<u64>,
    /// Whether they are to be in base 64.
    pub base64: bool,
}

impl AskedVectors {
    /// From texts.
    pub fn of_texts(model: String, texts: Vec<String>, dimensions: Option<u64>) -> Self {
        let tokens = texts.iter().map(|text| text.split_whitespace().count() as u64).sum();
        Self { model, texts, tokens, dimensions, base64: false }
    }

    /// One vector for each text, as numbers or in base 64.
    pub fn vectors(&self) -> Vec<Json> {
        let length = self.dimensions.unwrap_or(LENGTH);
        let vectors = self.texts.iter().map(|text| (0..length).map(|at| number(text, at)).collect::<Vec<f32>>());
        vectors
            .map(|vector| match self.base64 {
                true => Json::from(STANDARD.encode(vector.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<_>>())),
                false => Json::List(vector.into_iter().map(json).collect()),
            })
            .collect()
    }
}

/// A number of the vector of a text: the sum of its words', so that texts with the same words are near each other.
pub fn number(text: &str, at: u64) -> f32 {
    text.split_whitespace().map(|word| number_of_word(word, at)).sum()
}

/// From -1/64 to 1/64, so that the sums are exact.
fn number_of_word(word: &str, at: u64) -> f32 {
    let hash = word
        .bytes()
        .chain(at.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let [.., low, high] = hash.to_be_bytes();
    f32::from(i16::from_be_bytes([low, high])) / (32768.0 * 64.0)
}

fn json(number: f32) -> Json {
    Number::from_f64(f64::from(number)).map_or(Json::Null, Json::Number)
}

/// A list of texts that must be there: at most so many, none of them empty.
pub fn texts(body: &Fields<'_>, name: &str, most: usize) -> Result<Vec<String>, Fault> {
    let list = body.needed_list(name)?;
    if list.len() > most {
        let message = format!("at most {most} inputs can be in one batch");
        return Err(Fault::Value { path: body.path(name), message });
    }
    let text = |(index, value): (usize, &Value)| {
        let path = format!("{}[{index}]", body.path(name));
        match value.as_str() {
            Some("") => Err(Fault::Empty(path)),
            Some(text) => Ok(text.to_owned()),
            None => Err(Fault::Type { path, expected: "a string" }),
        }
    };
    list.iter().enumerate().map(text).collect()
}
