//! Bodies of administrative requests: read once, strictly, and all that is wrong with one is told at once.

use crate::{
    error::GatewayError,
    openai::{Invalid, json},
    usage::Nanos,
};
use serde_json::{Map, Value};
use std::{fmt::Display, str::FromStr};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// The longest name of a person, a tenant or a key.
pub(crate) const MAX_NAME_CHARS: usize = 200;
/// How many faults are told.
const MAX_FAULTS: usize = 20;
/// No amount of money is larger: a billion.
const MAX_USD: i64 = 1_000_000_000;
/// No model costs more for a million tokens.
const MAX_PER_MILLION: u32 = 100_000;

/// A body whose fields are taken one after the other. Faults are collected; [`Body::finish`] tells them.
pub(crate) struct Body {
    left: Map<String, Value>,
    /// Where in the whole body this object is, as `limits.`; empty at the top.
    prefix: String,
    faults: Vec<Invalid>,
}

impl Body {
    /// Reads a body that is declared as JSON.
    ///
    /// # Errors
    /// [`GatewayError`] when it is no JSON object, or not strict JSON.
    pub(crate) fn read(body: &[u8]) -> Result<Self, GatewayError> {
        match json::parse(body)? {
            Value::Object(left) => Ok(Self { left, prefix: String::new(), faults: Vec::new() }),
            _ => Err(Invalid::json("the body must be a JSON object").into()),
        }
    }

    /// Whether the field is there and not null.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(|value| !value.is_null())
    }

    /// Takes a field that says nothing.
    pub(crate) fn skip(&mut self, name: &str) {
        self.left.shift_remove(name);
    }

    /// Takes a field that this body may not have.
    pub(crate) fn refuse(&mut self, name: &str, problem: &str) {
        self.skip(name);
        self.fault::<()>(name, problem);
    }

    /// Whether the field is there, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// A name or the like: characters that people can read, from 1 to `most` of them.
    pub(crate) fn text(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.take_string(name)?;
        match plain_text(&text, most) {
            Ok(()) => Some(text),
            Err(problem) => self.fault(name, problem),
        }
    }

    /// The same, which must be there.
    pub(crate) fn required_text(&mut self, name: &str, most: usize) -> Option<String> {
        self.required(name);
        self.text(name, most)
    }

    /// A string as it is: a secret, whose form is checked elsewhere and which no message repeats.
    pub(crate) fn required_secret(&mut self, name: &str) -> Option<String> {
        self.required(name);
        self.take_string(name)
    }

    /// A string that is one of a type's words, or an id.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.take_string(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => self.fault(name, error),
        }
    }

    /// The same, which must be there.
    pub(crate) fn required_parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        self.required(name);
        self.parsed(name)
    }

    /// A text that has a form of its own, which `check` knows.
    pub(crate) fn checked(&mut self, name: &str, check: impl FnOnce(&str) -> Result<String, String>) -> Option<String> {
        match check(&self.take_string(name)?) {
            Ok(text) => Some(text),
            Err(problem) => self.fault(name, problem),
        }
    }

    /// An amount of US dollars, more than nothing. To the nano-dollar.
    pub(crate) fn usd(&mut self, name: &str) -> Option<Nanos> {
        let wrong = format!("must be an amount of US dollars from 0.000000001 to {MAX_USD}");
        let Some(amount) = self.take(name)?.as_f64() else { return self.fault(name, wrong) };
        match Nanos::from_usd(amount).filter(|nanos| (1..=MAX_USD * 1_000_000_000).contains(&nanos.0)) {
            Some(nanos) => Some(nanos),
            None => self.fault(name, wrong),
        }
    }

    /// A price in US dollars for a million tokens, as pico-dollars for one: exact, so of six decimals at most.
    pub(crate) fn per_million(&mut self, name: &str) -> Option<u64> {
        let wrong =
            format!("must be US dollars per million tokens, from 0 to {MAX_PER_MILLION}, of at most six decimals");
        let Some(amount) = self.take(name)?.as_f64() else { return self.fault(name, wrong) };
        let picos = (amount * 1e6).round();
        let is_exact = (picos / 1e6 - amount).abs() <= amount.abs() * 1e-15;
        match is_exact && (0.0..=f64::from(MAX_PER_MILLION) * 1e6).contains(&picos) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
            true => Some(picos as u64),
            false => self.fault(name, wrong),
        }
    }

    /// A boolean.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.fault(name, "must be true or false"),
        }
    }

    /// A whole number from 1 to `most`.
    pub(crate) fn count(&mut self, name: &str, most: i64) -> Option<i64> {
        self.whole(name, 1, most)
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn whole(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        match self.take(name)?.as_i64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(number),
            None => self.fault(name, format!("must be a whole number from {least} to {most}")),
        }
    }

    /// A number from `least` to `most`.
    pub(crate) fn number(&mut self, name: &str, least: f64, most: f64) -> Option<f64> {
        match self.take(name)?.as_f64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(number),
            None => self.fault(name, format!("must be a number from {least} to {most}")),
        }
    }

    /// A moment, in RFC 3339.
    pub(crate) fn moment(&mut self, name: &str) -> Option<OffsetDateTime> {
        let moment = OffsetDateTime::parse(&self.take_string(name)?, &Rfc3339).ok();
        // The last hours of the year 9999 west of Greenwich have no form in UTC.
        match moment.and_then(|moment| moment.checked_to_offset(UtcOffset::UTC)) {
            Some(moment) => Some(whole_micros(moment)),
            None => self.fault(name, "must be a time in RFC 3339, as `2027-01-31T00:00:00Z`"),
        }
    }

    /// An array of at most `most` texts, each of which `check` takes.
    pub(crate) fn texts(
        &mut self,
        name: &str,
        most: usize,
        check: impl Fn(&str) -> Result<String, String>,
    ) -> Option<Vec<String>> {
        let Value::Array(items) = self.take(name)? else { return self.fault(name, "must be an array of strings") };
        if items.len() > most {
            return self.fault(name, format!("must have at most {most} entries"));
        }
        let mut texts: Vec<String> = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            match item.as_str().ok_or_else(|| "must be a string".to_owned()).and_then(&check) {
                Ok(text) if texts.contains(&text) => {}
                Ok(text) => texts.push(text),
                Err(problem) => drop(self.fault::<()>(&format!("{name}[{i}]"), problem)),
            }
        }
        Some(texts)
    }

    /// An object within, whose faults are told with the others'.
    pub(crate) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let Value::Object(left) = self.take(name)? else { return self.fault(name, "must be an object") };
        let mut within = Self { left, prefix: format!("{}{name}.", self.prefix), faults: Vec::new() };
        let value = read(&mut within);
        within.name_the_unknown();
        self.faults.append(&mut within.faults);
        Some(value)
    }

    /// Notes that a field's value cannot be used.
    pub(crate) fn fault<T>(&mut self, name: &str, problem: impl Display) -> Option<T> {
        self.faults.push(Invalid::value(format!("{}{name}", self.prefix), problem));
        None
    }

    /// That nothing is wrong and nothing is left.
    ///
    /// # Errors
    /// [`GatewayError::InvalidBody`] with every fault.
    pub(crate) fn finish(mut self) -> Result<(), GatewayError> {
        self.name_the_unknown();
        self.faults.truncate(MAX_FAULTS);
        if self.faults.is_empty() { Ok(()) } else { Err(GatewayError::InvalidBody(self.faults)) }
    }

    fn name_the_unknown(&mut self) {
        for name in std::mem::take(&mut self.left).into_iter().map(|(name, _)| name) {
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            self.fault::<()>(&name, "is not a field of this body");
        }
    }

    /// Notes that a field is missing, if it is.
    pub(crate) fn required(&mut self, name: &str) {
        if self.left.get(name).is_none_or(Value::is_null) {
            self.fault::<()>(name, "is required");
        }
    }

    /// Null is absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.shift_remove(name).filter(|value| !value.is_null())
    }

    fn take_string(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.fault(name, "must be a string"),
        }
    }
}

/// What the database keeps of a moment, so that an answer says what later ones will.
pub(crate) fn whole_micros(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(moment.nanosecond() / 1000 * 1000).unwrap_or(moment)
}

/// Whether a text can be shown to people without misleading them: no control characters, nothing that changes the direction of what
/// stands beside it or is not seen at all.
pub(crate) fn plain_text(text: &str, most: usize) -> Result<(), String> {
    let unseen = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'
                    ..='\u{180f}'
            )
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}')
            || matches!(c, '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let length = text.chars().count();
    if text.trim().is_empty() || length > most {
        return Err(format!("must have 1 to {most} characters"));
    }
    if text.chars().any(unseen) {
        return Err("must not have control or invisible characters".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_of_a_body_is_told_at_once() {
        let body = json!({
            "name": "a\u{202e}b", "role": 7, "expires_at": "tomorrow", "limits": {"rpm": 0, "qps": 1}, "tags": ["a", 1], "colour": "red",
        });
        let mut body = Body::read(body.to_string().as_bytes()).expect("an object");
        body.required_text("name", 10);
        body.required_text("email", 10);
        body.text("role", 10);
        body.moment("expires_at");
        body.texts("tags", 5, |text| Ok(text.to_owned()));
        body.object("limits", |limits| limits.count("rpm", 10));
        let Err(GatewayError::InvalidBody(faults)) = body.finish() else { panic!("eight faults") };
        let params: Vec<&str> = faults.iter().filter_map(|fault| fault.param.as_deref()).collect();
        let expected = ["name", "email", "role", "expires_at", "tags[1]", "limits.rpm", "limits.qps", "colour"];
        assert_eq!(params, expected);
    }

    #[test]
    fn null_is_absent() {
        let mut body = Body::read(br#"{"name": null}"#).expect("an object");
        assert_eq!(body.text("name", 10), None);
        assert!(body.finish().is_ok());
    }
}
