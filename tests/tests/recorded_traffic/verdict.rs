//! Whether what came back is what was recorded.

use std::{collections::BTreeMap, fmt::Debug};

use serde_json::{Value, json};
use supergate_tests::app::Answer;

use super::{
    asked,
    heard::Heard,
    prices::Prices,
    rows::Row,
    said::{Choice, Recorded, Said, Sound, Usage},
};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    Text,
    ToolCalls,
    Reasoning,
    Citations,
    /// Images and sound.
    Media,
    /// The answer to a request that prescribed JSON, as JSON.
    Schema,
    /// Counts, cost and the ledger's row.
    Usage,
    Finish,
    Error,
    Vectors,
    /// The answer, sent back.
    Returned,
    /// The answer, sent back as the recorded client did.
    NextRequest,
}

/// What came of a row.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What the row has, and whether it is equal.
    pub aspects: BTreeMap<Aspect, bool>,
    pub problems: Vec<String>,
}

impl Verdict {
    pub fn compare<T: PartialEq + Debug>(&mut self, aspect: Aspect, what: &str, recorded: &T, ours: &T) {
        let equal = recorded == ours;
        *self.aspects.entry(aspect).or_insert(true) &= equal;
        if !equal {
            self.problems.push(format!("{what}:\n  recorded {recorded:?}\n  ours     {ours:?}"));
        }
    }

    /// One thing of every choice, where there is any.
    fn compare_each<'a, T: PartialEq + Debug>(
        &mut self,
        aspect: Aspect,
        there: &[Aspect],
        [recorded, ours]: [&'a Said; 2],
        what: impl Fn(&'a Choice) -> T,
    ) {
        if there.contains(&aspect) {
            self.compare(aspect, &format!("{aspect:?}"), &each(recorded, &what), &each(ours, &what));
        }
    }

    pub fn fail(&mut self, aspect: Aspect, problem: String) {
        self.aspects.insert(aspect, false);
        self.problems.push(problem);
    }
}

/// The same words, calls, thoughts, finish reason and token counts, and a right row in the ledger.
pub fn answered(row: &Row, recorded: &Recorded, answer: &Answer, event: &Value, prices: &Prices) -> Verdict {
    let mut verdict = Verdict::default();
    let said = &recorded.said;
    if answer.status != 200 {
        for aspect in [Aspect::Usage, Aspect::Finish].into_iter().chain(has(said)) {
            verdict.aspects.insert(aspect, false);
        }
        verdict.problems.push(format!("{}: {}", answer.status, answer.text()));
        return verdict;
    }
    let heard = Heard::of(answer);
    verdict.compare(Aspect::Finish, "error", &Value::Null, &heard.error);
    verdict.compare(Aspect::Finish, "[DONE]", &row.streaming, &heard.done);
    let mut aspects = has(said);
    aspects.extend(has(&heard.said));
    aspects.push(Aspect::Finish);
    verdict.compare_each(Aspect::Finish, &aspects, [said, &heard.said], |one| &one.finish);
    verdict.compare_each(Aspect::Text, &aspects, [said, &heard.said], |one| (&one.text, &one.refusal));
    verdict.compare_each(Aspect::Media, &aspects, [said, &heard.said], |one| (&one.images, &one.sound));
    verdict.compare_each(Aspect::Reasoning, &aspects, [said, &heard.said], |one| &one.reasoning);
    verdict.compare_each(Aspect::Citations, &aspects, [said, &heard.said], |one| &one.sources);
    verdict.compare_each(Aspect::ToolCalls, &aspects, [said, &heard.said], |one| &one.calls);
    if heard.odd_calls {
        verdict.fail(Aspect::ToolCalls, format!("calls that cannot be told apart: {}", answer.text()));
    }
    let json = |said: &Said| each(said, |one| serde_json::from_str::<Value>(&one.text).ok());
    if asked::prescribes_json(row) && json(said).iter().any(|(_, it)| it.is_some()) {
        verdict.compare(Aspect::Schema, "JSON", &json(said), &json(&heard.said));
    }
    compare_usage(&mut verdict, row, recorded.usage.as_ref(), &heard, event, prices);
    verdict
}

fn compare_usage(
    verdict: &mut Verdict,
    row: &Row,
    usage: Option<&Usage>,
    heard: &Heard,
    event: &Value,
    prices: &Prices,
) {
    // Where the provider did not count, we do.
    let counted = Usage { counts: heard.counts.unwrap_or_default(), ..Usage::default() };
    let mut used = usage.cloned().unwrap_or(counted);
    if prices.always_searches(&row.model()) {
        used.counts.searches = Some(1);
    }
    verdict.compare(Aspect::Usage, "usage", &Some(used.counts), &heard.counts);
    let cost_nanos = prices.cost(&row.model(), &used);
    verdict.compare(Aspect::Usage, "usage.cost", &cost_nanos.to_string(), &format!("{:.0}", heard.cost * 1e9));
    let (provider, model) = row.model().split_once('/').map(|(p, m)| (p.to_owned(), m.to_owned())).expect("a model");
    let ledger = json!({
        "attempt": 1,
        "provider": provider,
        "model": model,
        "streamed": row.streaming,
        "status": 200,
        "ended": "complete",
        "input_tokens": used.counts.input,
        "output_tokens": used.counts.output,
        "cached_input_tokens": used.counts.cached,
        "cache_write_tokens": used.counts.written,
        "reasoning_tokens": used.counts.reasoning,
        "audio_input_tokens": used.counts.heard,
        "audio_output_tokens": used.counts.spoken,
        "web_searches": used.counts.searches,
        "usage_source": if usage.is_some() { "provider" } else { "counted" },
        "cost_nanos": cost_nanos,
    });
    let ours: Value = ledger.as_object().expect("fields").keys().map(|key| (key.clone(), event[key].clone())).collect();
    verdict.compare(Aspect::Usage, "ledger", &ledger.to_string(), &ours.to_string());
}

/// An error to the caller, no `[DONE]`, and a row that says so.
pub fn broken_off(answer: &Answer, event: &Value) -> Verdict {
    let heard = Heard::of(answer);
    let mut verdict = Verdict::default();
    verdict.aspects.insert(Aspect::Error, true);
    if !heard.error.is_string() || heard.done {
        verdict.fail(Aspect::Error, format!("no error: {}", answer.text()));
    }
    if event["ended"] != "truncated" && event["ended"] != "failed" {
        verdict.fail(Aspect::Error, format!("the ledger says {}", event["ended"]));
    }
    verdict
}

/// A provider's error as the dialect has it: its status, OpenAI's body, and nothing billed.
pub fn refused(row: &Row, answer: &Answer, event: &Value) -> Verdict {
    let mut verdict = Verdict::default();
    let (status, code) = meaning(row);
    verdict.compare(Aspect::Error, "status", &status, &answer.status.as_u16());
    let error = &answer.json()["error"];
    if let Some(code) = code {
        verdict.compare(Aspect::Error, "error.code", &json!(code), &error["code"]);
    }
    let has_words =
        ["message", "type", "code"].iter().all(|name| error[name].as_str().is_some_and(|text| !text.is_empty()));
    if !has_words || !(error["param"].is_null() || error["param"].is_string()) {
        verdict.fail(Aspect::Error, format!("no error of OpenAI's: {}", answer.text()));
    }
    let billed = json!([event["ended"], event["cost_nanos"], event["usage_source"]]);
    verdict.compare(Aspect::Error, "ledger", &json!(["failed", 0, "none"]), &billed);
    verdict
}

/// The status that a provider's error has here, and its code where that is the same for all.
fn meaning(row: &Row) -> (u16, Option<&'static str>) {
    let says = |text: &str| row.body.contains(text);
    match row.status {
        // Google has no 401; a model that a key may not use, or that Mistral does not know, is one that is not there.
        400 if row.provider == "google" && row.has("auth_error") => (502, Some("provider_auth")),
        400 if row.provider == "mistral" && says("invalid_model") => (404, Some("model_not_found")),
        _ if row.provider == "openai" && says("\"model_not_found\"") => (404, Some("model_not_found")),
        // Anthropic has no status for an empty account.
        400 if row.has("quota") => (429, Some("insufficient_quota")),
        401 | 403 => (502, Some("provider_auth")),
        404 => (404, Some("model_not_found")),
        413 => (413, Some("request_too_large")),
        402 => (429, Some("insufficient_quota")),
        429 if row.has("quota") => (429, Some("insufficient_quota")),
        429 => (429, Some("rate_limit_exceeded")),
        500.. => (502, Some("provider_error")),
        _ => (400, None),
    }
}

/// What of it there is.
fn has(said: &Said) -> Vec<Aspect> {
    let any = |there: fn(&Choice) -> bool| said.values().any(there);
    let all = [
        (Aspect::Text, any(|one| !one.text.is_empty() || !one.refusal.is_empty())),
        (Aspect::ToolCalls, any(|one| !one.calls.is_empty())),
        (Aspect::Media, any(|one| !one.images.is_empty() || one.sound != Sound::default())),
        (Aspect::Reasoning, any(|one| !one.reasoning.is_empty())),
        (Aspect::Citations, any(|one| !one.sources.is_empty())),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(aspect, _)| aspect).collect()
}

/// One thing of every choice.
fn each<'a, T>(said: &'a Said, what: impl Fn(&'a Choice) -> T) -> Vec<(u64, T)> {
    said.iter().map(|(index, choice)| (*index, what(choice))).collect()
}
