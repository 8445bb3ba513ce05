//! After every test the ledger is what the providers bill: the mock of the providers keeps a bill of its own, by tokens that it counted itself.

use crate::mock::journal::{Billed, Ended};
use serde_json::Value;
use supergate::{routing::plan, usage::Terms};

/// More rows than that nobody made by asking.
const MOST_ROWS: usize = 2_000;

/// What is wrong with a ledger, if anything is. Each call that a provider bills has a row of its own, with the provider's own counts and what
/// they cost by the list; or, where the provider did not get to say, one that says so and costs what its own counts do. No row costs anything
/// that no provider bills.
pub fn compare(rows: &[Value], bill: &[Billed]) -> Vec<String> {
    if rows.len() > MOST_ROWS {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut calls: Vec<&Billed> = bill.iter().filter(|call| call.ended != Ended::Refused).collect();
    let (said, unsaid): (Vec<&Value>, Vec<&Value>) =
        rows.iter().filter(|row| row["usage_source"] != "none").partition(|row| row["usage_source"] == "provider");
    for row in rows.iter().filter(|row| row["usage_source"] == "none" && row["cost_nanos"] != 0) {
        problems.push(format!("nothing was used, and it costs something: {row}"));
    }
    for row in said {
        let fits = |call: &&Billed| {
            is_of(call, row)
                && number(row, "input_tokens") == call.input_tokens
                && number(row, "output_tokens") == call.output_tokens
        };
        match calls.iter().position(fits) {
            Some(at) => {
                let call = calls.swap_remove(at);
                if let Some(cost) = cost(call, row).filter(|cost| *cost != number(row, "cost_nanos")) {
                    problems.push(format!("the provider bills {cost} nano-dollars for {call:?}: {row}"));
                }
            }
            None => problems.push(format!("no provider says so: {row}")),
        }
    }
    for row in unsaid {
        match calls.iter().position(|call| is_of(call, row)) {
            Some(at) => drop(calls.swap_remove(at)),
            None => problems.push(format!("no provider was asked: {row}")),
        }
    }
    problems.extend(calls.into_iter().map(|call| format!("a provider bills it, and there is no row: {call:?}")));
    problems
}

fn is_of(call: &Billed, row: &Value) -> bool {
    call.provider == row["provider"] && call.model == row["model"]
}

fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_default()
}

/// What a call costs by the list; none where the mock's bill does not say all that the price depends on.
fn cost(call: &Billed, row: &Value) -> Option<u64> {
    let by_list = row["price_version"].as_str().is_some_and(|version| version.starts_with("list-"));
    let has_more = ["service_tier", "web_searches", "audio_input_tokens", "audio_output_tokens", "cache_write_tokens"]
        .into_iter()
        .any(|name| row[name].as_u64().is_some_and(|count| count > 0) || row[name].is_string());
    if !by_list || has_more {
        return None;
    }
    let card = plan::resolve(&format!("{}/{}", call.provider, call.model)).ok()?.model;
    let rates = card.rates_for(call.input_tokens, &Terms::default());
    let tokens = |count: u64, picos: u64| count * picos;
    // Whoever bills less than it counts says nothing of what was cached of that.
    let cached = if call.billed_input_tokens == call.input_tokens { call.cached_tokens } else { 0 };
    let fresh = tokens(call.billed_input_tokens - cached, rates.input);
    let cached = tokens(cached, rates.cached_input.unwrap_or(rates.input));
    let thought = row["reasoning_tokens"].as_u64().filter(|_| rates.reasoning.is_some()).unwrap_or_default();
    let answer = tokens(call.output_tokens - thought, rates.output) + tokens(thought, rates.reasoning.unwrap_or(0));
    // Rounded once, half up.
    Some((fresh + cached + answer + 500) / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_with_a_ledger_is_found() {
        let call = |input, output, ended| Billed {
            provider: "openai".into(),
            model: "gpt-4o-mini".into(),
            input_tokens: input,
            billed_input_tokens: input,
            output_tokens: output,
            ended,
            ..Billed::default()
        };
        let row = |source: &str, input: u64, output: u64, cost: u64| {
            json!({"provider": "openai", "model": "gpt-4o-mini", "usage_source": source, "input_tokens": input, "output_tokens": output,
                   "cost_nanos": cost, "price_version": "list-1"})
        };
        let (whole, cut, refused) =
            (call(10, 20, Ended::Complete), call(10, 99, Ended::Cut), call(0, 0, Ended::Refused));
        let right = row("provider", 10, 20, 10 * 150 + 20 * 600);
        #[rustfmt::skip]
        let table = [
            (vec![right.clone()],                                vec![whole.clone()],          0, "as it should be"),
            (vec![row("none", 0, 0, 0)],                         vec![refused],                0, "a refusal costs nothing"),
            (vec![row("counted", 3, 5, 3_450)],                  vec![cut.clone()],            0, "the provider did not get to say"),
            (vec![],                                             vec![whole.clone()],          1, "a row is missing"),
            (vec![],                                             vec![cut.clone()],            1, "a row of what broke off is missing"),
            (vec![right.clone(), right.clone()],                 vec![whole.clone()],          1, "a row is there twice"),
            (vec![row("provider", 10, 20, 13_499)],              vec![whole.clone()],          1, "a nano-dollar too little"),
            (vec![row("provider", 10, 21, 14_100)],              vec![whole.clone()],          2, "a token too many"),
            (vec![row("none", 0, 0, 7)],                         vec![],                       1, "nothing that costs"),
            (vec![row("counted", 3, 5, 3_450)],                  vec![],                       1, "nobody was asked"),
        ];
        for (rows, bill, problems, why) in table {
            let found = compare(&rows, &bill);
            assert_eq!(found.len(), problems, "{why}: {found:?}");
        }
    }
}
