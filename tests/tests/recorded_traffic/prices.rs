//! What a row costs, from the provider's `prices.toml`, by arithmetic of its own: in integers of 10⁻¹⁵ dollars, rounded once.

use std::{collections::BTreeMap, fs};

use supergate_tests::app::PROVIDERS;
use toml::{Table, Value};

use super::said::Usage;

/// 10⁻¹⁵ dollars in a nano-dollar.
const UNITS_PER_NANO: u128 = 1_000_000;

/// Every provider's list, by `provider/model`.
pub struct Prices(BTreeMap<String, Table>);

/// The table that holds; where it is not known which of two does, what is dearer in either.
struct Rates<'a>(Vec<&'a Table>);

impl Prices {
    pub fn read() -> Self {
        let mut all = BTreeMap::new();
        for (provider, _) in PROVIDERS {
            let file = format!("{}/../shared/src/providers/{provider}/prices.toml", env!("CARGO_MANIFEST_DIR"));
            let list: Table = fs::read_to_string(&file).expect("a price list").parse().expect("TOML");
            for model in tables(&list, "model") {
                all.insert(format!("{provider}/{}", model["id"].as_str().expect("an id")), model.clone());
            }
        }
        Self(all)
    }

    /// Whether a model searches the web for every request, which it need not say.
    pub fn always_searches(&self, model: &str) -> bool {
        search(&self.0[model]).is_some_and(|search| search["per"].as_str() == Some("request"))
    }

    /// In nano-dollars.
    pub fn cost(&self, model: &str, usage: &Usage) -> i64 {
        let model = &self.0[model];
        let rates = Rates::of(model, usage);
        let percent = model.get("us_percent").filter(|_| usage.us_only).and_then(Value::as_integer).unwrap_or(100);
        let tokens = (prompt(&rates, usage) + answer(&rates, usage)) * u128::try_from(percent).expect("per cent") / 100;
        let units = tokens + sound_by_length(model, usage) + searches(model, usage);
        i64::try_from((units + UNITS_PER_NANO / 2) / UNITS_PER_NANO).expect("an amount")
    }
}

impl<'a> Rates<'a> {
    /// By the tier that served and the length of the prompt. A tier that has no prices for long prompts does not serve them; if it did, the
    /// dearer price holds.
    fn of(model: &'a Table, usage: &Usage) -> Self {
        let long = |table: &'a Table| {
            let above = |tier: &&Table| u64::try_from(tier["above"].as_integer().expect("tokens")).expect("a count");
            tables(table, "tier").filter(|tier| usage.counts.input > above(tier)).max_by_key(above)
        };
        let lane = usage.tier.and_then(|tier| model.get(tier)?.as_table());
        let Some(lane) = lane else { return Self(vec![long(model).unwrap_or(model)]) };
        match (long(lane), long(model)) {
            (Some(long), _) => Self(vec![long]),
            (None, Some(standard)) if !lane.contains_key("tier") => Self(vec![lane, standard]),
            _ => Self(vec![lane]),
        }
    }

    /// Units for a token; none where that kind has no price of its own.
    fn find(&self, name: &str) -> Option<u128> {
        // Dollars are for a million tokens.
        self.0.iter().filter_map(|table| table.get(name).map(|price| units(price, 9))).max()
    }

    /// The first of these prices that there is.
    fn price(&self, names: &[&str]) -> u128 {
        names.iter().find_map(|name| self.find(name)).expect("a price")
    }
}

fn prompt(rates: &Rates<'_>, usage: &Usage) -> u128 {
    if let Some((input, _)) = usage.billed {
        return u128::from(input) * rates.price(&["input"]);
    }
    let counts = &usage.counts;
    let (cached, written) = (counts.cached.unwrap_or(0), counts.written.unwrap_or(0));
    let fresh = counts.input.saturating_sub(cached + written);
    let heard = counts.heard.filter(|_| rates.find("audio_input").is_some()).unwrap_or(0);
    let heard_cached = usage.heard_cached.min(heard).min(cached);
    let heard_fresh = (heard - heard_cached).min(fresh);
    let parts = [
        (fresh - heard_fresh, &["input"][..]),
        (heard_fresh, &["audio_input", "input"]),
        (cached - heard_cached, &["cached_input", "input"]),
        (heard_cached, &["cached_audio_input", "cached_input", "input"]),
        (written - usage.written_1h, &["cache_write", "input"]),
        (usage.written_1h, &["cache_write_1h", "cache_write", "input"]),
    ];
    parts.into_iter().map(|(tokens, names)| u128::from(tokens) * rates.price(names)).sum()
}

fn answer(rates: &Rates<'_>, usage: &Usage) -> u128 {
    if let Some((_, output)) = usage.billed {
        return u128::from(output) * rates.price(&["output"]);
    }
    let (mut left, mut sum) = (usage.counts.output, 0);
    let kinds = [
        ("audio_output", usage.counts.spoken.unwrap_or(0)),
        ("video_output", usage.filmed),
        ("reasoning", usage.counts.reasoning.unwrap_or(0)),
    ];
    for (name, tokens) in kinds {
        if let Some(price) = rates.find(name) {
            let tokens = tokens.min(left);
            left -= tokens;
            sum += u128::from(tokens) * price;
        }
    }
    sum + u128::from(left) * rates.price(&["output"])
}

fn sound_by_length(model: &Table, usage: &Usage) -> u128 {
    model.get("audio_minute").map_or(0, |minute| u128::from(usage.heard_seconds) * units(minute, 15) / 60)
}

/// By the request, by the prompt that was searched for, or by the search.
fn searches(model: &Table, usage: &Usage) -> u128 {
    let (Some(search), Some(searches)) = (search(model), usage.counts.searches) else { return 0 };
    let billed = if search["per"].as_str() == Some("query") { searches } else { searches.min(1) };
    let price = usage.search_context.as_deref().and_then(|size| search.get(size)).unwrap_or(&search["price"]);
    u128::from(billed) * units(price, 15)
}

fn search(model: &Table) -> Option<&Table> {
    model.get("web_search")?.as_table()
}

fn tables<'a>(table: &'a Table, name: &str) -> impl Iterator<Item = &'a Table> {
    table.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

/// A decimal of dollars, with so many places.
fn units(price: &Value, places: usize) -> u128 {
    let price = price.as_str().expect("a decimal in quotes");
    let (whole, decimals) = price.split_once('.').unwrap_or((price, ""));
    assert!(decimals.len() <= places, "{price}");
    format!("{whole}{decimals:0<places$}").parse().expect("a decimal")
}
